from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from geomem.errors import InputError
from geomem.runs.directory import Run
from geomem.studies.show import describe_study, summarise

pytestmark = pytest.mark.usefixtures("toy")


def _text(view: object) -> str:
    console = Console(file=io.StringIO(), width=200)
    for one in view.renderables():  # type: ignore[attr-defined]
        console.print(one)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_a_study_is_shown_with_its_runs_and_settings() -> None:
    view = describe_study("toy", "smoke")
    data = json.loads(json.dumps(view.data(), allow_nan=False))
    assert [one["name"] for one in data["experiments"]] == ["learn", "formula", "good"]
    assert data["experiments"][0] == {"name": "learn", "title": "learning", "summary": "Trains.", "headline": True,
                                      "seeds": 2, "runs": 4, "minutes": 0.07}  # fmt: skip
    assert [one["id"] for one in data["claims"]] == ["T1", "T2", "T3", "T4"]
    assert data["settings"] == {"star": {"arms": 5, "steps": 6, "lr": 3e-3}}
    assert describe_study("toy", "laptop").data()["settings"]["star"]["steps"] == 8
    shown = _text(view)
    for word in ("learn *", "Statement T2.", "star.arms", "0.003"):
        assert word in shown
    with pytest.raises(InputError, match="did you mean 'toy'"):
        describe_study("toyy", "smoke")


def test_a_summary_tells_what_was_judged(toy_run: Run) -> None:
    summary = summarise(toy_run)
    assert summary.contradicted == ["T2"]
    data = json.loads(json.dumps(summary.data(), allow_nan=False))
    assert data["finding"] == "ran learn, formula, good"
    assert [one["verdict"] for one in data["verdicts"]] == ["supported", "contradicted", "supported", "inconclusive"]
    shown = _text(summary)
    for word in ("T2", "contradicted", "below 0", "report.html", "norm of the table"):
        assert word in shown
    assert "further claims" not in shown


def test_shared_trainings_are_counted_and_costed_once() -> None:
    view = describe_study("shared-toy", "smoke")
    data = view.data()
    assert [(one["runs"], one["minutes"]) for one in data["experiments"]] == [(2, 0.07), (2, 0.07)]
    assert data["shared"] == [{"name": "toy model 0", "minutes": 0.5}, {"name": "toy model 1", "minutes": 0.5}]
    assert "shared trainings, each once" in _text(view)
    assert describe_study("toy", "smoke").data()["shared"] == []
    assert "shared trainings" not in _text(describe_study("toy", "smoke"))
