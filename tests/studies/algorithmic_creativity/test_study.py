from __future__ import annotations

import json

import pytest

from geomem.errors import InputError
from geomem.runs.directory import Run
from geomem.runs.exhibits import Curves, read_exhibits
from geomem.spec import validate
from geomem.studies.algorithmic_creativity.cells import METHODS
from geomem.studies.algorithmic_creativity.settings import SMOKE, Settings, Siblings
from geomem.studies.algorithmic_creativity.study import STUDY, finding
from geomem.studies.claim import judge
from geomem.studies.evidence import Evidence
from tests.studies.written import Written, row


def test_the_smoke_run_judges_every_claim(creativity_run: Run, creativity_evidence: dict[str, Evidence]) -> None:
    found = {claim.id: judge(claim, creativity_evidence[claim.experiment]) for claim in STUDY.claims}
    assert all(verdict != "not run" and tests for verdict, tests, _ in found.values())
    assert creativity_run.info.finding == finding(creativity_evidence) != ""


def test_exhibits_show_every_method_at_equal_passes(creativity_run: Run) -> None:
    exhibits = {one.id.removeprefix("algorithmic-creativity-"): one
                for one in read_exhibits(creativity_run.path / "exhibits")}  # fmt: skip
    assert set(exhibits) == {
        "course", "memorisation", "temperature", "siblings-siblings", "seed-length", "siblings-seed-length",
        "triangles-triangles", "circles-lists", "lines-lists",
    }  # fmt: skip
    for name in ("course", "memorisation", "temperature"):
        drawn = exhibits[name]
        assert isinstance(drawn, Curves)
        assert [series.name for series in drawn.series] == [method.words for method in METHODS.values()]
    course = exhibits["course"]
    assert isinstance(course, Curves)
    assert {series.x[-1] for series in course.series} == {float(SMOKE.siblings.passes)}


def test_a_claim_about_late_training_is_not_supported_early(creativity_evidence: dict[str, Evidence]) -> None:
    for claim in STUDY.claims[:4]:
        _, tests, _ = judge(claim, creativity_evidence[claim.experiment])
        needed = [test for test in tests if test.needed and "passes" in test.bound.quantity]
        assert [test.verdict() for test in needed] == ["inconclusive"]


def test_the_finding_is_computed_from_what_was_measured() -> None:
    def rows(*values: float) -> list[object]:
        return [row("siblings/creativity@t1", value, step=step) for step, value in enumerate(values)]

    own = Written(
        "siblings",
        {
            ("ntp", 0): [*rows(0.1, 0.5, 0.05), row("siblings/ceiling", 0.82)],  # type: ignore[list-item]
            ("ntp-seed", 0): [row("siblings/creativity@t0", 0.13)],
            ("hybrid-seed", 0): [row("siblings/creativity@t0", 0.29)],
        },
        Settings(),
    )
    said = finding({"siblings": own})
    for words in ("creativity of 0.29", "prediction 0.13", "ends at 0.05 and was at 0.5", "coherent has 0.82"):
        assert words in said
    assert finding({}) == ""


def test_settings_go_to_json_and_mistakes_are_one_line() -> None:
    for scale in STUDY.scales.values():
        assert validate(Settings, json.loads(scale.model_dump_json())) == scale
    with pytest.raises(InputError, match="temperatures: 0 and 1 must be among them"):
        validate(Siblings, {"temperatures": [0.5]})
    with pytest.raises(InputError, match="seed_lengths: must ascend"):
        validate(Siblings, {"seed_lengths": [4, 3]})
    with pytest.raises(InputError, match="2 letters give 648 seeds to train with, too few for 1000 examples"):
        validate(Siblings, {"seed_lengths": [0, 2]})
