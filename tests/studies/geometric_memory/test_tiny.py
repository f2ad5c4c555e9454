from __future__ import annotations

import pytest

from geomem.studies.geometric_memory import tiny
from geomem.studies.geometric_memory.settings import LAPTOP, SMOKE


def _cells(build: object, settings: object = LAPTOP) -> dict[str, object]:
    return {cell.condition: cell for cell in build(settings, [0])}  # type: ignore[operator]


def test_the_four_graphs_of_the_paper() -> None:
    from geomem.graphs import GRAPHS
    from geomem.spec import resolve

    sizes = {name: resolve(GRAPHS, given).build(0).num_nodes for name, given in tiny.GRAPHS.items()}  # type: ignore[attr-defined]
    assert sizes == {"star": 17, "grid": 16, "cycle": 15, "irregular": 16}


def test_every_graph_meets_every_model() -> None:
    found = _cells(tiny.tiny_graphs)
    models = {"TinyGPT", "TinyNN", "associative", "associative-fast", "Node2Vec"}
    assert set(found) == {f"{graph}-{model}" for graph in tiny.GRAPHS for model in models}


@pytest.mark.parametrize(
    "recipes", [tiny.TINY_GPT, tiny.TINY_GPT_FORWARD, tiny.TINY_NN, tiny.TINY_NN_SELF, tiny.ASSOCIATIVE]
)
def test_recipes_cover_every_graph(recipes: dict[str, tiny.Recipe]) -> None:
    assert set(recipes) == set(tiny.GRAPHS)


def test_effort_multiplies_steps_except_where_a_few_are_the_point() -> None:
    whole, little = _cells(tiny.tiny_graphs), _cells(tiny.tiny_graphs, SMOKE)
    assert whole["cycle-TinyNN"].spec.steps == 10_000  # type: ignore[attr-defined]
    assert little["cycle-TinyNN"].spec.steps == 200  # type: ignore[attr-defined]
    assert whole["cycle-associative-fast"].spec.steps == little["cycle-associative-fast"].spec.steps == 10  # type: ignore[attr-defined]
    assert little["cycle-Node2Vec"].spec.steps == 300  # type: ignore[attr-defined]


def test_conditions_differ_in_what_they_are_named_for() -> None:
    directions = {name: cell.spec.task.directions for name, cell in _cells(tiny.one_direction).items()}  # type: ignore[attr-defined]
    assert {name.partition("-")[2]: way for name, way in directions.items()} == {"forward": "forward", "both": "both"}
    for name, cell in _cells(tiny.zigzag).items():
        assert cell.spec.task.self_edges == name.endswith("-self")  # type: ignore[attr-defined]
        assert getattr(cell.spec.model, "tied", None) is ("untied" not in name)  # type: ignore[attr-defined]
    knobs = _cells(tiny.knobs)
    assert set(knobs) == set(tiny.KNOBS)
    assert knobs["1-self-edges"].spec.task.self_edges  # type: ignore[attr-defined]
    assert knobs["3c-weight-decay"].spec.stages[0].optimizer.weight_decay == 10  # type: ignore[attr-defined]
    assert knobs["3d-dropout"].spec.model.dropout == 0.4  # type: ignore[attr-defined]
    assert knobs["3a-unit-normal"].spec.model.initialisation == "unit-normal"  # type: ignore[attr-defined]
    assert knobs["2a-moderate-rate"].spec.model.initialisation == "normal-0.02"  # type: ignore[attr-defined]
