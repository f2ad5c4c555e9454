from __future__ import annotations

import re

import pytest

from geomem.runs.directory import Run
from geomem.runs.exhibits import read_exhibits, read_verdicts
from geomem.studies import STUDIES
from geomem.studies.representation_comparison.study import STUDY, finding
from tests.probing import tiny
from tests.studies.representation_comparison import samples
from tests.studies.small_runs import run_smoke


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The whole study at smoke scale on a few pages. Read it; do not change it."""
    text = tiny.text_file(tmp_path_factory.mktemp("text"))
    folder = tmp_path_factory.mktemp("comparison")
    return run_smoke("representation-comparison", folder, f"lm.text={text}", experiments=())


def test_the_registered_study_is_this_one_and_all_of_it_is_run_by_default() -> None:
    assert STUDIES.get("representation-comparison") is STUDY
    assert [one.name for one in STUDY.chosen(())] == ["digits", "language-models"]


def test_a_small_run_of_everything_leaves_everything(run: Run) -> None:
    verdicts = {one.claim: one for one in read_verdicts(run.path / "verdicts.json")}
    assert list(verdicts) == [claim.id for claim in STUDY.claims]
    assert all(one.verdict != "not-run" for one in verdicts.values())
    assert verdicts["D-biased"].verdict == verdicts["D-svcca"].verdict == "supported"
    exhibits = {one.id: one for one in read_exhibits(run.path / "exhibits")}
    assert set(exhibits) == {
        "digits-noise", "digits-table", "digits-maps",
        "words-depth", "words-maps", "words-needed", "words-encoding", "words-noise",
    }  # fmt: skip
    assert [panel.title for panel in exhibits["words-depth"].panels] == [  # type: ignore[union-attr]
        "Other model", "Shallower sibling", "Untrained twin",
    ]  # fmt: skip
    assert run.info.finding.startswith("From 50 stimuli pure noise scores")


def test_the_first_screen_says_what_was_measured_and_nothing_else() -> None:
    both = finding({"digits": samples.digits(), "language-models": samples.words()})
    assert re.findall(r"-?\d\.\d+|\d+%", both) == ["0.39", "0.12", "-0.01", "33%", "2.0"]
    assert finding({"language-models": samples.words()}).startswith("Of the layers")
    assert finding({}) == ""
