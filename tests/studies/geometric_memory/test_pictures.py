from __future__ import annotations

import numpy as np
import pytest

from geomem.runs.directory import Run
from geomem.runs.exhibits import Bars, Curves, Heatmap, Map
from geomem.studies.evidence import Evidence
from geomem.studies.geometric_memory import pictures
from geomem.studies.geometric_memory.settings import SMOKE
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


def test_the_country_map_stands_beside_its_control(smoke_run: Run) -> None:
    (made,) = pictures.country_map(Evidence(smoke_run.path / "cells" / "countries", SMOKE))
    assert isinstance(made, Map)
    assert made.hero
    assert len(made.panels) == 2
    assert "Mongolia" in made.labels
    truth = np.array(made.panels[0].truth)
    mongolia = truth[made.labels.index("Mongolia")]
    assert mongolia == pytest.approx([105, 46], abs=3)  # longitude first, as on a map
    for panel in made.panels:
        places = np.array(panel.positions)
        assert (np.abs(places) <= [180, 90]).all()


def test_tiny_pictures_show_every_model_of_every_graph(smoke_run: Run) -> None:
    evidence = Evidence(smoke_run.path / "cells" / "tiny-graphs", SMOKE)
    made = pictures.tiny_pictures({"TinyGPT": "Transformer", "Node2Vec": "vectors", "nobody": "x"})(evidence)
    assert [type(one) for one in made] == [Map, Heatmap, Bars]
    drawn, heat, bars = made
    assert isinstance(drawn, Map)
    assert isinstance(heat, Heatmap)
    assert isinstance(bars, Bars)
    assert [panel.title for panel in drawn.panels] == ["Transformer", "vectors"]
    assert len(heat.panels) == 3
    matrix = np.array(heat.panels[1].matrix)
    assert matrix == pytest.approx(matrix.T, abs=1e-5, nan_ok=True)
    assert [len(panel.categories) for panel in bars.panels] == [14, 14]
