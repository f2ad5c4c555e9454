"""Where a trained model asks for more time, by kind of target, and whether that pays."""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor, nn

from geomem.batch import Batch
from geomem.decoding.adaptive import Adaptive
from geomem.decoding.evaluating import evaluating
from geomem.decoding.slots import read_slots
from geomem.geometry.slot_metrics import auroc, delay_calibration, usefulness, waiting_pays
from geomem.objectives.objective import Objective
from geomem.tasks.easy_hard import KINDS, EasyHardTask
from geomem.tasks.made import score_labels
from geomem.training.loop import Trained
from geomem.training.spec import TrainSpec
from geomem.training.work import Extra


def measure(trained: Trained, spec: TrainSpec) -> Extra:
    """Return losses as the model is asked, and of a model with slots where it waits and what each slot gives."""
    task = cast(EasyHardTask, trained.task)
    objective: Objective = cast(Any, spec.last_objective).build(task.alphabet())
    index = torch.arange(cast(Any, spec.task).test_size)
    batch, kinds = task.examples("held_out", index), task.kinds("held_out", index)
    device = next(trained.model.parameters()).device
    reader = objective.reader()
    hits, losses = score_labels(trained.model, batch, reader, device)
    numbers = {"stop/loss": float(losses.mean()), "stop/accuracy": float(hits.double().mean())}
    for number, kind in enumerate(KINDS):
        numbers[f"stop/{kind}/accuracy"] = float(hits[kinds == number].double().mean())
    if isinstance(reader, Adaptive):
        with evaluating(trained.model):
            numbers |= _waiting(
                trained.model, batch.to(device), kinds, reader, getattr(spec.last_objective, "gamma", 1.0)
            )
    return Extra({name: value for name, value in numbers.items() if math.isfinite(value)})


def _waiting(model: nn.Module, batch: Batch, kinds: Tensor, reader: Adaptive, gamma: float) -> dict[str, float]:
    real, delay = read_slots(model, batch, reader.slots)
    assert isinstance(batch.columns, Tensor)
    true = batch.tokens[:, batch.columns]
    shown = true[..., None, None].expand(*true.shape, reader.slots.count, 1)
    probs = real.double().softmax(-1).gather(-1, shown)[..., 0].cpu()
    right = (real.argmax(-1) == true[..., None]).cpu()
    used = reader.stopped(model, batch)[1].cpu()
    numbers = {"slots/mean": float(used.double().mean())}
    for slot in range(reader.slots.count):
        numbers[f"slot_{slot + 1}/accuracy"] = float(right[..., slot].double().mean())
        for number, kind in enumerate(KINDS):
            numbers[f"slot_{slot + 1}/{kind}/probability"] = float(probs[kinds == number][:, slot].mean())
    for number, kind in enumerate(KINDS):
        numbers[f"slots/{kind}"] = float(used[kinds == number].double().mean())
    if reader.slots.wait is None:
        return numbers
    first = delay[..., 0].double().sigmoid().cpu()
    for number, kind in enumerate(KINDS):
        numbers[f"delay/{kind}"] = float(first[kinds == number].mean())
    found = usefulness(probs.flatten(0, 1), (used > 1).flatten())
    pays = waiting_pays(probs.flatten(0, 1), gamma)
    return numbers | {
        "gain/asked": found.asked,
        "gain/answered": found.answered,
        "calibration": delay_calibration(first.flatten(), pays),
        "auroc": auroc(first.flatten(), ~right[..., 0].flatten()),
    }
