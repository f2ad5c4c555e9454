from __future__ import annotations

import itertools
import math

import networkx as nx
import numpy as np
import pytest
import torch
from torch import Tensor

from geomem.batch import Batch
from geomem.errors import InputError
from geomem.tasks.creativity import count_distinct
from geomem.tasks.open_ended_specs import TriangleDiscoverySpec
from geomem.tasks.triangles import TriangleDiscovery, TriangleDraws, Triangles

EDGES = torch.tensor([[0, 1], [0, 2], [1, 2], [2, 3], [1, 3], [3, 4]])
"""Two triangles, 0 1 2 and 1 2 3, and an edge that is in none."""


def task(**changes: object) -> TriangleDiscovery:
    given = {"nodes": 60, "train_triangles": 300, "train_edges": 500, "samples": 50, **changes}
    return TriangleDiscoverySpec.model_validate(given).build(0)


def test_every_list_of_sides_is_judged_as_its_graph_says() -> None:
    objects, graph = Triangles(EDGES, 5), nx.Graph(EDGES.tolist())
    marks = (objects.vocabulary.separator, objects.vocabulary.separator, objects.vocabulary.end)
    ends = torch.tensor(list(itertools.product(range(5), repeat=6)))
    rows = torch.cat([ends.unflatten(1, (3, 2)), torch.tensor(marks).expand(len(ends), -1)[..., None]], 2).flatten(1)

    def right(row: list[int]) -> bool:
        sides = {frozenset(row[k : k + 2]) for k in (0, 2, 4)}
        inside = all(graph.has_edge(*row[k : k + 2]) for k in (0, 2, 4))
        return inside and len(sides) == 3 and len(frozenset().union(*sides)) == 3

    coherent = objects.coherent(rows)
    assert coherent.tolist() == [right(row) for row in ends.tolist()]
    assert int(coherent.sum()) == objects.count * objects.spellings == 2 * 48
    assert count_distinct(objects.canonical(rows), coherent) == 2


@pytest.mark.parametrize("place", range(9))
def test_a_mark_or_a_node_out_of_place_is_incoherent(place: int) -> None:
    objects = Triangles(EDGES, 5)
    row = objects.written(torch.tensor([[0, 1, 2]]))
    assert objects.coherent(row).tolist() == [True]
    for token in range(objects.vocabulary.size):
        changed = row.clone()
        changed[0, place] = token
        assert bool(objects.coherent(changed)) == (token == int(row[0, place]))


def test_examples_are_read_as_the_card_writes_them() -> None:
    made = task()
    graph = nx.Graph(made.objects.evidence()["graph_edges"].tolist())  # type: ignore[union-attr]
    streams = made.streams()
    for row in streams["triangles"].full().tokens.tolist():
        prompt, u, v, s, v2, w, s2, w2, u2, end = made.vocabulary.names(row)
        assert (prompt, s, s2, end) == ("tri:", "<sep>", "<sep>", "</a>")
        assert (u, v, w) == (u2, v2, w2)
        assert all(graph.has_edge(int(a[1:]), int(b[1:])) for a, b in ((u, v), (v, w), (w, u)))
    for row in streams["edges"].full().tokens.tolist():
        prompt, u, v, s, v2, u2, end = made.vocabulary.names(row)
        assert (prompt, s, end) == ("edge:", "<sep>", "</a>")
        assert (u, v) == (u2, v2)
        assert graph.has_edge(int(u[1:]), int(v[1:]))


def test_held_out_triangles_are_never_trained_on() -> None:
    made = task()
    train, held_out = (
        {tuple(row) for row in made.objects.canonical(made.answers[split]).tolist()} for split in ("train", "held_out")
    )
    assert not train & held_out
    assert len(held_out) == round(0.05 * made.objects.count)
    assert made.space.known == len(train)


def test_triangles_are_drawn_as_a_random_node_and_two_of_its_neighbours() -> None:
    """Against the procedure itself: node, two neighbours, again until they are joined."""
    objects, graph = Triangles(EDGES, 5), nx.Graph(EDGES.tolist())
    expected: dict[tuple[int, ...], float] = {}
    for u in range(5):
        for v, w in itertools.permutations(graph[u], 2):
            if graph.has_edge(v, w):
                expected[u, v, w] = 1 / (graph.degree(u) * (graph.degree(u) - 1))
    total = sum(expected.values())
    none = torch.empty(0, 3, dtype=torch.int64)
    drawn = TriangleDraws(objects, none).draw(40_000, np.random.default_rng(0)).tolist()
    counts = {key: sum(tuple(row) == key for row in drawn) for key in expected}
    assert sum(counts.values()) == len(drawn)
    for key, value in expected.items():
        share = value / total
        assert abs(counts[key] / 40_000 - share) < 5 * math.sqrt(share / 40_000)


def test_examples_of_both_kinds_have_numbers_of_their_own() -> None:
    streams, index = task().streams(), torch.arange(5)
    batches: list[Batch] = [streams[name].batch(index) for name in ("triangles", "edges")]  # type: ignore[misc]
    numbers: list[Tensor] = [batch.index for batch in batches if batch.index is not None]
    assert numbers[0].tolist() == [0, 1, 2, 3, 4]
    assert numbers[1].tolist() == [300, 301, 302, 303, 304]
    moved = streams["edges"].to("cpu").full()
    assert isinstance(moved, Batch)
    assert moved.index is not None
    assert moved.index.tolist() == list(range(300, 800))


def test_the_loss_is_shared_by_tokens() -> None:
    assert task().default_mix() == pytest.approx({"triangles": 2700 / 5700, "edges": 3000 / 5700})


def test_a_graph_without_enough_triangles_is_one_line() -> None:
    with pytest.raises(InputError, match=r"held_out_share: the graph has \d+ triangles, and 0.05 of them leaves none"):
        task(nodes=6, closures=1, degree=1)
