"""Small experiments that the training tests share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from geomem.runs.directory import Run
from geomem.spec import validate
from geomem.training.loop import Loop
from geomem.training.spec import TrainSpec

SMALL: dict[str, Any] = {
    "name": "small",
    "task": {"kind": "in-weights-path", "graph": {"kind": "path-star", "arms": 8, "length": 3}, "target": "hardest"},
    "model": {"kind": "transformer", "width": 16, "layers": 1, "heads": 2, "dropout": 0.1},
    "stages": [
        {"name": "edges", "steps": 12, "mix": {"edges": 1.0}, "batch": {"edges": 7}, "optimizer": {"lr": 3e-3}},
        {"name": "both", "steps": 18, "batch": {"edges": 7, "paths": 3}, "optimizer": {"lr": 3e-3, "clip": 1.0}},
    ],
    "evaluate_every": 10,
    "threads": 1,
    "device": "cpu",
}


def small(**changes: Any) -> TrainSpec:
    """Return the small experiment with some settings changed."""
    return validate(TrainSpec, {**SMALL, **changes})


def new_run(parent: Path, spec: TrainSpec) -> Run:
    """Make a run directory for a spec."""
    return Run.create(parent, spec.name, "train", spec.model_dump(mode="json"), [spec.seed])


def interrupt_at(monkeypatch: pytest.MonkeyPatch, stop: int) -> None:
    """Let trainings fail with RuntimeError "power cut" before their step number `stop`."""
    step = Loop._step  # pyright: ignore[reportPrivateUsage]

    def cut(self: Loop, *arguments: Any) -> None:
        if self.state.step == stop:
            raise RuntimeError("power cut")
        step(self, *arguments)

    monkeypatch.setattr(Loop, "_step", cut)
