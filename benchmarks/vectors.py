"""Node2Vec with the exact softmax (geomem) against walks and negative sampling (gensim): seconds to the same recovery.

Recovery: mean over nodes of the share of a node's neighbours among its largest dot products, as many as it has
neighbours, itself left out. Measuring it is not timed; making the walks is. gensim is judged twice. "vectors and
contexts": a node's vector against the others' context vectors, which is what its objective fits; windows of 1 and short
walks, the fastest of the settings tried (walks of 10 and 40, windows of 1, 2 and 5). "vectors": node vectors among
themselves, which is what is kept and compared after node2vec, and what geomem's single table is judged by; windows of
5, the best of the same settings. Both sides use one thread: more workers make gensim faster and
no longer repeatable.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from benchmarks.timing import Row, median_ratio, threads
from benchmarks.walks import random_walks, word2vec_epochs
from geomem.geometry.memorisation import top_degree_recovery
from geomem.graphs import GRAPHS
from geomem.models.node2vec import Node2Vec
from geomem.models.node2vec_training import train_node2vec
from geomem.models.specs import Node2VecSpec
from geomem.spec import resolve

FIELDS = ("graph", "nodes", "width", "threads", "level", "exact_s", "exact_steps", "gensim_judged_by", "gensim_s",
          "gensim_epochs", "gensim_reached", "ratio")  # fmt: skip
LEVEL = 0.95
PATIENCE = 15.0
"""Seconds after which gensim is given up, and the ratio is a lower bound."""
WINDOWS = {"vectors and contexts": 1, "vectors": 5}


class _Reached(Exception):
    """Ends the training."""


def run(quick: bool) -> Iterator[Row]:
    """Compare on path-stars, a grid and a random graph."""
    if quick:
        for judged in WINDOWS:
            yield _compare({"kind": "path-star", "arms": 8, "length": 3}, 8, judged, 1, epochs=2)
        return
    graphs: list[dict[str, Any]] = [
        {"kind": "path-star", "arms": 250, "length": 4},
        {"kind": "grid", "rows": 30, "columns": 30},
        {"kind": "erdos-renyi", "nodes": 1000, "probability": 0.006},
        {"kind": "path-star", "arms": 1000, "length": 5},
    ]
    for graph in graphs:
        yield _compare(graph, 64, "vectors and contexts", 5)
    for graph in graphs[:3]:
        yield _compare(graph, 64, "vectors", 1)


def _compare(graph: dict[str, Any], width: int, judged: str, rounds: int, epochs: int = 1000) -> Row:
    built = resolve(GRAPHS, graph).build(0)  # pyright: ignore
    edges = torch.from_numpy(built.directed_edges("both"))
    exact: list[tuple[float, int]] = []
    sampled: list[tuple[float, int, float]] = []
    with threads(1):
        for _ in range(rounds):
            exact.append(_exact(built.num_nodes, edges, width))
            sampled.append(_gensim(built.num_nodes, edges, width, judged, epochs))
    return {
        "graph": built.name, "nodes": built.num_nodes, "width": width, "threads": 1, "level": LEVEL,
        "exact_s": statistics.median(one[0] for one in exact), "exact_steps": exact[0][1],
        "gensim_judged_by": judged, "gensim_s": statistics.median(one[0] for one in sampled),
        "gensim_epochs": sampled[0][1], "gensim_reached": sampled[0][2],
        "ratio": median_ratio([one[0] for one in sampled], [one[0] for one in exact]),
    }  # fmt: skip


def _exact(nodes: int, edges: Tensor, width: int) -> tuple[float, int]:
    """Return seconds and steps to the level."""
    spent, steps, began = 0.0, 0, time.process_time()

    def look(step: int, model: Node2Vec, _loss: float) -> None:
        nonlocal spent, steps, began
        spent, steps = spent + time.process_time() - began, step
        if _recovery(model.weight, model.output, edges) >= LEVEL:
            raise _Reached
        began = time.process_time()

    spec = Node2VecSpec(width=width, optimiser="adam", lr=0.1, std=0.1, steps=1000)
    try:
        train_node2vec(nodes, edges, spec, 0, record_every=5, callback=look)
    except _Reached:
        return spent, steps
    raise RuntimeError(f"Node2Vec did not recover {LEVEL} of the edges")


def _gensim(nodes: int, edges: Tensor, width: int, judged: str, epochs: int) -> tuple[float, int, float]:
    """Return seconds, epochs and the best recovery, at the level or when patience ends."""
    began = time.process_time()
    walks = random_walks(edges.numpy(), nodes, 10, 0)
    passes = word2vec_epochs(walks, nodes, width=width, window=WINDOWS[judged], rate=0.1, epochs=epochs)
    spent, best, count = 0.0, 0.0, 0
    for vectors, contexts in passes:
        spent, count = spent + time.process_time() - began, count + 1
        best = max(best, _recovery(vectors, vectors if judged == "vectors" else contexts, edges))
        if best >= LEVEL or spent > PATIENCE:
            break
        began = time.process_time()
    return spent, count, best


@torch.no_grad()
def _recovery(vectors: Tensor, others: Tensor, edges: Tensor) -> float:
    scores = vectors @ others.T
    return float(top_degree_recovery(scores.fill_diagonal_(-torch.inf), edges, cap=None))
