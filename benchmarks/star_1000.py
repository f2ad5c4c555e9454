"""G(1000,5), 4001 nodes: from nothing to half of the held-out first hops, on two threads. Goal: under five minutes."""

from __future__ import annotations

from typing import Any

from benchmarks.reach import FIELDS, reach, recipe
from benchmarks.timing import Row
from geomem.training.spec import TrainSpec

EDGES: dict[str, Any] = {
    "steps": 200,
    "batch": {"edges": 512},
    "optimizer": {"lr": 5e-3},
    # Without the warm-up this rate leaves the edges unlearned for hundreds of steps.
    "schedule": {"kind": "constant", "warmup": 30},
}
JOINT: dict[str, Any] = {"steps": 150, "batch": {"edges": 512, "paths": 256}, "optimizer": {"lr": 1e-3}}

__all__ = ["FIELDS", "run"]


def run(quick: bool) -> list[Row]:
    """Train past the half, so that the course afterwards shows too; three seeds."""
    if quick:
        return [reach(short(0))]
    return [reach(recipe(1000, 5, edges=EDGES, joint=JOINT, share=0.25, every=10, seed=seed)) for seed in range(3)]


def short(seed: int, share: float = 0.25) -> TrainSpec:
    """Return the recipe for a graph on which it takes no time, and finds nothing."""
    stage = {"steps": 4, "batch": {"edges": 8}}
    return recipe(8, 3, width=8, edges=stage, joint=stage, share=share, every=2, threads=1, seed=seed)
