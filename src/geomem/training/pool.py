"""Run many jobs, two at a time on two cores: small models use one core each better than two cores share one.

A job is a training, or a piece of work that is none. Every one runs on one thread in its own run directory, so its
result does not depend on what runs beside it. Finished jobs are skipped, killed trainings go on from their last saved
state. A shared training is one that several study runs may ask for at once: the first trains, the others wait for it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import queue
import shutil
import time
from collections.abc import Generator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from geomem.errors import InputError
from geomem.hardware import free_cores
from geomem.runs.atomic import clear_disk_errors
from geomem.runs.directory import Run
from geomem.training.interrupt import worker_pool
from geomem.training.loop import resume_spec
from geomem.training.progress import Event, Listener
from geomem.training.spec import TrainSpec
from geomem.training.work import Extra, Work, do_work, keep_extra, named_function

_PATIENCE = 0.5
"""Seconds between two looks whether another process has ended a shared training."""


@dataclass(frozen=True)
class Job:
    """One training or work to do: its spec, its run directory, and what to work out from a trained model afterwards.

    after: "module:function" taking (Trained, TrainSpec) and returning Extra, or an empty string; of trainings alone.
    cost: expected relative duration; long jobs start first.
    shared: other study runs may be at this training too.
    """

    spec: TrainSpec | Work
    path: Path
    after: str = ""
    cost: float = 1.0
    shared: bool = False


def run_jobs(jobs: Sequence[Job], listener: Listener, workers: int | None = None) -> None:
    """Run all unfinished jobs. Raises the first job's error after the others have ended."""
    waiting = sorted((job for job in jobs if not finished(job.path)), key=lambda job: -job.cost)
    count = min(workers or free_cores(), len(waiting))
    if count <= 1:
        for job in waiting:
            run_job(job, listener)
        return
    with worker_pool(count) as (pool, told):
        events = cast("queue.Queue[Event]", told)
        futures: list[Future[None]] = [pool.submit(_work, job, events.put) for job in waiting]
        while not all(future.done() for future in futures):
            _drain(events, listener, 0.2)
        _drain(events, listener, 0.0)
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
    """Run one job in this process, on one thread; a shared one after whoever is at it, and not again."""
    if not job.shared:
        _run(job, listener)
        return
    with _turn(job, listener):
        if finished(job.path):
            listener(Event(job.spec.name, 1, 1, note="trained by another process", done=True))
        else:
            _run(job, listener)


def finished(path: Path) -> bool:
    """Return whether a directory holds a run that came to its end."""
    try:
        return Run.open(path).finished
    except InputError:
        return False


@contextlib.contextmanager
def _turn(job: Job, listener: Listener) -> Generator[None]:
    """Wait until no other process is at a shared training, and keep others waiting meanwhile."""
    file = job.path.with_name(f".{job.path.name}.lock")
    with clear_disk_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                listener(Event(job.spec.name, 0, 1, note="another process trains it; waiting"))
                time.sleep(_PATIENCE)
        yield
    finally:
        os.close(handle)


def _run(job: Job, listener: Listener) -> None:
    if job.path.exists() and not (job.path / "run.json").exists():
        # A kill between making the folder and writing its header: there is nothing in it yet.
        shutil.rmtree(job.path)
    run = None
    if job.path.exists():
        run = Run.open(job.path)
        run.lock()
    if isinstance(job.spec, Work):
        kept = job.spec.model_dump(mode="json")
        run = run or Run.create_at(job.path, job.spec.name, "work", kept, [job.spec.seed])
        run.save_info(spec=kept)  # what it needs may have moved since
        do_work(job.spec, run, listener)
    else:
        _train(job.spec, job, run, listener)


def _train(asked: TrainSpec, job: Job, run: Run | None, listener: Listener) -> None:
    from geomem.training.start import train_any

    spec = asked.model_copy(update={"threads": 1}) if run is None else resume_spec(run)
    if run is None:
        run = Run.create_at(job.path, spec.name, "train", spec.model_dump(mode="json"), [spec.seed])
    trained = train_any(spec, run, listener)
    if job.after and trained.status != "diverged":
        keep_extra(cast(Extra, named_function(job.after)(trained, spec)), run, spec.seed, spec.steps)
    run.finish(trained.status, trained.seconds, trained.message)


def _drain(events: queue.Queue[Event], listener: Listener, patience: float) -> None:
    while True:
        try:
            listener(events.get(timeout=patience) if patience else events.get_nowait())
        except queue.Empty:
            return
