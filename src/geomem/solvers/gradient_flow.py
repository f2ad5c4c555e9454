"""Gradient descent of deep linear networks on correlations, watched at chosen steps (arXiv 1312.6120, section 2).

The loss 1/2 E||y - W_D ... W_1 x||^2 depends on the data through Sigma_31 = E[y x^T] and Sigma_11 = E[x x^T] alone, so
that a step costs a few small products, whatever the number of examples. Time is measured in units of tau = 1 / learning
rate: `steps` steps of `step` last steps * step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import TypeAlias

import torch
from torch import Tensor

from geomem.errors import InputError

Weights: TypeAlias = list[Tensor]
Step: TypeAlias = "float | Tensor"
Advance: TypeAlias = Callable[[Weights, Tensor, "Tensor | None", Step], Weights]


@dataclass(frozen=True)
class Course:
    """What was seen on the way. times: (K,) float64. seen: (K, ...). weights: the matrices at the end."""

    times: Tensor
    seen: Tensor
    weights: Weights


def product(weights: Sequence[Tensor]) -> Tensor:
    """Return W_D ... W_1 of matrices given from the input on; axes in front of the last two are a batch."""
    return reduce(lambda so_far, matrix: matrix @ so_far, weights)


def descent(weights: Sequence[Tensor], sigma_31: Tensor, sigma_11: Tensor | None = None) -> Weights:
    """Return minus the gradient for each matrix: (W_D ... W_(l+1))^T (Sigma_31 - W Sigma_11) (W_(l-1) ... W_1)^T.

    sigma_11: None for white inputs.
    """
    before: list[Tensor | None] = [None]
    for matrix in weights:
        last = before[-1]
        before.append(matrix if last is None else matrix @ last)
    whole = before[-1]
    assert whole is not None
    pull = sigma_31 - (whole if sigma_11 is None else whole @ sigma_11)
    found: Weights = []
    for place in range(len(weights) - 1, -1, -1):
        inner = before[place]
        found.append(pull if inner is None else pull @ inner.mT)
        pull = weights[place].mT @ pull
    return found[::-1]


def euler(weights: Weights, sigma_31: Tensor, sigma_11: Tensor | None, step: Step) -> Weights:
    """Take one step of gradient descent with learning rate `step`."""
    return _moved(weights, descent(weights, sigma_31, sigma_11), step)


def runge_kutta(weights: Weights, sigma_31: Tensor, sigma_11: Tensor | None, step: Step) -> Weights:
    """Take one step of gradient flow by the classical method of fourth order."""
    one = descent(weights, sigma_31, sigma_11)
    two = descent(_moved(weights, one, step / 2), sigma_31, sigma_11)
    three = descent(_moved(weights, two, step / 2), sigma_31, sigma_11)
    four = descent(_moved(weights, three, step), sigma_31, sigma_11)
    slopes = [(a + 2 * b + 2 * c + d) / 6 for a, b, c, d in zip(one, two, three, four, strict=True)]
    return _moved(weights, slopes, step)


@torch.no_grad()
def follow(
    weights: Sequence[Tensor],
    sigma_31: Tensor,
    *,
    step: float,
    steps: int,
    record_every: int = 1,
    sigma_11: Tensor | None = None,
    observe: Callable[[Weights], Tensor] = product,
    advance: Advance = euler,
) -> Course:
    """Follow a network from `weights` for `steps` steps; the weights given are not changed.

    weights: W_1 (N_2, N_1) to W_D (N_(D+1), N_D). sigma_31: (N_(D+1), N_1). sigma_11: (N_1, N_1), None for white.
    record_every: `observe(weights)` is kept before the first step, after every so many, and after the last.
    advance: `euler` is gradient descent with the learning rate `step`; `runge_kutta` is the flow itself.
    Raises InputError for shapes that do not fit, a step that is not positive, and a course that diverges.
    """
    now = list(weights)
    _check(now, sigma_31, sigma_11, step, steps, record_every)
    places, seen = [0], [observe(now)]
    for taken in range(1, steps + 1):
        now = advance(now, sigma_31, sigma_11, step)
        if taken % record_every == 0 or taken == steps:
            places.append(taken)
            seen.append(observe(now))
            if not bool(seen[-1].isfinite().all()):
                raise InputError(f"step: {step:g} is too large, the network diverged by step {taken}")
    return Course(step * torch.tensor(places, dtype=torch.float64), torch.stack(seen), now)


def _moved(weights: Weights, slopes: Weights, step: Step) -> Weights:
    return [matrix + step * slope for matrix, slope in zip(weights, slopes, strict=True)]


def _check(weights: Weights, sigma_31: Tensor, sigma_11: Tensor | None, step: float, steps: int, every: int) -> None:
    if not weights:
        raise InputError("weights: a network has at least one matrix")
    for place, (one, two) in enumerate(pairwise(weights)):
        if one.shape[-2] != two.shape[-1]:
            raise InputError(f"weights: matrix {place} gives {one.shape[-2]} numbers, the next takes {two.shape[-1]}")
    ends = (weights[-1].shape[-2], weights[0].shape[-1])
    if tuple(sigma_31.shape[-2:]) != ends:
        raise InputError(f"sigma_31: expected shape {ends} for these weights, got {tuple(sigma_31.shape)}")
    if sigma_11 is not None and tuple(sigma_11.shape[-2:]) != (ends[1], ends[1]):
        raise InputError(f"sigma_11: expected shape {(ends[1], ends[1])}, got {tuple(sigma_11.shape)}")
    if not step > 0 or steps < 0 or every < 1:
        raise InputError(f"step, steps, record_every: need > 0, >= 0, >= 1; got {step}, {steps}, {every}")
