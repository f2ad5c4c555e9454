"""Examples stay what they are: finished runs rest on them, however they come to be made.

Those that are functions of a number alone are pinned by a hash; those that are drawn by numpy are compared with the
same draws written out plainly, for numpy may change its own.
"""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from geomem.counter import random_orders
from geomem.tasks import TASKS
from geomem.tasks.edge_lists import EdgeLists
from geomem.tasks.open_ended import DrawnObjects
from geomem.tasks.siblings import SiblingTriples
from geomem.tasks.task import Task
from geomem.tasks.triangles import TriangleDraws, Triangles

NUMBERS = torch.tensor([0, 1, 2, 3, 57, 4095, 4096, 100_003, 2**40 + 5])


def digest(*parts: Tensor) -> str:
    """Return the first 16 digits of the SHA-256 of tensors' shapes and int64 values."""
    found = hashlib.sha256()
    for part in parts:
        found.update(repr(tuple(part.shape)).encode() + part.numpy().astype("<i8").tobytes())
    return found.hexdigest()[:16]


def build(kind: str, **settings: Any) -> Task:
    spec: Any = TASKS.get(kind).model_validate(settings)
    return spec.build(3)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"train_size": None}, "4219e9fd35dcafe6"),
        ({"train_size": None, "arms": 5, "target": "reversed", "teacherless": True}, "e3bca9903c79a1b3"),
        ({"train_size": None, "arms": 20, "layout": "in-weights"}, "4d39cae97eaacc1e"),
        ({"train_size": None, "length": 2, "arms": 1, "num_nodes": 2}, "4a4144a407b3966f"),
    ],
)
def test_path_stars_in_the_prompt(settings: dict[str, Any], expected: str):
    batch: Any = build("in-context-path", **settings).streams()["paths"].batch(NUMBERS)
    assert digest(batch.tokens, batch.labels) == expected


@pytest.mark.parametrize(
    ("stream", "expected"),
    [("lookup", "ec3e9e281aad4379"), ("pairs", "c896871bfe8dba1b"), ("copy", "eb976d2bb59d576e")],
)
def test_lookup_tables(stream: str, expected: str):
    batch: Any = build("lookup").streams()[stream].batch(NUMBERS)
    assert digest(batch.tokens, batch.labels) == expected


def test_easy_and_hard_targets():
    (stream,) = build("easy-hard").streams().values()
    batch: Any = stream.batch(NUMBERS)
    assert digest(batch.tokens, batch.labels) == "bbab22c358d8bf91"


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, "457ec462ecacf94a"),
        (2, "866cb3db2a20e81d"),
        (8, "6af82d2b18faaff4"),
        (50, "b457ea3dd41d82d2"),
        (300, "a5448aff157fb9f3"),
    ],
)
def test_random_orders(count: int, expected: str):
    assert digest(random_orders(11, NUMBERS, count)) == expected


def plain_edge_lists(objects: EdgeLists, count: int, generator: np.random.Generator) -> list[list[int]]:
    """Return circles or lines, with numpy's permutations of all paths and then of all orders of edges."""
    paths = generator.permuted(np.tile(np.arange(objects.entities), (count, 1)), axis=1).tolist()
    orders = generator.permuted(np.tile(np.arange(objects.edges), (count, 1)), axis=1).tolist()
    mark, rows = objects.vocabulary.separator, list[list[int]]()
    for path, order in zip(paths, orders, strict=True):
        row = [token for k in order for token in (path[k], path[(k + 1) % objects.nodes], mark)]
        rows.append([*row[:-1], objects.vocabulary.end])
    return rows


def plain_siblings(objects: SiblingTriples, count: int, generator: np.random.Generator) -> list[list[int]]:
    """Return triples, with numpy's parents, then its children of one type, then those of the other."""
    parents = generator.integers(objects.parents, size=count).tolist()
    ones, twos = (generator.integers(objects.children, size=count).tolist() for _ in range(2))
    first = objects.parents
    second, n = first + objects.parents * objects.children, objects.children
    triples = zip(parents, ones, twos, strict=True)
    return [[first + p * n + one, second + p * n + two, p, objects.vocabulary.end] for p, one, two in triples]


@pytest.mark.parametrize(
    ("objects", "plain"),
    [
        (EdgeLists(10, 9, 9), plain_edge_lists),
        (EdgeLists(10, 10, 9), plain_edge_lists),
        (EdgeLists(4, 3, 3), plain_edge_lists),
        (SiblingTriples(5, 500), plain_siblings),
        (SiblingTriples(2, 60), plain_siblings),
    ],
)
def test_drawn_objects(objects: DrawnObjects, plain: Any):
    """The small ones repeat themselves often, so that what was there before is left out on the way."""
    ours, theirs = np.random.default_rng(7), np.random.default_rng(7)
    assert objects.draw(100, ours).tolist() == plain(objects, 100, theirs)
    wanted, seen = 4500 if objects.count > 10_000 else 40, dict[tuple[int, ...], None]()
    while len(seen) < wanted:
        seen |= dict.fromkeys(map(tuple, plain(objects, 4096, theirs)))
    drawn = objects.draw_distinct(wanted, ours)
    assert drawn.tolist() == [list(row) for row in seen][:wanted]


def test_triangles():
    """The same points on the same cumulative weights, found by walking along."""
    edges = torch.tensor([[0, 1], [0, 2], [1, 2], [1, 3], [2, 3], [3, 4], [0, 4], [1, 4]])
    joined = {frozenset(pair) for pair in edges.tolist()}
    near = [[w for w in range(5) if frozenset((u, w)) in joined] for u in range(5)]
    seen = [(u, v, w) for u in range(5) for v, w in itertools.combinations(near[u], 2) if frozenset((v, w)) in joined]
    kept = [one for one in seen if sorted(one) != [0, 1, 2]]
    both = kept + [(u, w, v) for u, v, w in kept]
    reach = list(itertools.accumulate(1 / (len(near[u]) * (len(near[u]) - 1)) for u, _, _ in both))
    points = np.random.default_rng(5).random(300) * reach[-1]
    expected = [list(both[sum(end <= point for end in reach)]) for point in points.tolist()]
    objects, left_out = Triangles(edges, 5), torch.tensor([[0, 1, 2]])
    assert TriangleDraws(objects, left_out).draw(300, np.random.default_rng(5)).tolist() == expected
