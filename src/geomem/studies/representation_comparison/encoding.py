"""Encoding score: how well one layer's features predict another system's responses, by ridge regression.

Source: arXiv 2508.18226 (encoding score): Pearson's R of held-out predictions, averaged over response dimensions and
folds; the penalty is chosen for each response by leave-one-out error inside the training folds (nested validation).
Wide layers have an advantage that no penalty takes away: compare layers of one width.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from geomem.geometry.procrustes import ridge_predictions
from geomem.seeding import numpy_generator

Array = NDArray[np.float64]


def encoding_score(
    features: Float[Tensor, "n p"], responses: Float[Tensor, "n k"], *, folds: int = 5, seed: int = 0
) -> tuple[float, float]:
    """Return the encoding score and its control, the same with the stimuli of the responses shuffled."""
    generator = numpy_generator(seed, "encoding")
    x, y = (side.detach().double().cpu().numpy() for side in (features, responses))
    shuffled = y[generator.permutation(len(y))]
    targets = np.concatenate([y, shuffled], axis=1).T[:, :, None]
    scores: list[Array] = []
    for held_out in np.array_split(generator.permutation(len(x)), folds):
        train = np.setdiff1d(np.arange(len(x)), held_out)
        predicted = ridge_predictions(x[train], targets[:, train], x[held_out])
        scores.append(pearson(predicted[:, :, 0], targets[:, held_out, 0]))
    mean = np.mean(scores, axis=0)
    count = y.shape[1]
    return float(mean[:count].mean()), float(mean[count:].mean())


def pearson(first: Array, second: Array) -> Array:
    """Return Pearson's R of every row (r, n) of one array with that of the other; 0 where a row does not vary."""
    one, two = (side - side.mean(axis=1, keepdims=True) for side in (first, second))
    size = np.sqrt(np.square(one).sum(axis=1) * np.square(two).sum(axis=1))
    return (one * two).sum(axis=1) / np.where(size > 0, size, 1.0)
