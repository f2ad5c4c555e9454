"""Word2vec's negative sampling on its expected objective: gradient ascent on word and context vectors.

Source: Levy and Goldberg, NeurIPS 2014, section 3. Nothing is sampled, so the whole difference to the optimum
PMI - log k is that of the dimension and of the steps taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.pmi import shifted_pmi
from geomem.seeding import numpy_generator


@dataclass(frozen=True)
class SGNS:
    """Vectors after ascent. words: (n, d). contexts: (m, d). steps, errors: max |W C^T - (PMI - log k)| on the way."""

    words: Tensor
    contexts: Tensor
    steps: tuple[int, ...]
    errors: tuple[float, ...]

    def products(self) -> Tensor:
        """Return the dot products (n, m)."""
        return self.words @ self.contexts.T


def ascend(
    joint: Tensor, width: int, *, negatives: float, lr: float, steps: int, seed: int = 0, std: float = 0.1,
    record_at: Sequence[int] = (),
) -> SGNS:  # fmt: skip
    """Follow the gradient of `sgns_objective` from N(0, std²) vectors of dimension `width`, float64.

    joint: (n, m) probabilities or counts, none of them zero. record_at: steps at which the error is kept, beside the
    last. Raises InputError as `shifted_pmi` does, for a pair that never occurs (its optimum is -inf), and when the
    vectors run off to infinity because lr is too large.
    """
    if width < 1 or steps < 0 or not lr > 0:
        raise InputError(f"width, steps, lr: need >= 1, >= 0 and > 0; got {width}, {steps}, {lr}")
    goal: NDArray[np.float64] = shifted_pmi(joint, negatives).numpy()
    if not np.isfinite(goal).all():
        raise InputError(
            "joint: a pair never occurs, and its PMI is -inf; leave it out or smooth the counts, and say so"
        )
    table: NDArray[np.float64] = (joint.double() / joint.double().sum()).numpy()
    expected = negatives * table.sum(1, keepdims=True) * table.sum(0, keepdims=True)
    generator = numpy_generator(seed, "sgns", width)
    words, contexts = (std * generator.standard_normal((size, width)) for size in table.shape)
    kept = {step for step in record_at if 0 <= step < steps} | {steps}
    errors: dict[int, float] = {}
    for step in range(steps + 1):
        products = words @ contexts.T
        if step in kept:
            errors[step] = float(np.abs(products - goal).max())
        if step == steps:
            break
        chance = expit(products)
        slope = table * (1 - chance) - expected * chance
        words, contexts = words + lr * (slope @ contexts), contexts + lr * (slope.T @ words)
    if not np.isfinite(words).all():
        raise InputError(f"lr: {lr} is too large, the vectors ran off to infinity")
    return SGNS(torch.from_numpy(words), torch.from_numpy(contexts), tuple(errors), tuple(errors.values()))
