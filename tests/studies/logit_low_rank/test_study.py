"""The study runs at smoke scale, leaves what its pictures need, and reads any model."""

from __future__ import annotations

from pathlib import Path

import pytest

from geomem.runs.directory import Run
from geomem.runs.exhibits import Curves, Profiles, Table
from geomem.studies.claim import judge
from geomem.studies.logit_low_rank.experiments import language
from geomem.studies.logit_low_rank.pictures import exact_pictures, language_pictures
from geomem.studies.logit_low_rank.settings import SMOKE
from geomem.studies.logit_low_rank.study import STUDY, finding
from geomem.training.pool import Job, run_job
from geomem.training.progress import Event
from tests.contract.checks import check_exhibits
from tests.probing import tiny
from tests.studies.small_runs import evidence_of, run_smoke


def test_what_is_exact_comes_out_exact(smoke: Run) -> None:
    evidence = evidence_of(smoke)
    for claim in STUDY.claims:
        found, tests, note = judge(claim, evidence[claim.experiment])
        assert tests, f"{claim.id}: {note}"
        if claim.id in ("G1", "G2", "G3", "L6"):
            assert found == "supported", claim.id


def test_numbers_of_the_language_model(smoke: Run) -> None:
    evidence = evidence_of(smoke)["language-model"]
    steps, alphas = evidence.series("model", 0, "spectrum/alpha")
    assert steps[0] == 0
    assert len(steps) == len(alphas) > 3
    assert evidence.series("model", 0, "transfer/to_end")[1][-1] == pytest.approx(1)
    cosines = {name: evidence.measured("model", "transfer/cosine", control=name)[0]
               for name in ("other text", "nonsense", "random tokens", "shuffled")}  # fmt: skip
    assert cosines["other text"] > cosines["shuffled"]
    assert evidence.measured("model", "kl/rank_8")[0] < evidence.measured("model", "kl/rank_2")[0]
    for name in ("lingen", "single-token", "truncated", "unigram"):
        whole, later = (evidence.measured("model", f"lingen/{name}{end}")[0] for end in ("", "_later"))
        assert whole >= later >= 0


def test_pictures(smoke: Run, tmp_path: Path) -> None:
    evidence = evidence_of(smoke)
    shown = {one.id: one for one in language_pictures(evidence["language-model"])}
    assert set(shown) == {"lingen-steps", "lingen-texts", "logit-spectra", "logit-kl", "logit-training",
                          "logit-cosines", "logit-table"}  # fmt: skip
    texts, training, spectra = shown["lingen-texts"], shown["logit-training"], shown["logit-spectra"]
    assert isinstance(texts, Table)
    assert texts.rows[0][1] == "the model itself"
    assert {"LinGen", "LinGen from nonsense"} <= {row[1] for row in texts.rows}
    assert isinstance(training, Profiles)
    assert isinstance(spectra, Curves)
    assert spectra.series[0].y[0] == 1
    for name in ("isan", "hmm"):
        (one,) = exact_pictures(evidence[name])
        assert isinstance(one, Curves)
    check_exhibits(shown.values(), tmp_path)
    assert "other prompts" in finding(evidence)
    assert finding({}) == ""


def test_a_model_alone_stands_beside_its_untrained_twin(tmp_path: Path) -> None:
    tiny.saved(tiny.llama(), tmp_path / "llama")
    run = run_smoke("logit-low-rank", tmp_path / "runs", f"model={tmp_path / 'llama'}", experiments=("language-model",))
    evidence = evidence_of(run)["language-model"]
    assert evidence.seeds("model") == [0]
    assert evidence.measured("model", "spectrum/alpha")[0] != evidence.measured(
        "model", "spectrum/alpha", control="untrained"
    )[0]  # fmt: skip
    shown = {one.id for one in language_pictures(evidence)}
    assert "logit-training" not in shown
    assert "logit-spectra" in shown


def test_every_part_of_the_work_is_told(tmp_path: Path) -> None:
    tiny.saved(tiny.llama(), tmp_path / "llama")
    settings = SMOKE.model_copy(update={"model": str(tmp_path / "llama")})
    (cell,) = language(settings, [0])
    events: list[Event] = []
    run_job(Job(cell.spec, tmp_path / "run"), events.append)
    told = [event for event in events if not event.done]
    assert [event.step for event in told] == list(range(8))  # the model, three matrices' parts, two targets twice
    assert {event.steps for event in told} == {8}
    assert [event.note for event in told[1:]] == ["controls", "transfer", "nonsense", *["LinGen"] * 2,
                                                  *["LinGen nonsense"] * 2]  # fmt: skip
