from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from geomem.errors import RunError
from geomem.runs.examples import Example, Examples
from geomem.runs.exhibits import (
    BarPanel,
    Bars,
    BarSeries,
    Curves,
    Heatmap,
    HeatmapPanel,
    Map,
    MapPanel,
    Measured,
    Reference,
    Series,
    Table,
    Verdict,
    read_exhibits,
    read_verdicts,
    write_exhibit,
    write_verdicts,
)


def one_of_each() -> list[Curves | Heatmap | Bars | Map | Table | Examples]:
    line = Series(name="a", x=np.arange(3), y=torch.tensor([0.1, 0.2, 0.3]), low=[0, 0.1, 0.2], high=[0.2, 0.3, 0.4])
    bars = BarPanel(title="p", categories=("e1", "e2"), series=(BarSeries(name="λ", values=(1, 0.5)),))
    return [
        Curves(id="curves", title="c", order=3, series=(line,), references=(Reference(name="chance", value=0.1),)),
        Heatmap(id="heat", title="h", order=2, panels=(HeatmapPanel(title="p", matrix=np.eye(3)),)),
        Bars(id="bars", title="b", order=2, panels=(bars,)),
        Map(
            id="map", title="m", panels=(MapPanel(title="p", positions=np.eye(2)),), labels=("x", "y"), edges=((0, 1),)
        ),
        Table(id="table", title="t", order=9, columns=("a", "b"), rows=((1, "x"), (0.5, None))),
        Examples(id="walks", title="w", order=10, examples=(Example(title="1", verdict="v", right=True, labels=("a",),
                                                                    positions=np.zeros((1, 2))),)),
    ]  # fmt: skip


def test_every_kind_survives_the_disk_in_order(tmp_path: Path) -> None:
    exhibits = one_of_each()
    for exhibit in exhibits:
        write_exhibit(tmp_path, exhibit)
    read = read_exhibits(tmp_path)
    assert [exhibit.id for exhibit in read] == ["map", "bars", "heat", "curves", "table", "walks"]
    assert {exhibit.id: exhibit for exhibit in read} == {exhibit.id: exhibit for exhibit in exhibits}
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{exhibit.id}.json" for exhibit in exhibits)


@given(st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=20))
def test_numbers_keep_six_digits(values: list[float]) -> None:
    kept = Series(name="s", x=values, y=values).y
    np.testing.assert_allclose(kept, values, rtol=5.1e-6)
    assert all(len(f"{abs(value):.6g}") <= 12 for value in kept)


def test_missing_numbers_are_null_in_the_file_and_nan_here(tmp_path: Path) -> None:
    panel = HeatmapPanel(title="p", matrix=[[1.0, math.nan]])
    path = write_exhibit(tmp_path, Heatmap(id="h", title="h", panels=(panel,)))
    assert json.loads(path.read_text())["panels"][0]["matrix"] == [[1.0, None]]
    (read,) = read_exhibits(tmp_path)
    assert isinstance(read, Heatmap)
    assert math.isnan(read.panels[0].matrix[0][1])


def test_neighbours_are_symmetric_without_self() -> None:
    panel = MapPanel(title="p", positions=np.zeros((4, 2)))
    drawn = Map(id="m", title="m", panels=(panel,), labels=tuple("abcd"), edges=((2, 0), (0, 1), (1, 0), (3, 3)))
    assert drawn.neighbours() == [[1, 2], [0], [0], []]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Series(name="s", x=[1, 2], y=[1]), "lengths differ"),
        (lambda: HeatmapPanel(title="p", matrix=[[1, 2], [3]]), "differ in length"),
        (lambda: Table(id="t", title="t", columns=("a",), rows=((1, 2),)), "row 0 has 2 cells"),
        (lambda: Table(id="../t", title="t", columns=("a",), rows=()), "pattern"),
        (
            lambda: BarPanel(title="p", categories=("a",), series=(BarSeries(name="b", values=(1, 2)),)),
            "2 values for 1",
        ),
        (
            lambda: Map(
                id="m", title="m", panels=(MapPanel(title="p", positions=np.zeros((1, 2))),), labels=("a", "b")
            ),
            r"positions must be \(2, 2\)",
        ),
        (
            lambda: Map(
                id="m", title="m", panels=(MapPanel(title="p", positions=[[0, 0]]),), labels=("a",), edges=((0, 1),)
            ),
            "outside 0..0",
        ),
        (
            lambda: Heatmap(id="h", title="h", panels=(HeatmapPanel(title="p", matrix=np.eye(2)),), row_groups=("a",)),
            "row_groups has 1 entries for 2",
        ),
    ],
)
def test_inconsistent_exhibits_are_refused(build: object, message: str) -> None:
    assert callable(build)
    with pytest.raises(ValidationError, match=message):
        build()


def test_verdicts_survive_the_disk(tmp_path: Path) -> None:
    measured = Measured(name="first hop", value=0.81234567, low=0.7, high=0.9, seeds=3, values=(0.7, 0.8, 0.9))
    verdicts = [
        Verdict(claim="C4", statement="learned", verdict="supported", measured=measured),
        Verdict(claim="C1", statement="full path", verdict="not-run"),
    ]
    write_verdicts(tmp_path / "verdicts.json", verdicts)
    assert read_verdicts(tmp_path / "verdicts.json") == verdicts
    assert measured.value == 0.812346
    assert read_verdicts(tmp_path / "absent.json") == []


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text('{"kind": "curves", "id": "bad", "title": 3}')
    with pytest.raises(RunError, match=r"bad\.json: not a valid file"):
        read_exhibits(tmp_path)


def test_no_exhibits_is_an_empty_list(tmp_path: Path) -> None:
    assert read_exhibits(tmp_path / "absent") == []
