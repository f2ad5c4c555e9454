"""Train a word-vector model on a task, into the same kind of run directory.

There is no sequence axis and no batch: a step is one exact full-batch step in matrix form, and ten thousand of them
take a second on a small graph. A killed run therefore starts again, to the same bits, instead of being resumed.
"""

from __future__ import annotations

import copy
import math
import time
from typing import Any, cast

import torch
from torch import nn

from geomem.errors import RunError
from geomem.geometry.measurement import check, measure
from geomem.runs.directory import Run, Status
from geomem.runs.tables import History
from geomem.tasks.task import Task
from geomem.training.keep import keep_results
from geomem.training.loop import Diverged, Trained, start_run
from geomem.training.progress import Event, Listener, silent
from geomem.training.spec import TrainSpec
from geomem.training.vector_courses import vector_course


def train_vectors(spec: TrainSpec, run: Run, listener: Listener = silent) -> Trained:
    """Train a word-vector model on what its task knows, measuring every `evaluate_every` steps.

    Raises InputError when the task cannot give what the model needs, or a measurement lacks its input.
    """
    if not run.info.choices:
        start_run(spec, run)
    torch.set_num_threads(int(run.info.choices["threads"].split(":")[0]))
    task: Task = cast(Any, spec.task).build(spec.seed)
    known = task.evidence()
    course = vector_course(spec.model, task, spec.seed)
    check(spec.measure, {*known, *course.gives})
    history, began, shown = History(), time.monotonic(), time.monotonic()

    good: list[nn.Module] = []

    def record(step: int, model: nn.Module, numbers: dict[str, float]) -> None:
        nonlocal shown
        loss = numbers["loss"]
        if not math.isfinite(loss):
            raise Diverged(f"the loss became {loss} by step {step}; lower model.lr")
        good[:] = [copy.deepcopy(model)]
        evidence = {**known, **course.evidence(model)} if spec.measure else {}
        history.add(step, {**numbers, **measure(spec.measure, evidence)})
        if time.monotonic() - shown > 0.5:
            shown = time.monotonic()
            listener(Event(spec.name, step, spec.steps, step / (shown - began), loss))

    status: Status = "finished"
    message = ""
    try:
        course.walk(spec.evaluate_every, record)
    except Diverged as diverged:
        status, message = "diverged", str(diverged)
    if not good:
        raise RunError(f"{spec.name}: {message}")
    seconds, steps = time.monotonic() - began, history.steps[-1]
    keep_results(run, spec, history, good[0], task, steps, seconds)
    listener(Event(spec.name, steps, spec.steps, 0.0, history.last("loss"), done=True))
    return Trained(good[0], task, history, status, message, seconds)
