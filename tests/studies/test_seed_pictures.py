from __future__ import annotations

import pytest

from geomem.runs.exhibits import Bars, Curves
from geomem.studies import seed_pictures as pictures
from tests.studies.geometric_memory.samples import Made


def test_curves_are_the_mean_with_the_range_of_the_seeds() -> None:
    evidence = Made({("a", "m"): [{0: 0.0, 10: 0.4, 15: 9.0}, {0: 0.2, 10: 0.8}], ("b", "m"): [{0: 1.0}]})
    draw = pictures.over_time("id", "t", "c", "m", {"a": "A", "b": "B", "gone": "C"}, label="y", chance=lambda _: 0.1)
    (made,) = draw(evidence)
    assert isinstance(made, Curves)
    first, second = made.series
    assert (first.name, first.x) == ("A", (0, 10))
    assert first.y == pytest.approx((0.1, 0.6))
    assert (first.low, first.high) == ((0.0, 0.4), (0.2, 0.8))
    assert second.low is None
    assert made.references[0].value == 0.1
    assert pictures.over_time("id", "t", "c", "m", {"gone": "C"}, label="y")(evidence) == []


def test_bars_are_the_last_numbers() -> None:
    evidence = Made({("a", "m"): [1.0, 3.0], ("b", "m"): [5.0, 5.0]})
    (made,) = pictures.final_bars("id", "t", "c", "m", ["b", "a", "gone"], label="y")(evidence)
    assert isinstance(made, Bars)
    (panel,) = made.panels
    assert panel.categories == ("b", "a")
    assert panel.series[0].values == (5.0, 2.0)
    assert (panel.series[0].low, panel.series[0].high) == ((5.0, 1.0), (5.0, 3.0))
    assert pictures.final_bars("id", "t", "c", "m", ["gone"], label="y")(evidence) == []


def test_drawers_together() -> None:
    draw = pictures.together(lambda _: [], lambda _: ["x"], lambda _: ["y", "z"])  # type: ignore[list-item, return-value]
    assert draw(Made({})) == ["x", "y", "z"]
