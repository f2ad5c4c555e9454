"""The local tokenwise map: what a block does to a token, read off its nearest neighbours among other tokens.

Source: arXiv 2604.02459, T(x) = A(x) x. The paper gives no numbers; neighbours, directions and ridge are ours (card
`layer-updates`): the updates of the k = 64 nearest tokens are regressed on their coordinates (x_j - x) P along the
q = 16 principal directions P of the bank, with ridge 0.1 k Var and a free intercept, which is the prediction.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.token_bank import TokenBank, require_tokens
from geomem.geometry.vectors import row_chunks

NEIGHBOURS = 64
DIRECTIONS = 16
RIDGE = 0.1
SMALLEST_SPREAD = 1e-6
"""Variance of neighbours, relative to their squared distance from the token, below which they count as one place."""


def fit_knn(
    bank: TokenBank,
    *,
    neighbours: int = NEIGHBOURS,
    directions: int = DIRECTIONS,
    ridge: float = RIDGE,
    other_tokens: bool = False,
) -> Callable[[TokenBank], Float[Tensor, "n d"]]:
    """Return the map that predicts what leaves the block from a bank of tokens, float64.

    Neighbours never come from the token's own window, and with `other_tokens` never are the same token: in the first
    layers, where equal tokens are almost equal vectors, the plain map is a memory of the bank. Var is the mean
    variance of the neighbours' coordinates, so that the ridge shrinks by about a tenth whatever the scale.
    Raises InputError when the bank has fewer tokens than neighbours, and the map when a token has fewer left to it.
    """
    require_tokens(bank, neighbours, f"a map from {neighbours} neighbours")
    centre = bank.entering.double().mean(0)
    rows, updates = bank.entering.double() - centre, bank.updates.double()
    basis = principal_directions(rows, min(directions, rows.shape[1]))
    coordinates, sizes = rows @ basis, rows.square().sum(1)

    def predict(tokens: TokenBank) -> Float[Tensor, "n d"]:
        result = tokens.entering.double().clone()
        for part in row_chunks(len(tokens), len(bank)):
            query = tokens.entering[part].double() - centre
            distances = sizes - 2 * query @ rows.T  # and + |query|^2, which is the same for all
            distances[_forbidden(tokens, part, bank, other_tokens=other_tokens)] = torch.inf
            found = distances.topk(neighbours, largest=False, sorted=False)
            if not bool(found.values.isfinite().all()):
                raise InputError(f"tokenwise: a token has fewer than {neighbours} tokens of the bank left to it")
            local = coordinates[found.indices] - (query @ basis)[:, None]
            weights = intercept_weights(local, ridge)
            result[part] += torch.nn.functional.embedding_bag(
                found.indices, updates, per_sample_weights=weights, mode="sum"
            )
        return result

    return predict


def principal_directions(rows: Float[Tensor, "n d"], count: int) -> Float[Tensor, "d q"]:
    """Return the leading principal directions of centred rows, as columns."""
    return torch.linalg.eigh(rows.T @ rows).eigenvectors[:, -count:]


def intercept_weights(local: Float[Tensor, "c k q"], ridge: float) -> Float[Tensor, "c k"]:
    """Return w such that the intercept of the ridge regression of any targets (k, ...) on `local` is w^T targets.

    With Z the centred coordinates and z their mean: w = 1/k - Z (Z^T Z + r k Var I)^-1 z. Neighbours (almost) in one
    place, such as copies of one token where position is not in the stream, leave nothing to regress on: there w is
    (almost) the plain mean, since Var is taken to be at least 1e-6 of their mean squared distance.
    """
    count, width = local.shape[1:]
    mean = local.mean(1, keepdim=True)
    centred = local - mean
    gram = centred.mT @ centred
    spread = gram.diagonal(dim1=1, dim2=2).sum(1)  # k q Var
    distance = local.square().sum((1, 2))
    penalty = ridge / width * torch.maximum(spread, SMALLEST_SPREAD * distance)
    penalty = penalty.where(penalty > 0, 1.0)
    eye = torch.eye(width, dtype=local.dtype, device=local.device)
    solved = torch.linalg.solve(gram + penalty[:, None, None] * eye, mean.mT)
    return 1 / count - (centred @ solved)[..., 0]


def _forbidden(tokens: TokenBank, part: slice, bank: TokenBank, *, other_tokens: bool) -> Bool[Tensor, "c n"]:
    def equal(one: Int[Tensor, " m"], two: Int[Tensor, " n"]) -> Bool[Tensor, "c n"]:
        return one[part, None] == two

    same = equal(tokens.windows, bank.windows)
    return same | equal(tokens.tokens, bank.tokens) if other_tokens else same
