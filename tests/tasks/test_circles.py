from __future__ import annotations

import networkx as nx
import pytest

from geomem.errors import InputError
from geomem.spec import validate
from geomem.tasks.open_ended_specs import CircleConstructionSpec


def graph_of(names: list[str]) -> nx.MultiGraph:
    assert names[0] == "<q>"
    assert names[3::3] == ["<sep>"] * (len(names[1:]) // 3 - 1) + ["</a>"]
    return nx.MultiGraph(zip(names[1::3], names[2::3], strict=True))


@pytest.mark.parametrize(("entities", "length"), [(10, 9), (6, 5), (4, 3)])
def test_examples_are_read_as_the_card_writes_them(entities: int, length: int) -> None:
    sizes = {"train_size": 30, "held_out_size": 10}
    task = CircleConstructionSpec(entities=entities, length=length, **sizes).build(0)
    for split in ("train", "held_out"):
        for row in task.streams(split)["circles"].full().tokens.tolist():
            graph = graph_of(task.vocabulary.names(row))
            assert graph.number_of_nodes() == length
            assert graph.number_of_edges() == length
            assert nx.is_connected(graph)
            assert all(degree == 2 for _, degree in graph.degree())


def test_all_there_are_can_be_drawn() -> None:
    """3 nodes out of 4: 4 choices, 2 directions, 6 orders of the edges."""
    spec = CircleConstructionSpec(entities=4, length=3, train_size=40, held_out_size=8)
    assert spec.examples == 48
    task = spec.build(0)
    rows = {tuple(row) for split in ("train", "held_out") for row in task.answers[split].tolist()}
    assert len(rows) == 48
    with pytest.raises(InputError, match="only 48 different examples exist, got 41 to train on and 8 held out"):
        validate(CircleConstructionSpec, {**spec.model_dump(), "train_size": 41})


def test_a_perfect_imitator_of_few_patterns_is_not_creative() -> None:
    """5 nodes have 24 patterns that go one way: 500 examples show all of them, and only turned edges are left."""
    task = CircleConstructionSpec(entities=6, length=5, train_size=500, held_out_size=100).build(0)
    assert (task.space.known, task.space.objects) == (24, 384)
    assert task.judge(task.answers["held_out"]).numbers()["creativity"] == 0.0
    assert task.judge(task.answers["held_out"]).numbers()["coherence"] == 1.0


def test_a_circle_longer_than_its_entities_is_one_line() -> None:
    with pytest.raises(InputError, match="length: a circle of 9 nodes needs as many entities, got 8"):
        validate(CircleConstructionSpec, {"entities": 8})
