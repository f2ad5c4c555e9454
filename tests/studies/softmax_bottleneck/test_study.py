from __future__ import annotations

import json

import pytest

from geomem.errors import InputError
from geomem.runs.directory import Run
from geomem.runs.exhibits import read_exhibits
from geomem.spec import validate
from geomem.studies.claim import judge
from geomem.studies.evidence import Evidence
from geomem.studies.softmax_bottleneck.predicates import MIXTURES, MODEL
from geomem.studies.softmax_bottleneck.settings import SMOKE, Floor, Sampling, Settings
from geomem.studies.softmax_bottleneck.study import STUDY, finding, model_cells
from tests.studies.written import Written, row


def test_the_smoke_run_judges_every_claim(bottleneck_run: Run, bottleneck_evidence: dict[str, Evidence]) -> None:
    verdicts = {claim.id: judge(claim, bottleneck_evidence[claim.experiment])[0] for claim in STUDY.claims}
    assert verdicts["B1"] == verdicts["B3"] == verdicts["B7"] == "supported"  # theorems, whatever the size
    assert not {"not run", "inconclusive"} & set(verdicts.values())
    assert bottleneck_run.info.finding == finding(bottleneck_evidence)
    ids = {one.id for one in read_exhibits(bottleneck_run.path / "exhibits")}
    names = ("floor", "spectra", "pmi", "sgns", "model", "heads", "ranks")
    assert ids == {f"softmax-bottleneck-{name}" for name in names}


def test_the_language_model_is_judged_by_its_own_layer(bottleneck_evidence: dict[str, Evidence]) -> None:
    own = bottleneck_evidence[MODEL]
    assert own.measured(MODEL, "model/rank") == {0: SMOKE.lm.width}
    assert own.measured(MODEL, "model/plain_rank") == {0: SMOKE.lm.width + 1}
    assert own.measured(MODEL, "model/float32_rank")[0] > SMOKE.lm.width + 1  # rounding alone
    assert own.measured(MODEL, "model/float32_kl")[0] < 1e-9
    assert 1 <= own.measured(MODEL, "model/effective_rank")[0] <= SMOKE.lm.width
    assert own.measured(MODEL, "model/effective_rank", control="untrained")[0] > 1


def test_probabilities_of_every_output_layer_sum_to_one(bottleneck_evidence: dict[str, Evidence]) -> None:
    for name in ("softmax", "contexts", "softmaxes"):
        assert bottleneck_evidence[MIXTURES].measured(MIXTURES, f"{name}/sum_error")[0] < 1e-12


def test_a_model_of_the_users_takes_the_place_of_the_trained_ones(bottleneck_run: Run) -> None:
    trained = next((bottleneck_run.path.parent / "cache").glob("small-lm-*"))
    (cell,) = model_cells(SMOKE.model_copy(update={"model": str(trained)}), range(3))
    assert not cell.needs
    assert len(model_cells(SMOKE, range(3))) == 3
    with pytest.raises(InputError):
        model_cells(SMOKE.model_copy(update={"model": str(trained / "nowhere")}), range(3))


def test_the_finding_is_computed_from_what_was_measured() -> None:
    numbers = {
        "softmax/kl": 0.7,
        "contexts/kl": 0.69,
        "softmaxes/kl": 0.14,
        "softmax/rank": 4.0,
        "softmaxes/rank": 63.0,
    }
    mixtures = Written(MIXTURES, {(MIXTURES, 0): [row(name, value) for name, value in numbers.items()]}, Settings())
    model = Written(MODEL, {(MODEL, 0): [row("model/rank", 95.0), row("model/most", 96.0)]}, Settings())
    said = finding({MIXTURES: mixtures, MODEL: model})
    assert "stays 0.7 nats" in said
    assert "a mixture of softmaxes 0.14" in said
    assert "have rank 95; its output layer allows 96." in said
    assert finding({}) == ""


def test_settings_go_to_json_and_mistakes_are_one_line() -> None:
    for scale in STUDY.scales.values():
        assert validate(Settings, json.loads(scale.model_dump_json())) == scale
    with pytest.raises(InputError, match="ranks"):
        validate(Floor, {"ranks": [2], "below": 3})
    with pytest.raises(InputError, match="widths"):
        validate(Sampling, {"widths": [6, 3]})
