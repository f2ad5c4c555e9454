"""The ridge path: minimisers of CE(W H) + ridge/2 (|W|² + |H|²) for smaller and smaller ridge.

With d >= V (V - 1 suffices) the objective is CE(L) + ridge |L|_* in disguise, convex in L, so every minimiser can be
certified: G = (P - Q) diag(pi) has spectral norm `ridge` (arXiv 2408.15417; convex duality).
As ridge goes to 0 the logits go along L_mm, and gap / ridge goes to |L_mm|_*.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.next_token import check_problem, entropy, entropy_gap, logit_gradient
from geomem.models.unconstrained import UnconstrainedFeatures

RIDGES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
"""A decade a point, from where frequencies still show to where supports decide."""


@dataclass(frozen=True)
class RidgePoint:
    """A minimiser of the path.

    words (V, d), contexts (d, m): float64. loss: the cross-entropy in nats, without the ridge. gap: loss less entropy.
    gradient_norm: of the whole objective, in both factors. certificate: |G|_2 / ridge, 1 at a global minimiser (less
    where the ridge is so large that it is zero) and more where the width is too small or the search stopped early.
    iterations: of L-BFGS.
    """

    ridge: float
    words: Tensor
    contexts: Tensor
    loss: float
    gap: float
    gradient_norm: float
    certificate: float
    iterations: int

    @property
    def logits(self) -> Tensor:
        """L = W H, (V, m)."""
        return self.words @ self.contexts


def ridge_path(
    probs: Tensor,
    shares: Tensor,
    width: int,
    ridges: Sequence[float] = RIDGES,
    seed: int = 0,
    *,
    std: float = 0.1,
    gtol: float = 1e-13,
    max_iterations: int = 20_000,
) -> list[RidgePoint]:
    """Minimise at every ridge in falling order, each from the minimiser before, by L-BFGS in float64.

    probs: P (V, m). shares: pi (m,). width: d. std: of the first vectors. gtol: largest entry of the gradient at which
    a point counts as reached. max_iterations: of a point. Raises InputError for a bad problem.
    """
    points = walk_ridge_path(probs, shares, width, ridges, seed, std=std, gtol=gtol, max_iterations=max_iterations)
    return list(points)


def walk_ridge_path(
    probs: Tensor,
    shares: Tensor,
    width: int,
    ridges: Sequence[float] = RIDGES,
    seed: int = 0,
    *,
    std: float = 0.1,
    gtol: float = 1e-13,
    max_iterations: int = 20_000,
) -> Iterator[RidgePoint]:
    """Do what `ridge_path` does, point by point."""
    check_problem(probs, shares)
    if not ridges or not all(ridge > 0 for ridge in ridges):
        raise InputError(f"ridges: expected at least one, all above 0, got {list(ridges)}")
    targets, shares = probs.double(), shares.double()
    targets = targets / targets.sum(0)
    floor = float(entropy(targets, shares))
    first = UnconstrainedFeatures.from_seed(len(targets), len(shares), width, std, seed)
    noise = _flat(first.words.detach(), first.contexts.detach())
    point = noise
    for ridge in sorted(ridges, reverse=True):
        # Directions that a larger ridge has put out are zero in both factors, where no gradient finds them again.
        start = point + noise * min(1.0, 1e-3 * float(np.linalg.norm(point) / np.linalg.norm(noise)) + 1e-3)
        point, iterations = _minimise(start, targets, shares, width, ridge, gtol, max_iterations)
        yield _point(point, targets, shares, width, ridge, floor, iterations)


def _minimise(
    start: NDArray[np.float64], targets: Tensor, shares: Tensor, width: int, ridge: float, gtol: float, limit: int
) -> tuple[NDArray[np.float64], int]:
    def objective(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        words, contexts = _factors(flat, targets, width)
        logits = words @ contexts
        error = logit_gradient(logits, targets, shares)
        value = float(entropy_gap(logits, targets, shares)) + ridge / 2 * float(flat @ flat)
        gradient = _flat(error @ contexts.T, words.T @ error) + ridge * flat
        return value, gradient

    # Without a stop by small changes of the value: near the minimum they are below its rounding. A memory of
    # 10 pairs takes a seventh more iterations than one of 30 and half of the time.
    options: Any = {"maxiter": limit, "maxfun": 2 * limit, "gtol": gtol, "ftol": 0.0, "maxcor": 10, "maxls": 40}
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
    return np.asarray(found.x), int(found.nit)


def _point(
    flat: NDArray[np.float64], targets: Tensor, shares: Tensor, width: int, ridge: float, floor: float, iterations: int
) -> RidgePoint:
    words, contexts = (part.clone() for part in _factors(flat, targets, width))
    logits = words @ contexts
    error, gap = logit_gradient(logits, targets, shares), float(entropy_gap(logits, targets, shares))
    gradient = _flat(error @ contexts.T, words.T @ error) + ridge * flat
    certificate = float(torch.linalg.matrix_norm(error, ord=2)) / ridge
    norm = float(np.linalg.norm(gradient))
    return RidgePoint(ridge, words, contexts, floor + gap, gap, norm, certificate, iterations)


def _factors(flat: NDArray[np.float64], targets: Tensor, width: int) -> tuple[Tensor, Tensor]:
    size = len(targets) * width
    both = torch.from_numpy(flat)
    return both[:size].view(len(targets), width), both[size:].view(width, targets.shape[1])


def _flat(words: Tensor, contexts: Tensor) -> NDArray[np.float64]:
    return torch.cat([words.flatten(), contexts.flatten()]).numpy()
