"""Pointwise mutual information, and the optimum of word2vec's negative sampling that is a shifted form of it.

Source: Levy and Goldberg, "Neural Word Embedding as Implicit Matrix Factorization", NeurIPS 2014, section 3. For dense
joint distributions that fit in memory. Rows are words, columns contexts; no smoothing, so that a pair that never
occurs has PMI -inf.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from geomem.errors import InputError


def pmi(joint: Float[Tensor, "n m"]) -> Float[Tensor, "n m"]:
    """Return log(J_ij / (J_i. J_.j)) of joint probabilities or counts, in nats, float64; -inf where J_ij is 0.

    Raises InputError for negative entries, and for a row or a column without any mass, of which nothing is known.
    """
    table = _normalised(joint)
    return table.log() - table.sum(1, keepdim=True).log() - table.sum(0, keepdim=True).log()


def shifted_pmi(joint: Float[Tensor, "n m"], negatives: float) -> Float[Tensor, "n m"]:
    """Return PMI - log k, the dot products at which negative sampling with k negatives has its optimum.

    Raises InputError as `pmi` does, and for k <= 0.
    """
    if not negatives > 0:
        raise InputError(f"negatives: their number must be above 0, got {negatives}")
    return pmi(joint) - math.log(negatives)


def sgns_objective(
    products: Float[Tensor, "n m"], joint: Float[Tensor, "n m"], negatives: float
) -> Float[Tensor, ""]:  # fmt: skip
    """Return sum_ij J_ij log sig(x_ij) + k J_i. J_.j log sig(-x_ij), the expected objective, to be maximised.

    products: x_ij = w_i . c_j. Concave in x, with its maximum at `shifted_pmi`.
    """
    table = _normalised(joint)
    return (table * F.logsigmoid(products) + negatives * _independent(table) * F.logsigmoid(-products)).sum()


def sgns_slope(products: Float[Tensor, "n m"], joint: Float[Tensor, "n m"], negatives: float) -> Float[Tensor, "n m"]:
    """Return the gradient of `sgns_objective` by x: J sig(-x) - k J_i. J_.j sig(x)."""
    table = _normalised(joint)
    return table * torch.sigmoid(-products) - negatives * _independent(table) * torch.sigmoid(products)


def _independent(table: Tensor) -> Tensor:
    return table.sum(1, keepdim=True) * table.sum(0, keepdim=True)


def _normalised(joint: Tensor) -> Tensor:
    table = joint.double()
    if not bool((table >= 0).all()) or not bool(table.isfinite().all()):
        raise InputError("joint: probabilities or counts are finite and not negative")
    for axis, what in ((1, "row"), (0, "column")):
        if bool((table.sum(axis) == 0).any()):
            raise InputError(f"joint: a {what} is all zeros; leave it out, for it never occurs")
    return table / table.sum()
