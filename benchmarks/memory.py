"""Peak resident memory of training, each in a process of its own: geomem's loop against the Trainer, full batches.

The libraries themselves are in the peak; `baseline_mib` is a process that has imported them and built the task.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.settings import full_batch, loop_of, transformer
from benchmarks.timing import Row, in_child, peak_mib

FIELDS = ("graph", "width", "threads", "baseline_mib", "contexts_mib", "examples_mib", "trainer_mib", "ratio")
STEPS = 4


def run(quick: bool) -> Iterator[Row]:
    """Compare on G(250,4) and G(1000,5)."""
    if quick:
        yield _compare(8, 3, 8, _here)
        return
    for size in ((250, 4, 64), (250, 4, 128), (1000, 5, 128)):
        yield _compare(*size, in_child)


def _here(_target: str, **arguments: Any) -> Row:
    return {**train(**arguments), "peak_mib": peak_mib()}


def _compare(arms: int, length: int, width: int, call: Callable[..., Row]) -> Row:
    peaks = {way: call("benchmarks.memory:train", way=way, arms=arms, length=length, width=width)["peak_mib"]
             for way in ("baseline", "contexts", "examples", "trainer")}  # fmt: skip
    above = {way: peak - peaks["baseline"] for way, peak in peaks.items()}
    return {"graph": f"G({arms},{length})", "width": width, "threads": 1,
            **{f"{way}_mib": peak for way, peak in peaks.items()},
            "ratio": above["trainer"] / max(1, above["contexts"])}  # fmt: skip


def train(way: str, arms: int, length: int, width: int) -> Row:
    """Take a few steps in one of the ways (called in a process of its own)."""
    from benchmarks.peer import trainer_step

    spec = full_batch(arms, length, transformer(width), "contexts" if way == "contexts" else "examples")
    if way in ("contexts", "examples"):
        with loop_of(spec) as loop:
            loop.time_steps(STEPS)
        return {}
    task: Any = spec.task.build(spec.seed)  # pyright: ignore
    model = spec.model.build(task.vocabulary.size, spec.seed)  # pyright: ignore
    if way == "trainer":
        with tempfile.TemporaryDirectory() as folder:
            trainer_step(task, model, STEPS, Path(folder))
    return {}
