"""Peak resident memory of training, each in a process of its own: geomem's loop against the Trainer, full batches.

The libraries themselves are in the peak; `baseline_mib` is a process that has imported them and built the task.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.settings import full_batch, loop_of, transformer
from benchmarks.timing import Row, in_child

FIELDS = ("graph", "width", "threads", "baseline_mib", "contexts_mib", "examples_mib", "trainer_mib", "ratio")
STEPS = 4


def run(quick: bool) -> list[Row]:
    """Compare on G(250,4) and G(1000,5)."""
    sizes = [(8, 3, 8)] if quick else [(250, 4, 64), (250, 4, 128), (1000, 5, 128)]
    return [_compare(*size) for size in sizes]


def _compare(arms: int, length: int, width: int) -> Row:
    peaks = {way: in_child("benchmarks.memory:train", way=way, arms=arms, length=length, width=width)["peak_mib"]
             for way in ("baseline", "contexts", "examples", "trainer")}  # fmt: skip
    above = {way: peak - peaks["baseline"] for way, peak in peaks.items()}
    return {"graph": f"G({arms},{length})", "width": width, "threads": 1,
            **{f"{way}_mib": peak for way, peak in peaks.items()},
            "ratio": above["trainer"] / max(1, above["contexts"])}  # fmt: skip


def train(way: str, arms: int, length: int, width: int) -> Row:
    """Take a few steps in one of the ways (called in a process of its own)."""
    from benchmarks.peer import trainer_step

    spec = full_batch(arms, length, transformer(width), "contexts" if way == "contexts" else "examples")
    task, model_spec = _any(spec.task), _any(spec.model)
    if way in ("contexts", "examples"):
        with loop_of(spec) as loop:
            loop.time_steps(STEPS)
        return {}
    built = task.build(0)
    model = model_spec.build(built.vocabulary.size, 0)
    if way == "trainer":
        with tempfile.TemporaryDirectory() as folder:
            trainer_step(built, model, STEPS, Path(folder))
    return {}


def _any(value: Any) -> Any:
    return value
