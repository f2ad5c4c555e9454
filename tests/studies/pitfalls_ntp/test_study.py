from __future__ import annotations

import json
import math

import numpy as np
import pytest

from geomem.report.page import report_html
from geomem.report.view import load_run_view
from geomem.runs.directory import Run
from geomem.runs.examples import Examples
from geomem.runs.exhibits import Profiles, read_exhibits
from geomem.spec import validate
from geomem.studies.claim import judge
from geomem.studies.evidence import Evidence
from geomem.studies.pitfalls_ntp import cells
from geomem.studies.pitfalls_ntp.pictures import cascade
from geomem.studies.pitfalls_ntp.predicates import CHEAT, DECISION, EXACT, TWO_ARMS
from geomem.studies.pitfalls_ntp.settings import LAPTOP, SMOKE, Settings
from geomem.studies.pitfalls_ntp.study import STUDY, finding
from geomem.training.spec import TrainSpec
from tests.studies.geometric_memory.samples import Made


def test_the_smoke_run_judges_and_draws_everything(pitfalls_run: Run, pitfalls_evidence: dict[str, Evidence]) -> None:
    verdicts = {claim.id: judge(claim, pitfalls_evidence[claim.experiment])[0] for claim in STUDY.claims}
    # Nothing is learned in 20 steps: what rests on the cheat is open, and nothing is supported.
    assert {verdicts[name] for name in ("A2", "A3", "A4", "A5")} == {"inconclusive"}
    assert "supported" not in verdicts.values()
    assert pitfalls_run.info.finding == finding(pitfalls_evidence)
    exhibits = {one.id: one for one in read_exhibits(pitfalls_run.path / "exhibits")}
    for experiment in ("two-arms", "three-arms", "three-nodes", "mamba", "cascade"):
        assert {f"{experiment}-{name}" for name in ("path", "nodes", "cheat", "arms", "numbers")} <= set(exhibits)
    assert {"finite-memory", "finite-numbers", "two-arms-cascade", "cascade-cascade"} <= set(exhibits)
    nodes = exhibits["two-arms-nodes"]
    assert isinstance(nodes, Profiles)
    assert [panel.title for panel in nodes.panels] == [
        "next token, decoded freely",
        "next token, true nodes shown",
        "reversed, decoded freely",
        "reversed, true nodes shown",
        "teacherless, decoded freely",
    ]
    answers = exhibits["two-arms-answers-forward"]
    assert isinstance(answers, Examples)
    assert len(answers.examples) == SMOKE.examples
    assert "two-arms-answers-first-token" not in exhibits


def test_answers_kept_are_those_scored(pitfalls_evidence: dict[str, Evidence]) -> None:
    for name in ("forward", "reversed", "teacherless"):
        kept = pitfalls_evidence[TWO_ARMS].arrays(name, 0)
        right = (kept["free"] == kept["arms"][:, 0]).all(1).mean()
        assert len(kept["free"]) == SMOKE.training.test_size
        assert right == pytest.approx(pitfalls_evidence[TWO_ARMS].measured(name, EXACT)[0])
        assert kept["confusion"].sum() == SMOKE.training.test_size
        first = (kept["free"][:, :2] == kept["arms"][:, 0, :2]).all(1).sum()
        assert np.trace(kept["confusion"]) == first


def test_the_page_steps_through_answers(pitfalls_run: Run) -> None:
    page = report_html(load_run_view(pitfalls_run.path))
    assert 'id="figure-two-arms-answers-forward"' in page
    assert page.count('class="example"') >= SMOKE.examples


def test_every_cell_is_what_its_name_says() -> None:
    made = {cell.condition: cell.spec for cell in cells.two_arms(LAPTOP, [0])}
    specs = {name: spec for name, spec in made.items() if isinstance(spec, TrainSpec)}
    assert {name: spec.objective.model_dump()["kind"] for name, spec in specs.items()} == {
        "forward": "next-token", "reversed": "reversed", "teacherless": "teacherless", "first-token": "first-token",
    }  # fmt: skip
    tasks = [spec.task.model_dump() for spec in specs.values()]
    assert all(task == tasks[0] for task in tasks)  # the same data, whatever the objective
    assert tasks[0]["train_size"] is None
    assert tasks[0]["layout"] == "prompt"
    stops = {name: spec.stop.metric for name, spec in specs.items() if spec.stop is not None}
    assert stops == {"forward": CHEAT, "reversed": EXACT}
    assert specs["first-token"].objective.model_dump()["position"] == 2
    (memory,) = cells.finite(LAPTOP, [0])
    assert isinstance(memory.spec, TrainSpec)
    assert memory.spec.task.model_dump()["train_size"] == LAPTOP.finite.prompts
    assert memory.spec.stop is None
    (low,) = cells.cascade(LAPTOP, [0])
    assert isinstance(low.spec, TrainSpec)
    assert low.spec.task.model_dump()["num_nodes"] == 9
    assert low.spec.stop is not None
    assert low.spec.stop.metric == EXACT


def test_a_prompt_fits_the_positions_there_are() -> None:
    for scale in STUDY.scales.values():
        assert isinstance(scale, Settings)
        for star in (scale.star, scale.three_arms, scale.three_nodes):
            edges = star.arms * (star.length - 1)
            made = [cell.spec for cell in cells.two_arms(scale.model_copy(update={"star": star}), [0])]
            assert all(spec.model.model_dump()["max_positions"] >= 3 * edges + 3 + star.length  # type: ignore[union-attr]
                       for spec in made)  # fmt: skip


def test_a_cascade_is_read_off_the_courses() -> None:
    courses = {0: {0: 1.0, 10: 1.0}, 1: {0: 0.1, 10: 0.9, 20: 0.91}, 2: {0: 0.1, 10: 0.95, 20: 0.2}, 3: {0: 0.3}}
    assert cascade(courses) == {0: 0.0, 1: 20.0, 2: 10.0, 3: math.inf}
    assert cascade(courses, 0.2)[3] == 0.0


def test_the_finding_speaks_of_the_failure_only_when_the_cheat_is_there() -> None:
    def evidence(cheat: float) -> dict[str, Evidence]:
        numbers = {("forward", CHEAT): [cheat], ("forward", DECISION): [0.52], ("forward", EXACT): [0.5],
                   ("reversed", EXACT): [0.99]}  # fmt: skip
        return {TWO_ARMS: Made(numbers, LAPTOP)}  # type: ignore[arg-type]

    said = finding(evidence(0.97))
    assert "97\u202f%" in said
    assert "52\u202f%" in said
    assert "99\u202f%" in said
    assert "nothing can be said" in finding(evidence(0.94))
    assert finding({}) == ""


def test_settings_go_to_json() -> None:
    for scale in STUDY.scales.values():
        assert validate(Settings, json.loads(scale.model_dump_json())) == scale
