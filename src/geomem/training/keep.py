"""What every training leaves in its run directory, whatever it trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers.utils.logging import disable_progress_bar

from geomem.runs.atomic import write_folder_atomic
from geomem.runs.directory import Run
from geomem.runs.tables import CHANCE, History, Measurement, write_measurements
from geomem.tasks.task import Task
from geomem.training.spec import TrainSpec

_COURSE = ("loss", "lr", "gradient_norm")
"""Columns that describe the course of training rather than what was learned."""


def keep_results(
    run: Run, spec: TrainSpec, history: History, model: Any, task: Task, steps: int, seconds: float
) -> None:
    """Write history, last measurements, timing and the checkpoint, each atomically.

    Wall time is kept apart from the history, which is the same bits whatever the machine was doing.
    """
    history.write(run.path / "history.parquet")
    rows = [
        Measurement(
            model=getattr(spec.model, "kind", ""), step=where[-1], seed=spec.seed, metric=name, value=values[-1]
        )
        for name in sorted(history.columns)
        if name.split("/")[0] not in _COURSE
        for where, values in [history.series(name)]
        if values
    ]
    rows += [
        Measurement(seed=spec.seed, metric=f"{CHANCE}{name}", value=value)
        for name, value in task.chance.items()
        if name in history.columns
    ]
    write_measurements(run.path / "measurements.parquet", rows)
    timing = History()
    timing.add(steps, {"seconds": seconds})
    timing.write(run.path / "timing.parquet")
    keep_checkpoint(run.checkpoint, model, task)


def keep_checkpoint(folder: Path, model: Any, task: Task) -> None:
    """Write a Hugging Face checkpoint whole or not at all, with the tokenizer of a task that has one."""
    # Its bar for writing shards would break into ours.
    disable_progress_bar()

    def save(partial: Path) -> None:
        model.save_pretrained(partial)
        if task.tokenizer is not None:
            task.tokenizer.save_pretrained(partial)

    write_folder_atomic(folder, save)
