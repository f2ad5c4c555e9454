"""A network with one hidden layer of tanh units on one-hot items, by full-batch gradient descent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.solvers.gradient_flow import Course


@torch.no_grad()
def follow_tanh(
    weights: Sequence[Tensor],
    table: Tensor,
    *,
    step: float,
    steps: int,
    record_every: int,
    observe: Callable[[Tensor], Tensor],
) -> Course:
    """Follow y = W2 tanh(W1 x) on items with one-hot inputs and the loss 1/2 sum |table - output|^2.

    weights: W1 (hidden, items), W2 (features, hidden); they are not changed. table: (features, items).
    observe: what is kept of the outputs (features, items) at each record. Raises InputError when it diverges.
    """
    first, second = weights
    places: list[int] = []
    seen: list[Tensor] = []
    for taken in range(steps + 1):
        hidden = torch.tanh(first)
        output = second @ hidden
        if taken % record_every == 0 or taken == steps:
            places.append(taken)
            seen.append(observe(output))
            if not bool(seen[-1].isfinite().all()):
                raise InputError(f"step: {step:g} is too large, the tanh network diverged by step {taken}")
        if taken < steps:
            missing = table - output
            pull = (second.mT @ missing) * (1 - hidden.square())
            second = second + step * missing @ hidden.mT
            first = first + step * pull
    return Course(step * torch.tensor(places, dtype=torch.float64), torch.stack(seen), [first, second])
