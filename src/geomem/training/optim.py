"""Optimisers and learning-rate schedules from their specs."""

from __future__ import annotations

import math

import torch
from torch import nn

from geomem.training.spec import Optimizer, Schedule


def make_optimizer(model: nn.Module, spec: Optimizer, device: str) -> torch.optim.Optimizer:
    """Build AdamW or SGD over the parameters that train.

    Decay applies to all of them alike, embeddings and norms included, as in the reference (arXiv 2510.26745).
    """
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if spec.kind == "sgd":
        return torch.optim.SGD(parameters, lr=spec.lr, momentum=spec.momentum, weight_decay=spec.weight_decay)
    # The fused step is one kernel for all parameters; on small models the unfused one costs as much as a forward pass.
    return torch.optim.AdamW(parameters, lr=spec.lr, betas=spec.betas, eps=spec.eps, weight_decay=spec.weight_decay,
                             fused=device in ("cpu", "cuda"))  # fmt: skip


def learning_rate(spec: Schedule, peak: float, step: int, steps: int) -> float:
    """Return the learning rate of a step (counted from 0) of a stage of `steps`.

    Linear warm-up reaches the peak after `warmup` steps; from there to the last step the rate falls to `final * peak`.
    """
    if step < spec.warmup:
        return peak * (step + 1) / spec.warmup
    if spec.kind == "constant":
        return peak
    span = max(1, steps - 1 - spec.warmup)
    progress = min(1.0, (step - spec.warmup) / span)
    fall = (1 + math.cos(math.pi * progress)) / 2 if spec.kind == "cosine" else 1 - progress
    return peak * (spec.final + (1 - spec.final) * fall)
