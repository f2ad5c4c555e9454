"""Maps of each token by itself, fitted to what a block does, to see how much of it is a lookup.

Source: arXiv 2604.02459, H' = T(H) + R(H): T acts on every token separately, R is what no member of a class can
express. Fitted on a bank of tokens, applied to others. More expressive classes shrink R without any change of the
model, so fix the class when layers or models are compared.

    diag        x * a + b, per-coordinate least squares
    affine      x W + b, ridge regression
    lowrank_R   x + x A B + b, A (d, R), B (R, d): reduced-rank ridge regression of the update
    orth        s (x - m) Q + v, Q orthogonal: Procrustes
    mlp         one hidden layer 4 d wide, GELU
    knn_affine  the paper's local map T(x) = A(x) x, from the 64 nearest tokens of the bank
    knn_other   the same, neighbours with the very same token left out

The penalty of `affine` and `lowrank_R` is on the update, W - I, so that it pulls towards doing nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from geomem.errors import InputError, unknown_name
from geomem.geometry.linear_maps import RIDGE, AffineMap, ridge_weights
from geomem.geometry.procrustes import procrustes_fit
from geomem.geometry.token_bank import TokenBank, require_tokens
from geomem.geometry.tokenwise_knn import fit_knn
from geomem.geometry.tokenwise_mlp import fit_mlp

TokenMap = Callable[[TokenBank], Float[Tensor, "n d"]]
"""A fitted map: from tokens to what would leave the block, (n, d) float64. It may read all of a bank but `leaving`."""

KINDS = ("diag", "affine", "lowrank_16", "orth", "mlp", "knn_affine", "knn_other")
"""Classes by name; `lowrank_R` exists for every rank R."""


def fit_tokenwise(kind: str, bank: TokenBank, *, seed: int = 0) -> TokenMap:
    """Fit a class of maps to a bank. seed: for `mlp`. Raises InputError for an unknown class or too few tokens."""
    require_tokens(bank, 2, "a tokenwise fit")
    rank = re.fullmatch(r"lowrank_([1-9]\d*)", kind)
    if rank is not None:
        return _of_rows(fit_low_rank(bank.entering, bank.leaving, int(rank[1])))
    if kind in ("knn_affine", "knn_other"):
        return fit_knn(bank, other_tokens=kind == "knn_other")
    if kind == "mlp":
        return fit_mlp(bank, seed=seed)
    fits = {"diag": fit_diagonal, "affine": fit_affine_update, "orth": fit_orthogonal}
    if kind not in fits:
        raise unknown_name("tokenwise class", kind, KINDS)
    return _of_rows(fits[kind](bank.entering, bank.leaving))


def fit_diagonal(x: Float[Tensor, "n d"], y: Float[Tensor, "n d"]) -> AffineMap:
    """Return y ≈ x * a + b by least squares in every coordinate; a coordinate that never varies keeps a = 1."""
    rows, goal = x.double(), y.double()
    x_mean, y_mean = rows.mean(0), goal.mean(0)
    rows = rows - x_mean
    spread = rows.square().sum(0)
    slope = torch.where(spread > 0, (rows * (goal - y_mean)).sum(0) / spread.where(spread > 0, 1.0), 1.0)
    return AffineMap(slope.diag(), y_mean - x_mean * slope)


def fit_affine_update(x: Float[Tensor, "n d"], y: Float[Tensor, "n d"], penalty: float = RIDGE) -> AffineMap:
    """Return y ≈ x W + b by ridge regression of the update y - x."""
    return _update_map(x, y, penalty, rank=None)


def fit_low_rank(x: Float[Tensor, "n d"], y: Float[Tensor, "n d"], rank: int, penalty: float = RIDGE) -> AffineMap:
    """Return y ≈ x + x A B + b with A B of rank at most `rank`.

    Ridge regression of the update, whose fitted values are then cut to their leading right singular vectors
    (reduced-rank regression: Izenman 1975). Raises InputError for a rank above the width.
    """
    if rank > x.shape[1]:
        raise InputError(f"lowrank_{rank}: the rank must not exceed the width {x.shape[1]}")
    return _update_map(x, y, penalty, rank=rank)


def fit_orthogonal(x: Float[Tensor, "n d"], y: Float[Tensor, "n d"]) -> AffineMap:
    """Return y ≈ s (x - m) Q + v with Q orthogonal, as a map with weight s Q."""
    fit = procrustes_fit(x, y)
    weight = fit.scale * fit.rotation
    return AffineMap(weight, y.double().mean(0) - x.double().mean(0) @ weight)


def _update_map(x: Float[Tensor, "n d"], y: Float[Tensor, "n d"], penalty: float, rank: int | None) -> AffineMap:
    rows = x.double()
    update = y.double() - rows
    x_mean, u_mean = rows.mean(0), update.mean(0)
    rows = rows - x_mean
    gram = rows.T @ rows
    change = ridge_weights(gram, rows.T @ (update - u_mean), penalty)
    if rank is not None:
        # Right singular vectors of the fitted values X C are eigenvectors of C^T (X^T X) C.
        leading = torch.linalg.eigh(change.T @ gram @ change).eigenvectors[:, -rank:]
        change = change @ leading @ leading.T
    weight = change + torch.eye(len(change), dtype=change.dtype, device=change.device)
    return AffineMap(weight, u_mean - x_mean @ change)


def _of_rows(function: AffineMap) -> TokenMap:
    return lambda tokens: function(tokens.entering)
