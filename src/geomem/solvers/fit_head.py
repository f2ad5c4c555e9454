"""Fit an output layer with free context vectors to given distributions: Adam on all contexts, rate decayed to 0."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from geomem.errors import InputError
from geomem.geometry.softmax_rank import mean_kl


def fit_head(
    head: nn.Module, target: Tensor, *, lr: float, steps: int, progress: Callable[[int, float], None] | None = None
) -> float:
    """Minimise the mean KL from `target` (n, V) to the head's distributions; return it after the last step, in nats.

    head: maps context numbers (n,) to log-probabilities (n, V). The rate falls from `lr` along a cosine. progress:
    called with (steps done, mean KL) every hundredth of the way. Raises InputError when the KL is no longer finite.
    """
    index = torch.arange(len(target))
    optimiser = torch.optim.Adam(head.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    every = max(1, steps // 100)
    for step in range(steps):
        optimiser.zero_grad()
        loss = mean_kl(target, head(index))
        loss.backward()
        optimiser.step()
        schedule.step()
        if progress is not None and step % every == 0:
            progress(step, loss.item())
    with torch.no_grad():
        final = float(mean_kl(target, head(index)))
    if not final < float("inf"):
        raise InputError(f"lr: {lr} is too large, the KL is {final} after {steps} steps")
    return final
