from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from geomem.probing.findings import Probed
from geomem.probing.knowledge_pictures import knowledge_pictures
from geomem.report.figures import draw
from tests.probing import tiny
from tests.probing.test_findings import result


def test_names_stand_where_they_are_read_off_beside_their_true_place() -> None:
    settings = tiny.spec(graph="countries")
    nodes = torch.arange(20)
    kept = {"knowledge/placed": torch.randn(20, 2), "knowledge/nodes": nodes, "knowledge/layer": torch.tensor([3])}
    probed = Probed(replace(result({}), kept=kept))
    (shown,) = knowledge_pictures([probed], settings)
    assert len(shown.labels) == 20
    assert shown.panels[0].title == "m, layer 3"
    assert shown.panels[0].truth is not None
    # Longitude runs across, latitude up: the second and the first coordinate.
    first = kept["knowledge/placed"][0].tolist()
    assert shown.panels[0].positions[0] == pytest.approx((first[1], first[0]), rel=1e-5)
    draw(shown)


def test_there_is_nothing_to_draw_without_a_graph_or_true_places() -> None:
    probed = Probed(replace(result({}), kept={}))
    assert knowledge_pictures([probed], tiny.spec()) == []
    assert knowledge_pictures([probed], tiny.spec(graph="countries")) == []
