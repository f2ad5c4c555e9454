from __future__ import annotations

import re
from pathlib import Path

import pytest

from geomem.errors import InputError
from geomem.runs.directory import Run
from geomem.runs.exhibits import read_exhibits, read_verdicts
from geomem.studies import STUDIES
from geomem.studies.attention_sinks.settings import SMOKE
from geomem.studies.attention_sinks.study import STUDY, finding, model_cells
from tests.probing import tiny
from tests.studies.attention_sinks import samples
from tests.studies.small_runs import run_smoke


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The whole study at smoke scale on a few pages. Read it; do not change it."""
    text = tiny.text_file(tmp_path_factory.mktemp("text"))
    return run_smoke("attention-sinks", tmp_path_factory.mktemp("sinks"), f"lm.text={text}", experiments=())


def test_the_registered_study_is_this_one_and_all_of_it_is_run_by_default() -> None:
    assert STUDIES.get("attention-sinks") is STUDY
    assert [one.name for one in STUDY.chosen(())] == ["checkpoint", "planted-streams", "planted-network"]


def test_a_small_run_of_everything_leaves_everything(run: Run) -> None:
    verdicts = {one.claim: one for one in read_verdicts(run.path / "verdicts.json")}
    assert list(verdicts) == [claim.id for claim in STUDY.claims]
    assert verdicts["A-range"].verdict == verdicts["A-strong"].verdict == "supported"
    assert verdicts["B"].verdict == "inconclusive"
    assert "--set model=PATH" in verdicts["B"].note
    assert verdicts["C-rank"].verdict == "inconclusive"
    exhibits = read_exhibits(run.path / "exhibits")
    assert {one.id for one in exhibits} >= {"sinks-by-depth", "sinks-places", "planted-streams", "planted-network"}
    assert any(one.hero for one in exhibits)
    assert run.info.finding.startswith("In a language model of 0.0")


def test_a_checkpoint_takes_the_small_models_place(tmp_path: Path) -> None:
    settings = SMOKE.model_copy(update={"model": str(tiny.saved(tiny.gpt2(), tmp_path))})
    (cell,) = model_cells(settings, range(3))
    assert not cell.needs
    assert cell.spec.settings["model"] == str(tmp_path)  # type: ignore[union-attr]
    assert len(model_cells(SMOKE, range(3))) == 3
    with pytest.raises(InputError, match="nowhere"):
        model_cells(SMOKE.model_copy(update={"model": "nowhere"}), range(1))


def test_the_first_screen_says_what_was_measured_and_nothing_else() -> None:
    said = finding({"checkpoint": samples.model()})
    assert re.findall(r"\d+%", said) == ["40%", "80%", "90%"]
    assert "135 million weights" in said
    small = finding({"checkpoint": samples.model(weights=0.8e6, attention=0.02, share=0.0)})
    assert "no sink by the gate" in small
    assert re.findall(r"\d+%", small) == ["2%", "0%"]
    assert finding({}) == finding({"planted-streams": samples.streams()}) == ""
