"""A cell of a study that is not a training: a function that works something out, often about a trained model."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pydantic import Field

from geomem.errors import RunError
from geomem.hardware import DeviceName, choose_device, choose_threads
from geomem.runs.atomic import write_atomic_with
from geomem.runs.directory import Run
from geomem.runs.tables import Measurement, read_measurements, write_measurements
from geomem.spec import Spec
from geomem.training.progress import Event, Listener


class Work(Spec):
    """What to call, on what, and where the trained models that it needs are."""

    name: str = "work"
    seed: int = Field(default=0, ge=0)
    function: str = Field(description="module:function of (Work, Run, Listener), returning Extra")
    settings: dict[str, Any] = Field(default={}, description="what the function is told, as plain data")
    needs: dict[str, str] = Field(default={}, description="run directory of each training it reads, by name")
    device: DeviceName = "auto"

    def run_of(self, name: str) -> Run:
        """Return the finished run of a training that this needs. Raises RunError when there is none."""
        if name not in self.needs:
            raise RunError(f"{self.name}: needs no training '{name}'; it has: {', '.join(self.needs) or 'none'}")
        return Run.open(Path(self.needs[name]))


@dataclass(frozen=True)
class Extra:
    """What a job keeps beside its checkpoint.

    numbers: one value a metric. rows: further rows of the long table, those with a layer, a step or an interval.
    arrays: tensors for pictures, kept in arrays.safetensors.
    """

    numbers: Mapping[str, float] = field(default_factory=dict[str, float])
    arrays: Mapping[str, Any] = field(default_factory=dict[str, Any])
    rows: Sequence[Measurement] = ()


def do_work(work: Work, run: Run, listener: Listener) -> None:
    """Call the function of a work in a locked run directory, keep what it returns and mark the run as finished.

    A work that needs a training that diverged is not called and ends as diverged, so that claims which rest on it count
    its seed as lost. An interrupted work starts again, unless its function finds in the run directory where it stood.
    """
    import torch

    device, threads = choose_device(work.device), choose_threads(1)
    choices = {"device": device, "threads": threads}
    run.save_info(choices={name: f"{choice.value}: {choice.reason}" for name, choice in choices.items()})
    torch.set_num_threads(1)
    for name in work.needs:
        training = work.run_of(name)
        if training.info.status == "diverged":
            message = f"it needs the training '{name}', which diverged: {training.info.message}"
            run.finish("diverged", 0.0, message)
            listener(Event(work.name, 1, 1, note=message, done=True))
            return
    began = time.monotonic()
    extra = cast(Extra, named_function(work.function)(work, run, listener))
    keep_extra(extra, run, work.seed)
    run.finish("finished", time.monotonic() - began)
    listener(Event(work.name, 1, 1, done=True))


def keep_extra(extra: Extra, run: Run, seed: int, step: int | None = None) -> None:
    """Add what was worked out to the measurements of a run, in place of what they say of the same metric."""
    from safetensors.torch import save_file

    file = run.path / "measurements.parquet"
    new = {*extra.numbers, *(row.metric for row in extra.rows)}
    rows = [row for row in read_measurements(file) if row.metric not in new] if file.is_file() else []
    rows += [
        Measurement(step=step, seed=seed, metric=name, value=value) for name, value in extra.numbers.items()
    ]  # fmt: skip
    rows += [row.model_copy(update={"seed": seed}) for row in extra.rows]
    write_measurements(file, rows)
    if extra.arrays:
        tensors = {name: array.detach().cpu().contiguous().clone() for name, array in extra.arrays.items()}
        write_atomic_with(run.path / "arrays.safetensors", lambda partial: save_file(tensors, str(partial)))


def named_function(name: str) -> Callable[..., Any]:
    """Import the function that "module:function" names."""
    module, _, attribute = name.partition(":")
    return cast("Callable[..., Any]", getattr(importlib.import_module(module), attribute))
