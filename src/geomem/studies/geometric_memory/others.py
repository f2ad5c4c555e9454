"""The experiments beyond the headline set that train on path-stars, tree-stars, prompts and borders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from geomem.studies.geometric_memory.build import FROZEN, KEEP, edges_first, path_task, spec, stage, transformer
from geomem.studies.geometric_memory.headline import MEASURE
from geomem.studies.geometric_memory.settings import PathStar, Settings
from geomem.studies.study import Cell


def countries(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Country borders, both directions, trained and with frozen tables; coordinates are only measured against."""
    own = settings.countries
    size = {"width": own.width, "layers": own.layers, "heads": own.heads}
    measure = ("map-recovery", "hop-distance", "top-degree-recovery", "eigen-energy")
    cells: list[Cell] = []
    for seed in seeds:
        for name, model, steps, lr in (
            ("trained", {}, own.steps, own.lr),
            ("frozen", FROZEN, own.frozen_steps, own.frozen_lr),
        ):
            stages = [{"name": "edges", "steps": steps, "optimizer": {"lr": lr}}]
            made = spec(
                {"kind": "in-weights-edges", "graph": "countries"},
                {"kind": "transformer", **size, **model},
                stages,
                seed,
                measure=measure,
                evaluate_every=max(1, steps // 10),
            )
            cells.append(Cell(name, seed, made, KEEP, cost=2.0 + steps * 8e-3))
    return cells


def directions(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Forward, backward or both directions of edges, for paths from the root and paths from the leaf (C14)."""
    star = ablation(settings)
    return [
        _cell(f"{edges}-{target}", seed, star, path_task(star, directions=edges, target=target))
        for edges in ("forward", "backward", "both")
        for target in ("hardest", "reversed")
        for seed in seeds
    ]


def pauses(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """More pauses between the leaf and the answer (C16)."""
    star = ablation(settings)
    return [
        _cell(f"{count}-pauses", seed, star, path_task(star, pauses=count), evaluate_every=10)
        for count in settings.pauses
        for seed in seeds
    ]


def path_share(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Edges and paths together from the first step, with different shares of the path loss (claim K1)."""
    star = ablation(settings)
    cells: list[Cell] = []
    for share in settings.path_shares:
        mix = {"edges": 1 - share, "paths": share}
        stages = [stage("edges and paths", settings.path_share_steps, star.edge_lr, mix, star)]
        for seed in seeds:
            made = spec(path_task(star), transformer(star), stages, seed, measure=MEASURE, evaluate_every=20)
            cells.append(Cell(f"share-{share:g}", seed, made, cost=_cost(star, made.steps)))
    return cells


def full_path(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """The whole path as target, from the root and from the leaf (C1, C3)."""
    star = ablation(settings).model_copy(update={"length": settings.full_length})
    return [
        _cell(
            target, seed, star, path_task(star, target=target), path_steps=settings.full_path_steps, evaluate_every=10
        )
        for target in ("full", "reversed")
        for seed in seeds
    ]


def tree_star(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Branching paths, holding out leaves or whole subtrees (C17)."""
    own = settings.tree_star
    star = ablation(settings)
    graph = {"kind": "tree-star", "arms": own.arms, "branching": own.branching, "length": own.length}
    return [
        _cell(
            f"{split}-split",
            seed,
            star,
            path_task(star, graph=graph, target="full", split=split),
            path_steps=own.path_steps,
        )
        for split in ("leaf", "subtree")
        for seed in seeds
    ]


def staged(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Edges until they are stored, then paths alone with a fresh optimiser (C8); beside edges kept in the mix."""
    star = ablation(settings)
    alone = [
        edges_first(star)[0],
        stage("paths only", settings.full_path_steps, star.path_lr, {"paths": 1.0}, star),
    ]
    cells: list[Cell] = []
    for seed in seeds:
        at = tuple(range(star.edge_steps, star.edge_steps + 60, 2))
        for condition, stages in (
            ("paths-only", alone),
            ("mixed", edges_first(star, path_steps=settings.full_path_steps)),
        ):
            for target in ("hardest", "full"):
                made = spec(
                    path_task(star, target=target),
                    transformer(star),
                    stages,
                    seed,
                    measure=MEASURE,
                    evaluate_every=star.evaluate_every,
                    evaluate_at=at,
                )
                cells.append(Cell(f"{condition}-{target}", seed, made, cost=_cost(star, made.steps)))
    return cells


def mamba(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """The state-space model: geometry from edges alone, and the hardest token of held-out paths (C1, C4, C5)."""
    own = settings.mamba
    shape: dict[str, Any] = {
        name: getattr(own, name)
        for name in ("arms", "length", "width", "layers", "edge_steps", "path_steps", "edge_lr", "path_lr")
    }
    star = settings.path_star.model_copy(update=shape)
    model = {"kind": "mamba", "width": own.width, "layers": own.layers}
    cells: list[Cell] = []
    for seed in seeds:
        for target in ("hardest", "full"):
            made = spec(
                path_task(star, target=target),
                model,
                edges_first(star),
                seed,
                measure=MEASURE,
                evaluate_every=star.evaluate_every,
                evaluate_at=(star.edge_steps,),
            )
            cells.append(Cell(target, seed, made, KEEP, cost=3 * _cost(star, made.steps)))
    return cells


def in_context(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """The same question with the graph in the prompt, a fresh one each time (C2)."""
    own = settings.in_context
    model = {"kind": "transformer", "width": own.width, "layers": own.layers, "heads": own.heads, "max_positions": 1024}
    optimizer = {"lr": own.lr, "weight_decay": 0.01}
    return [
        Cell(
            f"{arms}-arms",
            seed,
            spec(
                {"kind": "in-context-path", "arms": arms, "length": own.length, "layout": "in-weights"},
                model,
                [
                    {
                        "steps": own.steps,
                        "batch": {"paths": own.batch},
                        "optimizer": optimizer,
                        "schedule": {"warmup": 50},
                    }
                ],
                seed,
                evaluate_every=max(1, own.steps // 10),
            ),
            cost=own.steps * own.batch * arms * own.length * 3 * own.layers * own.width**2 * 72 / 2.0e10 / 4,
        )
        for arms in own.arms
        for seed in seeds
    ]


def no_cells(_settings: Settings, _seeds: Sequence[int]) -> list[Cell]:
    """Nothing to train: the claim follows from formulas."""
    return []


def ablation(settings: Settings) -> PathStar:
    """Return the path-star of the ablations: the headline one with fewer arms."""
    return settings.path_star.model_copy(update={"arms": settings.ablation_arms})


def _cell(
    condition: str,
    seed: int,
    star: PathStar,
    task: dict[str, Any],
    *,
    path_steps: int | None = None,
    evaluate_every: int | None = None,
) -> Cell:
    stages = edges_first(star, path_steps=path_steps)
    made = spec(
        task, transformer(star), stages, seed, measure=MEASURE, evaluate_every=evaluate_every or star.evaluate_every
    )
    return Cell(condition, seed, made, cost=_cost(star, made.steps))


def _cost(star: PathStar, steps: int) -> float:
    nodes = star.arms * (star.length - 1)
    return 1.0 + steps * (2e-3 + nodes * (24 * star.layers * star.width**2 + nodes * star.width) * 6 / 2.5e10)
