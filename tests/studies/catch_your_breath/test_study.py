from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from geomem.errors import InputError
from geomem.runs.directory import Run
from geomem.runs.exhibits import Bars, read_exhibits
from geomem.spec import validate
from geomem.studies.catch_your_breath import predicates
from geomem.studies.catch_your_breath.asked import by_token
from geomem.studies.catch_your_breath.predicates import FORMS, LOSSES, PRICES, TOY, anytime
from geomem.studies.catch_your_breath.settings import LAPTOP, SMOKE, Settings
from geomem.studies.catch_your_breath.study import STUDY, finding, loss_cells, price_cells, toy_cells
from geomem.studies.claim import Verdict, combine, judge
from geomem.studies.evidence import Evidence
from tests.studies.geometric_memory.samples import Made
from tests.studies.small_runs import evidence_of, run_smoke, untrained_scores


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_smoke("catch-your-breath", tmp_path_factory.mktemp("breath"))


@pytest.fixture(scope="module")
def evidence(run: Run) -> dict[str, Evidence]:
    return evidence_of(run)


def test_the_smoke_run_measures_what_the_claims_read(run: Run, evidence: dict[str, Evidence]) -> None:
    verdicts = {claim.id: judge(claim, evidence[claim.experiment]) for claim in STUDY.claims}
    assert verdicts["C1"][0] == "supported"  # closed forms, whatever the size
    for name, (verdict, tests, note) in verdicts.items():
        assert verdict != "not run"
        assert tests, f"{name}: {note}"
    assert run.info.finding == finding(evidence) != ""
    ids = {one.id for one in read_exhibits(run.path / "exhibits")}
    wanted = ("tokens", "delay", "slots", "table")
    assert {"catch-your-breath-forms", f"catch-your-breath-{LOSSES}-table"} <= ids
    assert {f"catch-your-breath-{TOY}-{name}" for name in wanted} <= ids


def test_what_a_model_asks_for_is_measured_by_kind(evidence: dict[str, Evidence]) -> None:
    own = evidence[PRICES]
    for gamma in SMOKE.gammas:
        for kind in ("easy", "hard", "noise"):
            assert 0 <= own.measured(anytime(gamma), f"delay/{kind}")[0] <= 1
            assert 1 <= own.measured(anytime(gamma), f"slots/{kind}")[0] <= SMOKE.slots
            for slot in range(1, SMOKE.slots + 1):
                assert 0 <= own.measured(anytime(gamma), f"slot_{slot}/{kind}/probability")[0] <= 1
    assert set(evidence[LOSSES].conditions) == {"va", "dp", "last", "mean"}
    assert evidence[LOSSES].measured("last", "slots/mean")[0] == SMOKE.slots, "a baseline reads the last slot"


def test_slots_by_token_are_means_over_its_places() -> None:
    before = torch.tensor([[7, 3, 7], [9, 7, 3]])
    used = torch.tensor([[1, 3, 2], [1, 3, 2]])
    found = by_token(before, used)
    assert found["tokens"].tolist() == [3, 7, 9]
    assert found["slots"].tolist() == [2.5, 2.0, 1.0]


def test_where_pauses_were_asked_for_is_drawn_by_token(run: Run, evidence: dict[str, Evidence]) -> None:
    """Weighted by how often each token comes, its slots are the mean slots that the table states."""
    name = f"catch-your-breath-{TOY}-tokens"
    (drawn,) = (one for one in read_exhibits(run.path / "exhibits") if one.id == name)
    assert isinstance(drawn, Bars)
    assert set(drawn.panels[0].categories) <= {*(f"c{n}" for n in range(8)), *(f"k{n}" for n in range(4)), "~"}
    own = evidence[TOY].arrays(anytime(0.95), 0)
    assert own["slots"].min() <= evidence[TOY].measured(anytime(0.95), "slots/mean")[0] <= own["slots"].max()


def test_cells_differ_in_their_objective_alone() -> None:
    cells = [*toy_cells(LAPTOP, [3]), *price_cells(LAPTOP, [3]), *loss_cells(LAPTOP, [3])]
    assert len({cell.condition for cell in cells}) == 8
    rest = {cell.spec.model_copy(update={"objective": "same"}).model_dump_json() for cell in cells}  # type: ignore
    assert len(rest) == 1


# -- the judges can fail ---------------------------------------------------------------------------------------------

GOOD: dict[tuple[str, str], float] = {
    (anytime(0.95), "stop/hard/accuracy"): 0.95,
    (anytime(0.95), "delay/hard"): 0.6,
    (anytime(0.95), "delay/easy"): 0.1,
    (anytime(0.95), "delay/noise"): 0.1,
    (anytime(0.9), "slots/mean"): 1.2,
    (anytime(0.95), "slots/mean"): 1.3,
    (anytime(0.98), "slots/mean"): 1.4,
    (anytime(0.95), "stop/loss"): 0.2,
    ("next-token", "stop/loss"): 0.2,
    **{(FORMS, f"{name}/error"): 1e-4 for name in ("ap", "va", "dp")},
    **{(FORMS, f"{name}/one_slot"): 0.0 for name in ("ap", "va", "dp")},
}


def verdict(claim: Any, change: dict[tuple[str, str], float]) -> Verdict:
    numbers = {key: [value, value] for key, value in (GOOD | change).items()}
    return combine([test.verdict() for test in claim(Made(numbers, LAPTOP))])  # pyright: ignore


@pytest.mark.parametrize(
    ("claim", "condition", "metric", "value"),
    [
        (predicates.forms, FORMS, "va/error", 0.02),
        (predicates.forms, FORMS, "dp/one_slot", 1e-6),
        (predicates.waits_where_it_is_hard, anytime(0.95), "delay/easy", 0.5),
        (predicates.does_not_wait_for_noise, anytime(0.95), "delay/noise", 0.5),
        (predicates.time_has_a_price, anytime(0.98), "slots/mean", 1.25),
        (predicates.time_has_a_price, anytime(0.9), "slots/mean", 1.35),
        (predicates.costs_nothing, anytime(0.95), "stop/loss", 0.22),
    ],
)
def test_claims_can_fail(claim: Any, condition: str, metric: str, value: float) -> None:
    assert verdict(claim, {}) == "supported"
    assert verdict(claim, {(condition, metric): value}) == "contradicted"


def test_a_model_that_did_not_learn_to_look_up_decides_nothing() -> None:
    few = {(anytime(0.95), "stop/hard/accuracy"): 0.5}
    for claim in (predicates.waits_where_it_is_hard, predicates.does_not_wait_for_noise, predicates.time_has_a_price):
        assert verdict(claim, few) == "inconclusive"


def test_a_price_that_changes_nothing_is_no_order() -> None:
    same = {(anytime(gamma), "slots/mean"): 1.0 for gamma in (0.9, 0.95, 0.98)}
    assert verdict(predicates.time_has_a_price, same) == "contradicted"


def test_settings_that_do_not_fit_are_one_line() -> None:
    for settings, word in (({"gamma": 0.5}, "gamma: must be one of"), ({"gammas": (0.95, 0.9, 0.98)}, "ascending")):
        with pytest.raises(InputError, match=word):
            validate(Settings, settings)


def test_without_evidence_nothing_is_said(tmp_path: Path) -> None:
    assert finding({}) == ""
    assert finding({TOY: Evidence(tmp_path, LAPTOP)}) == ""


def test_long_sequences_have_their_positions() -> None:
    """Rotary ones have no end."""
    long = SMOKE.model_copy(update={"items": 40, "test_size": 10})
    for cell in toy_cells(long, [0]):
        assert untrained_scores(cell.spec)
