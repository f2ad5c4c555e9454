from __future__ import annotations

import numpy as np
import pytest

from geomem.runs.directory import Run
from geomem.runs.exhibits import Bars, Heatmap, Map
from geomem.studies.evidence import Evidence
from geomem.studies.geometric_memory import pictures
from geomem.studies.geometric_memory.settings import SMOKE


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
