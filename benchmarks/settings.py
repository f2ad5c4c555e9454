"""The experiments that several benchmarks train: path-stars, Transformers and stages, as geomem's own specs."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.timing import seconds, threads
from geomem.runs.directory import Run
from geomem.spec import validate
from geomem.training.loop import Loop
from geomem.training.spec import TrainSpec


def star_task(arms: int, length: int, **changes: Any) -> dict[str, Any]:
    """Return the in-weights path task on G(arms, length), the first hop alone as target, one pause."""
    graph = {"kind": "path-star", "arms": arms, "length": length}
    return {"kind": "in-weights-path", "graph": graph, "target": "hardest", "pauses": 1, **changes}


def transformer(width: int, kind: str = "transformer") -> dict[str, Any]:
    """Return geomem's Transformer, or GPT-2 from transformers (kind "hf"), 2 layers, 4 heads (8 from width 512 on)."""
    return {"kind": kind, "width": width, "layers": 2, "heads": 8 if width >= 512 else 4}


def full_batch(arms: int, length: int, model: dict[str, Any], edge_form: str = "contexts") -> TrainSpec:
    """Return one stage in which every step sees all edges and all training paths, at the shares of a common mean."""
    task = star_task(arms, length, edge_form=edge_form)
    edges, paths = 2 * arms * (length - 1), int(0.75 * arms)
    stage = {"steps": 1000, "mix": {"edges": edges, "paths": paths}, "schedule": {"kind": "constant"}}
    return validate(TrainSpec, {"task": task, "model": model, "stages": [stage], "device": "cpu", "threads": 1})


@contextmanager
def loop_of(spec: TrainSpec) -> Generator[Loop]:
    """Give geomem's training loop for a spec, in a run directory that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run.create(Path(folder), spec.name, "train", spec.model_dump(mode="json"), [spec.seed])
        try:
            yield Loop(spec, run)
        finally:
            run.unlock()


def step_seconds(loop: Loop, steps: int, count: int) -> float:
    """Return the seconds of one step of a loop with one stage, on `count` threads.

    `time_steps` ends with an evaluation and starts with a step that allocates; the difference of two calls has neither.
    """
    with threads(count):
        short = seconds(lambda: loop.time_steps(2), count)
        return (seconds(lambda: loop.time_steps(2 + steps), count) - short) / steps
