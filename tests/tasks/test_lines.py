from __future__ import annotations

import networkx as nx
import pytest

from geomem.errors import InputError
from geomem.spec import validate
from geomem.tasks.open_ended_specs import LineConstructionSpec


def graph_of(names: list[str]) -> nx.MultiGraph:
    assert names[0] == "<q>"
    assert names[3::3] == ["<sep>"] * (len(names[1:]) // 3 - 1) + ["</a>"]
    return nx.MultiGraph(zip(names[1::3], names[2::3], strict=True))


@pytest.mark.parametrize(("entities", "length"), [(10, 9), (6, 5), (4, 3)])
def test_examples_are_read_as_the_card_writes_them(entities: int, length: int) -> None:
    sizes = {"train_size": 30, "held_out_size": 10}
    task = LineConstructionSpec(entities=entities, length=length, **sizes).build(0)
    for split in ("train", "held_out"):
        for row in task.streams(split)["lines"].full().tokens.tolist():
            graph = graph_of(task.vocabulary.names(row))
            assert graph.number_of_nodes() == length
            assert graph.number_of_edges() == length - 1
            assert nx.is_connected(graph)
            assert sorted(degree for _, degree in graph.degree()) == [1, 1] + [2] * (length - 2)


def test_all_there_are_can_be_drawn() -> None:
    """3 nodes out of 4: 24 sequences, 2 orders of the edges."""
    spec = LineConstructionSpec(entities=4, length=3, train_size=40, held_out_size=8)
    assert spec.examples == 48
    task = spec.build(0)
    rows = {tuple(row) for split in ("train", "held_out") for row in task.answers[split].tolist()}
    assert len(rows) == 48
    with pytest.raises(InputError, match="only 48 different examples exist, got 41 to train on and 8 held out"):
        validate(LineConstructionSpec, {**spec.model_dump(), "train_size": 41})


def test_a_line_longer_than_its_entities_is_one_line() -> None:
    with pytest.raises(InputError, match="length: a line of 10 nodes needs as many entities, got 8"):
        validate(LineConstructionSpec, {"entities": 8})
