"""Eigen-projections of a table of embeddings: geomem's Lanczos against a dense decomposition by numpy.

Both give how much of the embeddings lies on the leading eigenvectors of the graph, and how much on the Fiedler block
and on the zig-zag half of the spectrum. Dense takes time with the cube of the nodes and memory with the square: 20 GB
for the matrix of 50 001 nodes alone.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator

import numpy as np
import torch

from benchmarks.timing import Row, in_child, in_turns, median_ratio, seconds, threads
from geomem.geometry.energy import spectral_energies
from geomem.geometry.graph_spectrum import eigen_projections
from geomem.geometry.laplacian import laplacian_operator
from geomem.graphs import GRAPHS
from geomem.spec import resolve

FIELDS = ("graph", "nodes", "threads", "projections_s", "energies_s", "dense_s", "projections_ratio", "energies_ratio",
          "disagreement", "peak_mib")  # fmt: skip
K = 8
WIDTH = 64


def run(quick: bool) -> Iterator[Row]:
    """Compare where dense can run, and time alone, in a process of its own, where it cannot."""
    if quick:
        yield _compare("path-star", {"arms": 75, "length": 5}, rounds=1)
        yield _alone(100, 4, 8)
        return
    for arms, side in ((250, 32), (500, 45), (1000, 63)):
        rounds = 1 if arms == 1000 else 3
        yield _compare("path-star", {"arms": arms, "length": 5}, rounds=rounds)
        yield _compare("grid", {"rows": side, "columns": side}, rounds=rounds)
    yield _alone(10_000, 6, WIDTH)
    yield _alone(10_000, 6, 384)


def _edges(kind: str, size: dict[str, int], seed: int) -> tuple[torch.Tensor, int]:
    graph = resolve(GRAPHS, {"kind": kind, **size}).build(seed)  # pyright: ignore
    return torch.from_numpy(graph.edges), graph.num_nodes


def _compare(kind: str, size: dict[str, int], rounds: int) -> Row:
    edges, nodes = _edges(kind, size, 0)
    table = torch.randn(nodes, WIDTH, generator=torch.Generator().manual_seed(0))
    fresh = iter(range(rounds))

    def energies() -> float:
        # What depends on the graph alone is kept between calls; an edge turned round makes it another graph.
        flipped, turned = edges.clone(), next(fresh)
        flipped[turned] = edges[turned].flip(0)
        return seconds(lambda: spectral_energies(table, flipped))

    works = {
        "projections": lambda: seconds(lambda: eigen_projections(table, edges, k=K)),
        "energies": energies,
        "dense": lambda: seconds(lambda: _dense(table, edges, nodes)),
    }
    with threads(1):
        taken = in_turns(works, rounds)
        ours, theirs = eigen_projections(table, edges, k=K).values[:K], _dense(table, edges, nodes)[0][:K]
    return {
        "graph": kind, "nodes": nodes, "threads": 1,
        **{f"{way}_s": statistics.median(values) for way, values in taken.items()},
        "projections_ratio": median_ratio(taken["dense"], taken["projections"]),
        "energies_ratio": median_ratio(taken["dense"], taken["energies"]),
        "disagreement": float(np.abs(ours.numpy() - theirs).max()), "peak_mib": None,
    }  # fmt: skip


def _dense(table: torch.Tensor, edges: torch.Tensor, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """All eigenvalues of -L, descending, and the length of the table on each eigenvector."""
    values, vectors = np.linalg.eigh(laplacian_operator(edges, nodes).toarray())
    return values[::-1], np.linalg.norm(table.double().numpy().T @ vectors, axis=0)[::-1]


def _alone(arms: int, length: int, width: int) -> Row:
    row = in_child("benchmarks.eigen:large", arms=arms, length=length, width=width)
    return {name: row.get(name) for name in FIELDS}


def large(arms: int, length: int, width: int) -> Row:
    """Time both measurements on a path-star of any size (called in a process of its own)."""
    edges, nodes = _edges("path-star", {"arms": arms, "length": length}, 0)
    table = torch.randn(nodes, width, generator=torch.Generator().manual_seed(0))
    with threads(1):
        projections = seconds(lambda: eigen_projections(table, edges, k=K))
        energies = seconds(lambda: spectral_energies(table, edges))
    return {"graph": f"path-star, {width} columns", "nodes": nodes, "threads": 1, "projections_s": projections,
            "energies_s": energies}  # fmt: skip
