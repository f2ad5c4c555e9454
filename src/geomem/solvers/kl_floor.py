"""The least mean KL that a softmax over d dimensions can have to given distributions: the floor of the bottleneck.

Source: arXiv 1711.03953, section 2.2 (which dimension is enough); the floor below it is measured here, by L-BFGS over
H (n, d) and W (V, d) in float64. The problem is not convex, so the best of several starts is an upper bound on the true
floor: one start is the best approximation of rank d of the centred log-probabilities, the others are random.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import softmax, xlogy
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.softmax_rank import centre_rows, mean_kl
from geomem.seeding import numpy_generator

Array = NDArray[np.float64]


@dataclass(frozen=True)
class KLFloor:
    """The best softmax model of one dimension.

    kl: mean KL(P* || P) in nats, the best over starts. by_start: that of each start, the truncated one first.
    contexts: H (n, d). words: W (V, d). iterations: of all starts together.
    """

    dimension: int
    kl: float
    by_start: tuple[float, ...]
    contexts: Tensor
    words: Tensor
    iterations: int

    @property
    def random_kl(self) -> float:
        """The best over the random starts, which know nothing of the answer."""
        return min(self.by_start[1:])


def kl_floor(
    target: Tensor,
    dimension: int,
    *,
    starts: int = 2,
    iterations: int = 5000,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> KLFloor:
    """Fit a softmax model of `dimension` to the distributions `target` (n, V), rows summing to 1.

    starts: random ones, beside the truncated one. iterations: most of one start. progress: called with the number of
    starts done. Raises InputError for a dimension or a number of starts below 1, for rows that are no distributions,
    and for probabilities of 0, whose floor is reached only by infinite logits.
    """
    if dimension < 1 or starts < 1:
        raise InputError(f"dimension and starts must be at least 1, got {dimension} and {starts}")
    wanted = target.double()
    if not bool((wanted > 0).all()) or not torch.allclose(wanted.sum(1), wanted.new_ones(len(wanted))):
        raise InputError("target: every row must sum to 1 and hold no zero")
    probs: Array = wanted.numpy()
    found: list[tuple[float, Array]] = []
    steps = 0
    for start in range(starts + 1):
        begin = _truncated(wanted, dimension) if start == 0 else _drawn(probs.shape, dimension, seed, start)
        done = minimize(
            _objective, begin, args=(probs, dimension), jac=True, method="L-BFGS-B",
            options={"maxiter": iterations, "maxfun": 2 * iterations, "maxcor": 20, "ftol": 0.0, "gtol": 1e-11},
        )  # fmt: skip
        flat = np.asarray(done.x)
        found.append((_exact_kl(flat, wanted, dimension), flat))
        steps += int(done.nit)
        if progress is not None:
            progress(start + 1)
    kl, best = min(found, key=lambda one: one[0])
    contexts, words = (torch.from_numpy(part.copy()) for part in _split(best, probs.shape, dimension))
    return KLFloor(dimension, kl, tuple(one[0] for one in found), contexts, words, steps)


def _objective(flat: Array, probs: Array, dimension: int) -> tuple[float, Array]:
    """Return the mean KL and its gradient by H and W in one vector."""
    contexts, words = _split(flat, probs.shape, dimension)
    logits = contexts @ words.T
    shifted = logits - logits.max(1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    kl = float((xlogy(probs, probs) - probs * log_probs).sum() / len(probs))
    residual = (softmax(logits, axis=1) - probs) / len(probs)
    return kl, np.concatenate([(residual @ words).ravel(), (residual.T @ contexts).ravel()])


def _exact_kl(flat: Array, target: Tensor, dimension: int) -> float:
    """Return the mean KL with all its digits, which the difference of two sums does not have near 0."""
    contexts, words = _split(flat, tuple(target.shape), dimension)
    return float(mean_kl(target, torch.from_numpy(contexts @ words.T)))


def _split(flat: Array, shape: tuple[int, ...], dimension: int) -> tuple[Array, Array]:
    border = shape[0] * dimension
    return flat[:border].reshape(shape[0], dimension), flat[border:].reshape(shape[1], dimension)


def _truncated(target: Tensor, dimension: int) -> Array:
    """Return H and W of the best rank-d approximation of the centred log-probabilities, in one vector."""
    left, values, right = torch.linalg.svd(centre_rows(target.log()), full_matrices=False)
    kept = min(dimension, len(values))
    scale = values[:kept].sqrt()
    contexts = target.new_zeros(len(target), dimension)
    words = target.new_zeros(target.shape[1], dimension)
    contexts[:, :kept], words[:, :kept] = left[:, :kept] * scale, right[:kept].T * scale
    return torch.cat([contexts.flatten(), words.flatten()]).numpy()


def _drawn(shape: tuple[int, ...], dimension: int, seed: int, start: int) -> Array:
    return numpy_generator(seed, "kl-floor", start).standard_normal(sum(shape) * dimension)
