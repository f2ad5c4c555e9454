"""The trainings: every objective on the paths of one star, and on the families of sibling discovery."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from geomem.studies.geometric_memory.build import FROZEN, KEEP, edges_first, path_task, spec, stage, transformer
from geomem.studies.objectives_and_geometry.settings import Families, Settings
from geomem.studies.study import Cell

NEXT, FIRST, TEACHERLESS, HYBRID = "next-token", "first-token", "teacherless", "hybrid-teacherless"
REVERSED, SEED, PAUSE, BREATH, DIFFUSION = "reversed", "seed", "pause", "catch-your-breath", "masked-diffusion"
EDGES = "edges-only"

PATH_OBJECTIVES = (NEXT, REVERSED, FIRST, TEACHERLESS, HYBRID, SEED, PAUSE, BREATH, DIFFUSION)
FROZEN_OBJECTIVES = (NEXT, FIRST, TEACHERLESS, HYBRID)
"""Those that are also tried on frozen token tables: a look-up memory."""

PATH_MEASURES = ("leaf-first-hop", "eigen-energy", "top-degree-recovery")
FAMILY_MEASURES = ("family-separation", "hop-distance")

FAMILY_OBJECTIVES = (NEXT, f"{NEXT}-seed", f"{REVERSED}-seed", f"{TEACHERLESS}-seed", f"{HYBRID}-seed", DIFFUSION)


def path_objective(name: str, settings: Settings) -> dict[str, Any]:
    """Return the objective of a condition of the path experiment."""
    more: dict[str, dict[str, Any]] = {
        SEED: {"length": settings.seed_length},
        PAUSE: {"count": settings.pauses},
        BREATH: {"slots": settings.slots},
    }
    return {"kind": name, **more.get(name, {})}


def path_cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return a training a seed of every objective, of edges alone, and of some objectives on frozen tables."""
    star = settings.path_star
    # [PATH], the leaf, pauses and the path, with what an objective puts in; the pauses of Catch Your Breath need none.
    room = {"max_positions": max(64, 2 + star.pauses + star.length + max(settings.seed_length, settings.pauses))}
    cells: list[Cell] = []
    for seed in seeds:
        for name in PATH_OBJECTIVES:
            model = transformer(star, **room, causal=name != DIFFUSION)
            cells.append(_path_cell(name, settings, seed, model, edges_first(star), path_objective(name, settings)))
        alone = [stage("edges", star.edge_steps + star.path_steps, star.edge_lr, {"edges": 1.0}, star)]
        cells.append(_path_cell(EDGES, settings, seed, transformer(star, **room), alone, {"kind": NEXT}))
        for name in FROZEN_OBJECTIVES:
            stages, model = edges_first(star, frozen=True), transformer(star, **room, **FROZEN)
            cells.append(_path_cell(f"frozen-{name}", settings, seed, model, stages, path_objective(name, settings)))
    return cells


def _path_cell(
    condition: str, settings: Settings, seed: int, model: dict[str, Any], stages: list[Any], objective: dict[str, Any]
) -> Cell:
    star = settings.path_star
    made = spec(path_task(star, target="full"), model, stages, seed, objective=objective, measure=PATH_MEASURES,
                evaluate_every=star.evaluate_every)  # fmt: skip
    steps, nodes = sum(one["steps"] for one in stages), star.arms * (star.length - 1)
    passes = 2.0 if HYBRID in condition else float(settings.slots) if condition == BREATH else 1.0
    return Cell(condition, seed, made, KEEP, cost=1.0 + steps * passes * (6e-3 + nodes**2 * star.width * 2.5e-10))


def family_objective(name: str, own: Families) -> dict[str, Any]:
    """Return the objective of a condition of the family experiment; `-seed` puts a seed before every prompt."""
    plain = name.removesuffix("-seed")
    return {"kind": plain} if plain == name else {"kind": SEED, "length": own.seed_length, "of": plain}


def family_passes(name: str) -> int:
    """Return how often a step passes its batch through the model."""
    return 2 if HYBRID in name else 1


def family_cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return a training a seed of every objective, at equal passes of a batch through the model."""
    own = settings.families
    task = {"kind": "sibling-discovery", "parents": own.parents, "children": own.children, "samples": own.samples,
            "train_size": own.train_size, "held_out_size": own.held_out_size}  # fmt: skip
    cells: list[Cell] = []
    for name in FAMILY_OBJECTIVES:
        each = family_passes(name)
        model = {"kind": "transformer", "width": own.width, "layers": own.layers, "heads": own.heads,
                 "causal": name != DIFFUSION}  # fmt: skip
        stages = [{"steps": own.passes // each, "batch": {"siblings": own.batch}, "optimizer": {"lr": own.lr},
                   "schedule": {"kind": "constant"}}]  # fmt: skip
        for seed in seeds:
            made = spec(task, model, stages, seed, objective=family_objective(name, own), measure=FAMILY_MEASURES,
                        evaluate_every=max(1, own.evaluate_every // each))  # fmt: skip
            cells.append(
                Cell(name, seed, made, KEEP, cost=2.0 + own.passes * own.batch * own.layers * own.width**2 * 1e-9)
            )
    return cells


def creativity_of(name: str) -> str:
    """Return the number that a condition's creativity is: greedy after a seed, sampled at temperature 1 without one."""
    return f"siblings/creativity@t{0 if name.endswith('-seed') else 1}"
