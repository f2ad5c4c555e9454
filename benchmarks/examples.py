"""Generation of examples: geomem's, on one thread, against the same examples made one at a time in plain Python.

Both make the same number of examples, as rows of token ids; where a task's examples are all different, both see to
that (a set in Python). What is looked up of the triangle graph is made beforehand on both
sides: the weights of its triangles, and the neighbours of its nodes.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Iterator
from typing import cast

import numpy as np
import torch

from benchmarks import plain_examples
from benchmarks.timing import Row, in_turns, median_ratio, seconds, threads
from geomem.spec import validate
from geomem.tasks.edge_lists import EdgeLists
from geomem.tasks.in_context import InContextStream
from geomem.tasks.open_ended import DrawnObjects
from geomem.tasks.open_ended_specs import TriangleDiscoverySpec
from geomem.tasks.siblings import SiblingTriples
from geomem.tasks.specs import InContextPathSpec
from geomem.tasks.triangles import TriangleDraws, Triangles

FIELDS = ("task", "sizes", "examples", "ours_s", "python_s", "ratio", "millions_a_minute")
ROUNDS = 5
ROWS = 4096
"""Path-star prompts asked for at once."""

Maker = Callable[[], object]


def run(quick: bool) -> Iterator[Row]:
    """Time every task's generator."""
    count = 64 if quick else 20_000
    with threads(1):
        for arms, length in ((2, 5), (5, 5)):
            yield _row("in-context-path", f"{arms} arms of {length} nodes", count, *_path_star(arms, length, count))
        yield _row("sibling-discovery", "5 parents, 500 children", count, *_siblings(count))
        yield _row("triangle-discovery", "999 nodes", count, *_triangles(99 if quick else 999, count))
        yield _row("circle-construction", "9 of 10", count, *_edge_lists(10, 9, 9, count))
        yield _row("line-construction", "10 of 10", count, *_edge_lists(10, 10, 9, count))


def _row(task: str, sizes: str, count: int, ours: Maker, python: Maker) -> Row:
    ours()  # first allocations are nobody's work
    works = {"ours": lambda: seconds(ours), "python": lambda: seconds(python)}
    taken = in_turns(works, ROUNDS)
    mine = statistics.median(taken["ours"])
    return {
        "task": task, "sizes": sizes, "examples": count, "ours_s": mine,
        "python_s": statistics.median(taken["python"]), "ratio": median_ratio(taken["python"], taken["ours"]),
        "millions_a_minute": count / mine * 60 / 1e6,
    }  # fmt: skip


def _path_star(arms: int, length: int, count: int) -> tuple[Maker, Maker]:
    spec = validate(InContextPathSpec, {"arms": arms, "length": length})
    stream = InContextStream(spec, count, seed=0)
    generator = random.Random(0)
    return (
        lambda: [stream.batch(part) for part in torch.arange(count).split(ROWS)],
        lambda: [plain_examples.path_star(generator, arms, length, spec.names) for _ in range(count)],
    )


def _siblings(count: int) -> tuple[Maker, Maker]:
    return _distinct(SiblingTriples(5, 500), lambda drawn: plain_examples.siblings(drawn, 5, 500), count)


def _edge_lists(entities: int, nodes: int, edges: int, count: int) -> tuple[Maker, Maker]:
    objects = EdgeLists(entities, nodes, edges)
    return _distinct(objects, lambda drawn: plain_examples.edge_list(drawn, entities, nodes, edges), count)


def _distinct(objects: DrawnObjects, make: Callable[[random.Random], list[int]], count: int) -> tuple[Maker, Maker]:
    generator, drawn = np.random.default_rng(0), random.Random(0)

    def python() -> list[list[int]]:
        seen: set[tuple[int, ...]] = set()
        rows: list[list[int]] = []
        while len(rows) < count:
            row = make(drawn)
            if tuple(row) not in seen:
                seen.add(tuple(row))
                rows.append(row)
        return rows

    return lambda: objects.draw_distinct(count, generator), python


def _triangles(nodes: int, count: int) -> tuple[Maker, Maker]:
    task = TriangleDiscoverySpec(nodes=nodes, train_triangles=10, train_edges=10).build(0)
    objects = cast(Triangles, task.objects)
    draws = TriangleDraws(objects, torch.empty(0, 3, dtype=torch.int64))
    generator, drawn = np.random.default_rng(0), random.Random(0)
    neighbours, joined = plain_examples.neighbour_lists(objects.edges.tolist(), nodes)
    return (
        lambda: objects.written(draws.draw(count, generator)),
        lambda: [plain_examples.triangle(drawn, neighbours, joined) for _ in range(count)],
    )
