"""Best affine map from one set of representations to another, in closed form from streaming sums.

Source: arXiv 2505.13898, cross-model linear map: for each source layer one linear layer with bias predicts every
target stream, and the score is the mean over tokens of |ŷ - y| / |y|. The paper trains it by gradient descent; ridge
regression (penalty 1e-2, intercept free) is where that would end, and needs one pass over the tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

from geomem.errors import InputError

RIDGE = 1e-2
"""Penalty added to the diagonal of the summed products X^T X (cards `layer-updates` and `depth-efficiency`)."""
SMALLEST = 1e-6
"""Norms that others are divided by are clamped here, as in the released code."""


@dataclass(frozen=True)
class AffineMap:
    """x W + b. weight: (a, b). bias: (b,)."""

    weight: Float[Tensor, "a b"]
    bias: Float[Tensor, " b"]

    def __call__(self, x: Float[Tensor, "n a"]) -> Float[Tensor, "n b"]:
        """Map rows, in the precision of the weights."""
        return torch.addmm(self.bias, x.to(self.weight), self.weight)

    def to(self, dtype: torch.dtype) -> AffineMap:
        """Return the same map in another precision."""
        return AffineMap(self.weight.to(dtype), self.bias.to(dtype))


class AffineFit(Metric):
    """Streaming least squares from x (n, a) to y (n, b): count, sums, and sums of the products x x^T and x y^T.

    Products of float32 rows are taken in float32 after the mean of the update has been subtracted, those of float64
    rows in float64; all is added up in float64. Two metrics fed with two halves and merged equal one that saw all.
    """

    full_state_update = False
    count: Tensor
    x_total: Tensor
    y_total: Tensor
    gram: Tensor
    cross: Tensor

    def __init__(self, source: int, target: int) -> None:
        super().__init__()
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        for name, shape in {
            "x_total": (source,),
            "y_total": (target,),
            "gram": (source, source),
            "cross": (source, target),
        }.items():
            self.add_state(name, torch.zeros(shape, dtype=torch.float64), dist_reduce_fx="sum")

    @torch.no_grad()
    def update(self, x: Float[Tensor, "n a"], y: Float[Tensor, "n b"]) -> None:
        """Add n tokens. Raises InputError when the widths are not those of this fit."""
        if (x.shape[1], y.shape[1]) != tuple(self.cross.shape):
            raise InputError(f"linear map: expected {tuple(self.cross.shape)} wide, got {(x.shape[1], y.shape[1])}")
        dtype = torch.promote_types(torch.promote_types(x.dtype, y.dtype), torch.float32)
        x_mean, y_mean = x.mean(0, dtype=dtype), y.mean(0, dtype=dtype)
        x_rows, y_rows = x.to(dtype) - x_mean, y.to(dtype) - y_mean
        x_shift, y_shift, n = x_mean.double(), y_mean.double(), len(x)
        x_rest, y_rest = x_rows.sum(0, dtype=torch.float64), y_rows.sum(0, dtype=torch.float64)
        _add_products(self.gram, x_rows, x_rows, (x_rest, x_shift), (x_rest, x_shift), n)
        _add_products(self.cross, x_rows, y_rows, (x_rest, x_shift), (y_rest, y_shift), n)
        self.x_total += x_rest + n * x_shift
        self.y_total += y_rest + n * y_shift
        self.count += n

    def compute(self) -> tuple[Float[Tensor, "a b"], Float[Tensor, " b"]]:
        """Return weight and bias with the usual penalty."""
        found = self.fitted()
        return found.weight, found.bias

    def fitted(self, penalty: float = RIDGE) -> AffineMap:
        """Return the ridge regression of y on x, float64; the intercept is not penalised.

        Raises InputError before the first token.
        """
        n = int(self.count)
        if n == 0:
            raise InputError("linear map: at least one token is needed, none was given")
        x_mean, y_mean = self.x_total / n, self.y_total / n
        gram = self.gram - n * torch.outer(x_mean, x_mean)
        cross = self.cross - n * torch.outer(x_mean, y_mean)
        weight = ridge_weights(gram, cross, penalty)
        return AffineMap(weight, y_mean - x_mean @ weight)


def fit_affine(x: Float[Tensor, "n a"], y: Float[Tensor, "n b"], penalty: float = RIDGE) -> AffineMap:
    """Return the ridge regression of y on x from all tokens at once, float64; the intercept is not penalised."""
    rows, goal = x.double(), y.double()
    x_mean, y_mean = rows.mean(0), goal.mean(0)
    rows = rows - x_mean
    weight = ridge_weights(rows.T @ rows, rows.T @ (goal - y_mean), penalty)
    return AffineMap(weight, y_mean - x_mean @ weight)


def ridge_weights(
    gram: Float[Tensor, "a a"], cross: Float[Tensor, "a b"], penalty: float = RIDGE
) -> Float[Tensor, "a b"]:
    """Return (G + penalty I)^-1 C of the summed products G = X^T X and C = X^T Y of centred rows, float64.

    By Cholesky, whose accuracy does not suffer from coordinates of very different size (massive activations); where
    rounding has made G indefinite, by its eigenvalues, negative ones taken as 0.
    """
    matrix = gram.double() + penalty * torch.eye(len(gram), dtype=torch.float64, device=gram.device)
    factor, failed = torch.linalg.cholesky_ex(matrix)
    if not int(failed):
        return torch.cholesky_solve(cross.double(), factor)
    values, vectors = torch.linalg.eigh(gram.double())
    return vectors @ ((vectors.T @ cross.double()) / (values.clamp(min=0) + penalty)[:, None])


def relative_errors(predicted: Float[Tensor, "*n d"], actual: Float[Tensor, "*n d"]) -> Float[Tensor, "*n"]:
    """Return |ŷ - y| / |y| of every row; a zero row counts as one of length 1e-6."""
    return (predicted - actual).norm(dim=-1) / actual.norm(dim=-1).clamp(min=SMALLEST)


def _add_products(
    products: Float[Tensor, "a b"],
    x: Float[Tensor, "n a"],
    y: Float[Tensor, "n b"],
    x_parts: tuple[Tensor, Tensor],
    y_parts: tuple[Tensor, Tensor],
    n: int,
) -> None:
    """Add sum (x + m)(y + k)^T = sum x y^T + (sum x + n m) k^T + m (sum y)^T. parts: (sum x, m) and (sum y, k)."""
    (x_rest, m), (y_rest, k) = x_parts, y_parts
    products += x.T @ y
    products.addmm_(torch.stack([x_rest + n * m, m], dim=1), torch.stack([k, y_rest]))
