from __future__ import annotations

import numpy as np
import pytest

from geomem.graphs.facts import facts
from geomem.graphs.graph import Graph
from tests.graphs.checks import fails

GRAPH = Graph("g", 3, np.array([[0, 1], [1, 2]]), labels=("China", "Mongolia", "Russia"))


def test_both_directions_by_default() -> None:
    said = facts(GRAPH)
    assert said[:2] == ["China borders Mongolia", "Mongolia borders Russia"]
    assert "Mongolia borders China" in said
    assert len(said) == 4


def test_template_and_direction() -> None:
    assert facts(GRAPH, "{v} <- {u}", "forward") == ["Mongolia <- China", "Russia <- Mongolia"]


@pytest.mark.parametrize("template", ["{u} borders", "{u} {v} {w}", "{u} {v", "{} {v}", "u v"])
def test_template_must_name_both_nodes_and_nothing_else(template: str) -> None:
    fails(lambda: facts(GRAPH, template), "template", "{u}", "{v}")
