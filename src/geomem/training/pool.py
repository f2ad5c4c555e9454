"""Run many training jobs, two at a time on two cores: small models use one core each better than two cores share one.

Every job runs on one thread in its own run directory, so its result does not depend on what runs beside it. Finished
jobs are skipped, killed ones go on from their last saved state.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import queue
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from geomem.errors import InputError
from geomem.hardware import free_cores
from geomem.runs.atomic import write_atomic_with
from geomem.runs.directory import Run
from geomem.runs.tables import Measurement, read_measurements, write_measurements
from geomem.training.interrupt import end_quietly_on_interrupt
from geomem.training.loop import Trained, resume_spec
from geomem.training.progress import Event, Listener
from geomem.training.spec import TrainSpec


@dataclass(frozen=True)
class Job:
    """One training to do: its spec, its run directory, and what to work out from the trained model afterwards.

    after: "module:function" taking (Trained, TrainSpec) and returning Extra, or an empty string.
    cost: expected relative duration; long jobs start first.
    """

    spec: TrainSpec
    path: Path
    after: str = ""
    cost: float = 1.0


@dataclass(frozen=True)
class Extra:
    """What a job keeps beside its checkpoint: further numbers, and arrays for pictures."""

    numbers: Mapping[str, float] = field(default_factory=dict[str, float])
    arrays: Mapping[str, Any] = field(default_factory=dict[str, Any])


def run_jobs(jobs: Sequence[Job], listener: Listener, workers: int | None = None) -> None:
    """Run all unfinished jobs. Raises the first job's error after the others have ended."""
    waiting = sorted((job for job in jobs if not _finished(job.path)), key=lambda job: -job.cost)
    count = min(workers or free_cores(), len(waiting))
    if count <= 1:
        for job in waiting:
            run_job(job, listener)
        return
    context = multiprocessing.get_context("spawn")
    with (
        context.Manager() as manager,
        ProcessPoolExecutor(count, mp_context=context, initializer=end_quietly_on_interrupt) as pool,
    ):
        events = cast("queue.Queue[Event]", manager.Queue())
        futures: list[Future[None]] = [pool.submit(_work, job, events.put) for job in waiting]
        try:
            while not all(future.done() for future in futures):
                _drain(events, listener, 0.2)
            _drain(events, listener, 0.0)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            # Ctrl-C reaches the workers too, a signal sent to this process alone does not.
            for child in multiprocessing.active_children():
                if child.pid is not None:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(child.pid, signal.SIGINT)
            raise
        wait(futures)
        for future in futures:
            future.result()


def _work(job: Job, listener: Listener) -> None:
    """Run a job in a worker, which ends when it is interrupted: its state is saved and nobody waits for the next."""
    try:
        run_job(job, listener)
    except KeyboardInterrupt:
        os._exit(130)


def run_job(job: Job, listener: Listener) -> None:
    """Run one job in this process, on one thread."""
    from geomem.training.start import train_any

    if job.path.exists() and not (job.path / "run.json").exists():
        # A kill between making the folder and writing its header: there is nothing in it yet.
        shutil.rmtree(job.path)
    if job.path.exists():
        run = Run.open(job.path)
        run.lock()
        spec = resume_spec(run)
    else:
        spec = job.spec.model_copy(update={"threads": 1})
        run = Run.create_at(job.path, spec.name, "train", spec.model_dump(mode="json"), [spec.seed])
    trained = train_any(spec, run, listener)
    if job.after and trained.status != "diverged":
        _keep(_function(job.after)(trained, spec), run, spec)
    run.finish(trained.status, trained.seconds, trained.message)


def _keep(extra: Extra, run: Run, spec: TrainSpec) -> None:
    from safetensors.torch import save_file

    file = run.path / "measurements.parquet"
    rows = [row for row in read_measurements(file) if row.metric not in extra.numbers]
    rows += [Measurement(step=spec.steps, seed=spec.seed, metric=name, value=value)
             for name, value in extra.numbers.items()]  # fmt: skip
    write_measurements(file, rows)
    if extra.arrays:
        tensors = {name: array.detach().cpu().contiguous().clone() for name, array in extra.arrays.items()}
        write_atomic_with(run.path / "arrays.safetensors", lambda partial: save_file(tensors, str(partial)))


def _function(name: str) -> Callable[[Trained, TrainSpec], Extra]:
    module, _, attribute = name.partition(":")
    return cast(Callable[[Trained, TrainSpec], Extra], getattr(importlib.import_module(module), attribute))


def _finished(path: Path) -> bool:
    try:
        return Run.open(path).finished
    except InputError:
        return False


def _drain(events: queue.Queue[Event], listener: Listener, patience: float) -> None:
    while True:
        try:
            listener(events.get(timeout=patience) if patience else events.get_nowait())
        except queue.Empty:
            return
