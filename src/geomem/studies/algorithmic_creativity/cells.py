"""The trainings: one a method and seed, all of a task at equal passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from geomem.spec import validate
from geomem.studies.algorithmic_creativity.settings import (
    SEED_LETTERS,
    EdgeLists,
    Settings,
    Siblings,
    Training,
    Triangles,
)
from geomem.studies.study import Cell
from geomem.training.spec import TrainSpec

_SECONDS = 1.5e-10
"""Seconds a weight, token and pass on one core: six operations at some 40 billion a second, measured."""


@dataclass(frozen=True)
class Method:
    """A way of training. passes: of every sequence in a step. causal: whether the network looks back alone."""

    words: str
    objective: str
    seeded: bool
    passes: int = 1
    causal: bool = True

    def spec(self, seed_length: int) -> dict[str, Any]:
        """Return the objective's settings."""
        inner: dict[str, Any] = {"kind": self.objective}
        return {"kind": "seed", "length": seed_length, "letters": SEED_LETTERS, "of": inner} if self.seeded else inner


METHODS = {
    "ntp": Method("next token, no seed", "next-token", seeded=False),
    "ntp-seed": Method("next token, seed", "next-token", seeded=True),
    "hybrid-seed": Method("hybrid teacherless, seed", "hybrid-teacherless", seeded=True, passes=2),
    "diffusion": Method("masked diffusion, no seed", "masked-diffusion", seeded=False, causal=False),
}
"""Methods by the name of their condition."""


def sibling_cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return every method on sibling discovery."""
    own = settings.siblings
    return [_cell(name, METHODS[name], own, sibling_task(own), {"siblings": own.batch}, 5, seed)
            for seed in seeds for name in METHODS]  # fmt: skip


def length_cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return next-token training with seeds of every length; none for length 0."""
    own = settings.siblings
    found: list[Cell] = []
    for seed in seeds:
        for length in own.seed_lengths:
            method = METHODS["ntp-seed" if length else "ntp"]
            sized = own.model_copy(update={"seed_length": max(1, length)})
            found.append(_cell(length_name(length), method, sized, sibling_task(own), {"siblings": own.batch}, 5, seed))
    return found


def length_name(length: int) -> str:
    """Return the condition of seeds of a length."""
    return f"seed-length-{length}"


def triangle_cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return the methods that read from left to right on triangle discovery."""
    own = settings.triangles
    batch = {"triangles": own.batch, "edges": 2 * own.batch}
    return [_cell(f"triangle-{name}", METHODS[name], own, triangle_task(own), batch, 24, seed)
            for seed in seeds for name in METHODS if METHODS[name].causal]  # fmt: skip


def list_cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return the methods that read from left to right on circles and on lines."""
    own = settings.lists
    return [_cell(f"{shape}-{name}", METHODS[name], own, list_task(own, shape), {f"{shape}s": own.batch},
                  3 * own.nodes + 1, seed)
            for seed in seeds for shape in ("circle", "line") for name in METHODS if METHODS[name].causal]  # fmt: skip


def sibling_task(own: Siblings) -> dict[str, Any]:
    """Return the settings of sibling discovery."""
    names = ("parents", "children", "train_size", "held_out_size", "samples", "temperatures")
    return {"kind": "sibling-discovery", **{name: getattr(own, name) for name in names}}


def triangle_task(own: Triangles) -> dict[str, Any]:
    """Return the settings of triangle discovery."""
    names = ("nodes", "train_triangles", "train_edges", "samples", "temperatures")
    return {"kind": "triangle-discovery", **{name: getattr(own, name) for name in names}}


def list_task(own: EdgeLists, shape: str) -> dict[str, Any]:
    """Return the settings of circle or line construction."""
    names = ("entities", "train_size", "held_out_size", "samples", "temperatures")
    length = own.nodes if shape == "circle" else own.line_nodes
    return {"kind": f"{shape}-construction", "length": length, **{name: getattr(own, name) for name in names}}


def _cell(
    condition: str, method: Method, own: Training, task: dict[str, Any], batch: dict[str, int], tokens: int, seed: int
) -> Cell:
    steps = max(own.evaluations, own.passes // method.passes)
    shown = tokens + own.seed_length * method.seeded
    spec = {
        "name": f"{condition}-seed-{seed}",
        "seed": seed,
        "task": task,
        "model": {
            "kind": "transformer", "width": own.width, "layers": own.layers, "heads": own.heads,
            "dropout": own.dropout, "causal": method.causal, "max_positions": max(64, shown),
        },
        "objective": method.spec(own.seed_length),
        "stages": [
            {
                "steps": steps, "batch": batch,
                "optimizer": {"lr": own.lr, "weight_decay": 0.0},
                "schedule": {"kind": "constant", "warmup": own.warmup},
            }
        ],
        "evaluate_every": max(1, steps // own.evaluations),
        "threads": 1,
    }  # fmt: skip
    work = 12 * own.layers * own.width**2 * shown * sum(batch.values()) * own.passes
    return Cell(condition, seed, validate(TrainSpec, spec), cost=5.0 + _SECONDS * work + 4e-3 * steps)
