"""Tiny graphs: every architecture draws the same few from their edges (C7, C9, C10, C12, C13, C15, C18 to C20).

Widths, rates and steps are the release's, graph by graph (arXiv 2510.26745).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from geomem.studies.geometric_memory.build import KEEP, spec
from geomem.studies.geometric_memory.settings import Settings
from geomem.studies.study import Cell
from geomem.training.spec import TrainSpec

GRAPHS: dict[str, dict[str, Any]] = {
    "star": {"kind": "path-star", "arms": 4, "length": 5},
    "grid": {"kind": "grid", "rows": 4, "columns": 4},
    "cycle": {"kind": "cycle", "nodes": 15},
    "irregular": {"kind": "irregular"},
}

MEASURE = ("top-degree-recovery", "cosine-level", "eigen-energy", "eigen-concentration", "hop-distance")
LINEAR = (*MEASURE, "skewed-low-rank")

# model -> graph -> (width, learning rate, steps, schedule)
Recipe = tuple[int, float, int, str]
TINY_GPT: dict[str, Recipe] = {
    "star": (32, 1e-2, 500, "cosine"),
    "grid": (32, 1e-2, 500, "cosine"),
    "cycle": (32, 1e-2, 700, "cosine"),
    "irregular": (32, 1e-2, 2500, "cosine"),
}
TINY_GPT_FORWARD: dict[str, Recipe] = {
    "star": (32, 1e-2, 500, "cosine"),
    "grid": (32, 1e-2, 1000, "cosine"),
    "cycle": (32, 1e-2, 700, "cosine"),
    "irregular": (48, 1e-2, 2000, "cosine"),
}
TINY_NN: dict[str, Recipe] = {
    "star": (32, 1e-2, 500, "cosine"),
    "grid": (32, 1e-2, 500, "cosine"),
    "cycle": (512, 1e-2, 10_000, "constant"),
    "irregular": (16, 5e-3, 1000, "cosine"),
}
TINY_NN_SELF: dict[str, Recipe] = {
    "star": (32, 0.05, 200, "cosine"),
    "grid": (16, 0.1, 200, "cosine"),
    "cycle": (512, 1e-2, 10_000, "constant"),
    "irregular": (64, 0.05, 200, "constant"),
}
ASSOCIATIVE: dict[str, Recipe] = {
    "star": (32, 0.2, 500, "cosine"),
    "grid": (32, 0.2, 500, "cosine"),
    "cycle": (15, 10.0, 5000, "cosine"),
    "irregular": (16, 2.0, 500, "cosine"),
}


def cell(
    settings: Settings,
    condition: str,
    graph: str,
    model: dict[str, Any],
    recipe: Recipe,
    seed: int,
    measure: tuple[str, ...],
    *,
    decay: float = 0.0,
    at: tuple[int, ...] = (),
    every: int | None = None,
    **task: Any,
) -> Cell:
    """Build one full-batch training on the edges of a tiny graph, with PyTorch's default betas as in the release."""
    width, lr, full_steps, schedule = recipe
    steps = max(2, round(full_steps * settings.tiny.effort))
    optimizer = {"lr": lr, "weight_decay": decay, "betas": (0.9, 0.999)}
    stages = [{"name": "edges", "steps": steps, "optimizer": optimizer, "schedule": {"kind": schedule}}]
    made = spec(
        edges(graph, **task),
        {"width": width, **model},
        stages,
        seed,
        measure=measure,
        evaluate_every=every or max(1, steps // 20),
        evaluate_at=at,
    )
    return Cell(f"{graph}-{condition}", seed, made, KEEP, cost=0.5 + steps * (4e-3 if width > 64 else 2e-3))


def edges(graph: str, **changes: Any) -> dict[str, Any]:
    """Return the edges-only task of a tiny graph."""
    return {"kind": "in-weights-edges", "graph": GRAPHS[graph], **changes}


def gpt(**changes: Any) -> dict[str, Any]:
    """Return TinyGPT: one layer, one head, and positions as large as the release's."""
    return {"kind": "transformer", "layers": 1, "heads": 1, "position_std": 1.0, **changes}


def node2vec(settings: Settings, condition: str, graph: str, seed: int, *, tied: bool = True, **task: Any) -> Cell:
    """Build one exact Node2Vec training: m = 100, N(0, 1), lr 0.01 (arXiv 2510.26745)."""
    model = {"kind": "node2vec", "tied": tied, "steps": settings.tiny.node2vec_steps}
    measure = (
        "dot-product-recovery",
        "cosine-level",
        "eigen-energy",
        "eigen-concentration",
        "hop-distance",
        "node2vec-stationarity",
        "top-degree-recovery",
    )
    made: TrainSpec = spec(
        edges(graph, **task),
        model,
        [],
        seed,
        measure=measure,
        evaluate_every=max(1, settings.tiny.node2vec_steps // 20),
    )
    return Cell(f"{graph}-{condition}", seed, made, KEEP, cost=2.0)


def tiny_graphs(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Every tiny graph with every model, edges in both directions."""
    cells: list[Cell] = []
    early = (1, 2, 3, 5, 10, 20, 50)
    for graph in settings.tiny.graphs:
        positions = "learned" if graph == "cycle" else "none"
        fast = (512, 0.1, 10, "constant" if graph in ("star", "irregular") else "cosine")
        for seed in seeds:
            cells += [
                cell(settings, "TinyGPT", graph, gpt(), TINY_GPT[graph], seed, MEASURE, at=early),
                cell(settings, "TinyNN", graph, {"kind": "tiny-nn"}, TINY_NN[graph], seed, LINEAR, at=early),
                cell(
                    settings,
                    "associative",
                    graph,
                    {"kind": "associative", "positions": positions},
                    ASSOCIATIVE[graph],
                    seed,
                    LINEAR,
                    at=early,
                ),
                cell(
                    _unscaled(settings),
                    "associative-fast",
                    graph,
                    {"kind": "associative-fast"},
                    fast,
                    seed,
                    LINEAR,
                    decay=1e-3 if graph in ("cycle", "irregular") else 0.0,
                    every=1,
                ),
                node2vec(settings, "Node2Vec", graph, seed),
            ]
    return cells


def one_direction(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """TinyGPT on forward edges only, beside both directions (claim C15)."""
    return [
        cell(settings, name, graph, gpt(), recipes[graph], seed, MEASURE, directions=directions)
        for graph in settings.tiny.graphs
        for seed in seeds
        for name, recipes, directions in (("forward", TINY_GPT_FORWARD, "forward"), ("both", TINY_GPT, "both"))
    ]


def zigzag(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """An untied table or a layer in between, without and with self-edges in the data (claim C18)."""
    cells: list[Cell] = []
    for graph in settings.tiny.graphs:
        for seed in seeds:
            cells += [
                cell(settings, "TinyNN", graph, {"kind": "tiny-nn"}, TINY_NN[graph], seed, LINEAR),
                cell(
                    settings,
                    "TinyNN-self",
                    graph,
                    {"kind": "tiny-nn"},
                    TINY_NN_SELF[graph],
                    seed,
                    LINEAR,
                    self_edges=True,
                ),
                node2vec(settings, "untied", graph, seed, tied=False),
                node2vec(settings, "untied-self", graph, seed, tied=False, self_edges=True),
            ]
    return cells


# condition -> (changes to the model, learning rate, schedule, weight decay, self-edges), as in the released notebooks.
KNOBS: dict[str, tuple[dict[str, Any], float, str, float, bool]] = {
    "1-self-edges": ({}, 1e-2, "constant", 0.0, True),
    "2a-moderate-rate": ({}, 1e-2, "constant", 0.0, False),
    "2b-small-rate": ({}, 1e-4, "constant", 0.0, False),
    "3a-unit-normal": ({"initialisation": "unit-normal"}, 1e-4, "constant", 0.0, False),
    "3b-large-rate": ({"initialisation": "unit-normal"}, 0.1, "cosine", 0.0, False),
    "3c-weight-decay": ({"initialisation": "unit-normal"}, 1e-4, "constant", 10.0, False),
    "3d-dropout": ({"initialisation": "unit-normal", "dropout": 0.4}, 1e-3, "constant", 0.0, False),
}


def knobs(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Learning rate, decay, dropout and initialisation on the 15-cycle with TinyNN of width 512 (claims C19, C20)."""
    # There is one graph only, so a condition is named by its knob alone.
    return [
        replace(
            cell(
                settings,
                name,
                "cycle",
                {"kind": "tiny-nn", **model},
                (512, lr, 10_000, schedule),
                seed,
                LINEAR,
                decay=decay,
                self_edges=self_edges,
            ),
            condition=name,
        )
        for name, (model, lr, schedule, decay, self_edges) in KNOBS.items()
        for seed in seeds
    ]


def _unscaled(settings: Settings) -> Settings:
    return settings.model_copy(update={"tiny": settings.tiny.model_copy(update={"effort": 1.0})})
