"""Geometry from edges alone, and path-finding on held-out leaves (claims C4, C5, C6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from geomem.studies.geometric_memory.build import FROZEN, KEEP, edges_first, path_task, spec, stage, transformer
from geomem.studies.geometric_memory.settings import Settings, Size
from geomem.studies.study import Cell

MEASURE = ("leaf-first-hop", "path-distance", "top-degree-recovery")


def edges_only(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Train on edges alone, and the same with frozen token tables."""
    star = settings.path_star
    alone = {"edges": 1.0}
    trained = [stage("edges", star.edge_steps, star.edge_lr, alone, star)]
    frozen = [stage("edges", star.frozen_edge_steps, star.frozen_edge_lr, alone, star)]
    every = max(1, star.edge_steps // 10)
    cells: list[Cell] = []
    for seed in seeds:
        for condition, model, stages in (("trained", {}, trained), ("frozen", FROZEN, frozen)):
            made = spec(
                path_task(star), transformer(star, **model), stages, seed, measure=MEASURE, evaluate_every=every
            )
            cells.append(Cell(condition, seed, made, KEEP, cost=stages[0]["steps"] * _seconds(settings)))
    return cells


def path_finding(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Train on edges, then on edges and the first hops of three quarters of the leaves; and with frozen tables."""
    star = settings.path_star
    cells: list[Cell] = []
    for seed in seeds:
        for condition, model, frozen in (("trained", {}, False), ("frozen", FROZEN, True)):
            stages = edges_first(star, frozen=frozen)
            made = spec(path_task(star), transformer(star, **model), stages, seed, measure=MEASURE,
                        evaluate_every=star.evaluate_every)  # fmt: skip
            steps = sum(part["steps"] for part in stages)
            cells.append(Cell(condition, seed, made, KEEP, cost=steps * _seconds(settings)))
        cells += [_larger(settings, size, seed) for size in settings.sizes]
    return cells


def _larger(settings: Settings, size: Size, seed: int) -> Cell:
    shape: dict[str, Any] = {"arms": size.arms, "length": size.length, "width": size.width, "pauses": size.pauses}
    star = settings.path_star.model_copy(update=shape)
    made = spec(path_task(star), transformer(star), edges_first(star), seed, measure=("leaf-first-hop",),
                evaluate_every=star.evaluate_every)  # fmt: skip
    return Cell(f"G({size.arms},{size.length})", seed, made, cost=1000.0)


def _seconds(settings: Settings) -> float:
    """Guess the seconds a step takes on one core: a share for the body and a share for the softmax over all nodes."""
    star = settings.path_star
    nodes = star.arms * (star.length - 1)
    contexts = min(star.edge_batch or nodes, nodes)
    return 1e-3 + contexts * (12 * star.layers * star.width**2 * 2 + nodes * star.width) * 6 / 2.5e10
