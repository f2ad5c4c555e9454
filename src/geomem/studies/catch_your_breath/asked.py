"""Where a trained model asks for more time, by kind of target, and whether that pays."""

from __future__ import annotations

import math
from dataclasses import dataclass
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
    arrays: dict[str, Tensor] = {}
    if isinstance(reader, Adaptive):
        with evaluating(trained.model):
            waited = _waited(trained.model, batch.to(device), reader)
        numbers |= _waiting(waited, kinds, reader, getattr(spec.last_objective, "gamma", 1.0))
        assert isinstance(batch.columns, Tensor)
        arrays = by_token(batch.tokens[:, batch.columns - 1], waited.used)
    return Extra({name: value for name, value in numbers.items() if math.isfinite(value)}, arrays)


def by_token(before: Tensor, used: Tensor) -> dict[str, Tensor]:
    """Return the tokens (K,) that stand before a target, ascending, and the mean slots (K,) used after each.

    before, used: (B, N) int64, the token before every target and the slots used there.
    """
    tokens, place = before.flatten().unique(return_inverse=True)
    total = torch.zeros(len(tokens), dtype=torch.float64).index_add_(0, place, used.flatten().double())
    return {"tokens": tokens, "slots": total / place.bincount()}


@dataclass(frozen=True)
class Waited:
    """What a model with slots does at the targets of some sequences, on the CPU.

    probs, right: (B, N, W), the target's probability and whether it is the likeliest. delay: (B, N, W), log-odds of
    don't-know. used: (B, N) int64, slots used.
    """

    probs: Tensor
    right: Tensor
    delay: Tensor
    used: Tensor


def _waited(model: nn.Module, batch: Batch, reader: Adaptive) -> Waited:
    real, delay = read_slots(model, batch, reader.slots)
    assert isinstance(batch.columns, Tensor)
    true = batch.tokens[:, batch.columns]
    shown = true[..., None, None].expand(*true.shape, reader.slots.count, 1)
    probs = real.double().softmax(-1).gather(-1, shown)[..., 0].cpu()
    right = (real.argmax(-1) == true[..., None]).cpu()
    return Waited(probs, right, delay.cpu(), reader.stopped(model, batch)[1].cpu())


def _waiting(waited: Waited, kinds: Tensor, reader: Adaptive, gamma: float) -> dict[str, float]:
    probs, right, used = waited.probs, waited.right, waited.used
    numbers = {"slots/mean": float(used.double().mean())}
    for slot in range(reader.slots.count):
        numbers[f"slot_{slot + 1}/accuracy"] = float(right[..., slot].double().mean())
        for number, kind in enumerate(KINDS):
            numbers[f"slot_{slot + 1}/{kind}/probability"] = float(probs[kinds == number][:, slot].mean())
    for number, kind in enumerate(KINDS):
        numbers[f"slots/{kind}"] = float(used[kinds == number].double().mean())
    if reader.slots.wait is None:
        return numbers
    first = waited.delay[..., 0].double().sigmoid()
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
