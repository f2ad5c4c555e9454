"""What a training run will cost, found by taking a few of its steps before spending the rest."""

from __future__ import annotations

import resource
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from geomem.errors import clear_size_errors
from geomem.models.specs import VectorSpec
from geomem.runs.directory import Run
from geomem.tasks.streams import ENDLESS
from geomem.training.spec import TrainSpec

_TRIAL = 4
"""Steps tried a stage; the first, which allocates, is not counted."""


@dataclass(frozen=True)
class Cost:
    """Steps, parameters, seconds a step and in all, and the peak memory of the process in MiB."""

    steps: int
    parameters: int
    trainable: int
    streams: dict[str, int]
    seconds_per_step: dict[str, float]
    seconds: float
    peak_mib: float
    device: str

    def lines(self) -> list[str]:
        """Return the estimate as short lines."""
        stages = ", ".join(f"{name} {1000 * one:.1f} ms" for name, one in self.seconds_per_step.items())
        data = ", ".join(f"{'endless' if size == ENDLESS else size} {name}" for name, size in self.streams.items())
        return [
            f"data: {data}",
            f"model: {self.parameters:,} parameters, {self.trainable:,} trained",
            f"steps: {self.steps}, a step takes {stages}",
            f"time: about {_duration(self.seconds)} on {self.device}, evaluations included",
            f"memory: about {self.peak_mib:.0f} MiB at its peak",
        ]


def estimate(spec: TrainSpec) -> Cost:
    """Take a few steps of every stage in a temporary directory and extrapolate.

    Raises InputError for whatever the run itself would refuse.
    """
    with clear_size_errors():
        return _estimate(spec) if spec.sequence else _estimate_vectors(spec)


def _estimate(spec: TrainSpec) -> Cost:
    from geomem.training.loop import Loop

    with tempfile.TemporaryDirectory() as folder:
        run = Run.create(Path(folder), "trial", "train", spec.model_dump(mode="json"), [spec.seed])
        loop = Loop(spec, run)
        each, evaluation = loop.time_steps(_TRIAL)
        run.unlock()
    evaluations = 1 + spec.steps // spec.evaluate_every
    seconds = sum(stage.steps * one for stage, one in zip(spec.stages, each, strict=True)) + evaluations * evaluation
    parameters = list(loop.raw.parameters())
    return Cost(
        steps=spec.steps,
        parameters=sum(parameter.numel() for parameter in parameters),
        trainable=sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
        streams={name: stream.size for name, stream in loop.streams.items()},
        seconds_per_step={stage.name: one for stage, one in zip(spec.stages, each, strict=True)},
        seconds=seconds,
        peak_mib=_peak_mib(),
        device=run.info.choices["device"],
    )


def _estimate_vectors(spec: TrainSpec) -> Cost:
    """Estimate a word-vector model: the same with no step and with a few."""
    from geomem.training.word_vectors import train_vectors

    model = cast(VectorSpec, spec.model)
    taken: list[tuple[int, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        for steps in (0, 0, model.trial_steps):  # the first builds and imports, and is not counted
            trial = spec.model_copy(update={"model": model.shortened(steps), "evaluate_every": 2 * model.trial_steps})
            run = Run.create(Path(folder), "trial", "train", trial.model_dump(mode="json"), [spec.seed])
            trained = train_vectors(trial, run)
            run.unlock()
            taken.append((trial.steps, trained.seconds))
    (_, none), (done, some) = taken[1:]
    a_step = max(0.0, some - none) / max(1, done)
    parameters = sum(parameter.numel() for parameter in trained.model.parameters())
    return Cost(
        steps=spec.steps,
        parameters=parameters,
        trainable=parameters,
        streams={name: stream.size for name, stream in trained.task.streams("train").items()},
        seconds_per_step={"main": a_step},
        seconds=spec.steps * a_step + (1 + spec.steps // spec.evaluate_every) * none,
        peak_mib=_peak_mib(),
        device=run.info.choices["device"],
    )


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 90 else f"{seconds / 60:.1f} minutes"


def _peak_mib() -> float:
    """Return the peak memory of this process; Linux's ru_maxrss may hold the parent's, so its own VmHWM comes first."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            own = [int(line.split()[1]) for line in file if line.startswith("VmHWM")]
    except (OSError, ValueError):
        own = []
    if own:
        return own[0] / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if sys.platform == "darwin" else 1024)
