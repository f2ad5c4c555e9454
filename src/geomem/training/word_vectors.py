"""Train a word-vector model (Node2Vec) on a task's edges, into the same kind of run directory.

There is no sequence axis and no batch: a step is one exact full-batch step in matrix form, and ten thousand of them
take a second on a small graph. A killed run therefore starts again, to the same bits, instead of being resumed.
"""

from __future__ import annotations

import copy
import math
import time
from typing import Any, cast

import torch
from torch import Tensor

from geomem.errors import InputError, RunError
from geomem.geometry.measurement import check, measure
from geomem.models.node2vec import Node2Vec
from geomem.models.node2vec_training import train_node2vec
from geomem.models.specs import Node2VecSpec
from geomem.runs.directory import Run, Status
from geomem.runs.tables import History
from geomem.tasks.task import Task
from geomem.training.keep import keep_results
from geomem.training.loop import Diverged, Trained, start_run
from geomem.training.progress import Event, Listener, silent
from geomem.training.spec import TrainSpec


def train_vectors(spec: TrainSpec, run: Run, listener: Listener = silent) -> Trained:
    """Train Node2Vec on the task's directed edges, measuring every `evaluate_every` steps.

    Raises InputError when the task has no edges to give or a measurement lacks its input.
    """
    model_spec = cast(Node2VecSpec, spec.model)
    if not run.info.choices:
        start_run(spec, run)
    torch.set_num_threads(int(run.info.choices["threads"].split(":")[0]))
    task: Task = cast(Any, spec.task).build(spec.seed)
    known = task.evidence()
    edges = known.get("edges")
    if not isinstance(edges, Tensor):
        raise InputError(f"model node2vec: task '{task.name}' has no edges to place nodes by; use in-weights-edges")
    check(spec.measure, {*known, "embeddings", "output_embeddings", "edge_logits"})
    history, began, shown = History(), time.monotonic(), time.monotonic()

    good: list[Node2Vec] = []

    def record(step: int, model: Node2Vec, loss: float) -> None:
        nonlocal shown
        if not math.isfinite(loss):
            raise Diverged(f"the loss became {loss} by step {step}; lower model.lr")
        good[:] = [copy.deepcopy(model)]
        evidence = {**known, **_evidence(model, spec.measure)}
        history.add(step, {"loss": loss, **measure(spec.measure, evidence)})
        if time.monotonic() - shown > 0.5:
            shown = time.monotonic()
            listener(Event(spec.name, step, model_spec.steps, step / (shown - began), loss))

    status: Status = "finished"
    message = ""
    try:
        train_node2vec(cast(int, known["num_nodes"]), edges, model_spec, spec.seed,
                       record_every=spec.evaluate_every, callback=record)  # fmt: skip
    except Diverged as diverged:
        status, message = "diverged", str(diverged)
    if not good:
        raise RunError(f"{spec.name}: {message}")
    seconds, steps = time.monotonic() - began, history.steps[-1]
    keep_results(run, spec, history, good[0], task, steps, seconds)
    listener(Event(spec.name, steps, model_spec.steps, 0.0, history.last("loss"), done=True))
    return Trained(good[0], task, history, status, message, seconds)


def _evidence(model: Node2Vec, names: tuple[str, ...]) -> dict[str, Tensor]:
    inputs, outputs = model.weight.detach(), model.output.detach()
    evidence = {"embeddings": inputs.clone(), "output_embeddings": outputs.clone()}
    if names:
        evidence["edge_logits"] = inputs @ outputs.T
    return evidence
