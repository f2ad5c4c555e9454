from __future__ import annotations

import json
from pathlib import Path

import pytest

from geomem.errors import RunError
from geomem.runs.directory import Run
from geomem.runs.exhibits import Bars, Curves, Profiles, Table
from geomem.studies.deep_linear_dynamics import pictures
from geomem.studies.deep_linear_dynamics.own import NAMES
from geomem.studies.deep_linear_dynamics.settings import SMOKE
from geomem.studies.deep_linear_dynamics.study import STUDY
from geomem.studies.evidence import Evidence
from tests.contract.checks import check_exhibits


def test_every_experiment_has_pictures(linear_evidence: dict[str, Evidence], tmp_path: Path) -> None:
    made = {one.name: list(one.exhibits(linear_evidence[one.name])) for one in STUDY.experiments}
    check_exhibits([exhibit for some in made.values() for exhibit in some], tmp_path)
    assert all(some for some in made.values())
    assert all(exhibit.experiment == name for name, some in made.items() for exhibit in some)


def test_simulated_lines_lie_on_their_closed_forms(linear_evidence: dict[str, Evidence]) -> None:
    first, halves, table = pictures.mode_pictures(linear_evidence["modes"])
    assert isinstance(first, Curves)
    solid, dashed = first.series[:4], first.series[4:]
    assert not {one.colour for one in solid} & {one.colour for one in dashed}
    for one, two in zip(solid, dashed, strict=True):
        assert max(abs(a - b) for a, b in zip(one.y, two.y, strict=True)) < 0.05
        assert two.dashed
    assert isinstance(halves, Curves)
    assert len(halves.series) == 2 + len(SMOKE.modes.stds)
    assert isinstance(table, Table)
    assert all(len(row) == 4 for row in table.rows)


def test_depth_pictures(linear_evidence: dict[str, Evidence]) -> None:
    times, matrices, starts, table = pictures.depth_pictures(linear_evidence["depth"])
    assert isinstance(times, Curves)
    assert times.series[0].y == pytest.approx(times.series[1].y, rel=1e-3)
    assert times.references[0].value > max(times.series[0].y)
    assert isinstance(matrices, Curves)
    assert isinstance(starts, Curves)
    assert [one.name for one in starts.series] == ["orthogonal", "gaussian", "decoupled"]
    assert isinstance(table, Table)
    assert [row[0] for row in table.rows] == list(SMOKE.starts.depths)


def test_hierarchy_and_control_pictures(linear_evidence: dict[str, Evidence]) -> None:
    spectrum, stages, table = pictures.hierarchy_pictures(linear_evidence["hierarchy"])
    assert isinstance(spectrum, Bars)
    drawn, formula = spectrum.panels[0].series
    assert drawn.values == pytest.approx(formula.values, rel=0.2)
    assert isinstance(stages, Curves)
    assert len(stages.series) == 8, "four levels, linear and tanh"
    assert isinstance(table, Table)
    assert [row[1] for row in table.rows] == [1, 1, 2, 4]
    (control,) = pictures.control_pictures(linear_evidence["control"])
    assert isinstance(control, Profiles)
    assert [len(panel.series) for panel in control.panels] == [4, 4]


def test_next_token_picture(linear_evidence: dict[str, Evidence]) -> None:
    (times,) = pictures.next_token_pictures(linear_evidence["next-token"])
    assert isinstance(times, Curves)
    trained, told = times.series
    assert trained.x == told.x
    assert trained.y[0] < trained.y[-1]


def test_own_pictures_name_what_a_mode_sets_apart(linear_run: Run, linear_evidence: dict[str, Evidence]) -> None:
    curves, table = pictures.own_pictures(linear_evidence["own"])
    assert isinstance(curves, Curves)
    assert "pages.txt" in curves.title
    assert isinstance(table, Table)
    said = json.loads((linear_run.path / "cells" / "own" / "own" / "seed-0" / NAMES).read_text(encoding="utf-8"))
    assert table.rows[0][4].startswith(said[0]["inputs"][0] if said[0]["inputs"] else said[0]["inputs_against"][0])


def test_words_that_are_missing_are_an_error_one_can_read(linear_run: Run, tmp_path: Path) -> None:
    evidence = Evidence(linear_run.path / "cells" / "own", SMOKE)
    evidence.cells = {("own", 0): tmp_path}
    with pytest.raises(RunError, match=r"modes\.json"):
        pictures._own_table(evidence, 0)
