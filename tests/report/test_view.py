from __future__ import annotations

from pathlib import Path

import pytest

from geomem.errors import RunError
from geomem.report.view import load_run_view
from geomem.runs.directory import Run
from tests.report.sample_run import make_study, make_train


def test_a_study_is_read_whole(tmp_path: Path) -> None:
    view = load_run_view(make_study(tmp_path / "run"))
    assert len(view.exhibits) == 9
    assert len(view.verdicts) == 20
    assert len(view.measurements) == 3
    assert [(cell.experiment, cell.condition, cell.seed, cell.seconds) for cell in view.cells][:2] == [
        ("path finding", "frozen", "0", 21.5),
        ("path finding", "frozen", "1", 22.5),
    ]


def test_a_training_run_draws_its_history_with_chance(tmp_path: Path) -> None:
    view = load_run_view(make_train(tmp_path / "run"))
    curves = {curve.title: curve for curve in view.exhibits}
    assert list(curves) == ["Loss", "Edges", "Paths"]
    paths = curves["Paths"]
    assert paths.kind == "curves"
    assert paths.percent
    assert paths.series[0].name == "first_hop"
    assert paths.series[0].y == pytest.approx(view.history.series("paths/first_hop")[1])
    assert [(line.name, line.value) for line in paths.references] == [("chance", 0.02)]


def test_a_run_that_has_only_begun_is_empty(tmp_path: Path) -> None:
    Run.create_at(tmp_path / "run", "new", "train", {}, [0]).unlock()
    view = load_run_view(tmp_path / "run")
    assert (view.exhibits, view.verdicts, view.measurements, view.cells) == ([], [], [], [])


def test_no_run_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"is not a run directory: it has no run\.json"):
        load_run_view(tmp_path)
