"""Streaming first and second moments of the tokens of one layer, and of their directions.

Everything a spectrum needs is a sum over tokens: the mean and the covariance come from the sum of x and the sum of
x x^T, the mean cosine of distinct tokens from the sum of x / |x|. The sums are float64; two metrics fed with two halves
and merged equal one that saw everything.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

from geomem.errors import InputError

PRODUCT_ROWS = 1024
"""Rows of one float32 product: few enough that its rounding stays small and the rows in the cache."""

PRODUCT_BLOCKS = 4
"""Column blocks of a product. Only those on or below the diagonal are computed: 10 of 16."""


class Moments(Metric):
    """Count, sum and sum of outer products of the tokens of one layer, of width d.

    Products of float32 rows are taken in float32, those of float64 rows in float64, always after a common row (the
    mean of the update) has been subtracted, and what was subtracted is added back in float64. So a massive activation,
    a coordinate whose mean is thousands of times its spread, costs no accuracy. From float32 rows the eigenvalues of
    the covariance are right to about 1e-8 of the largest one; a tail below that needs `update(x.double())`.

    States: `count` () int64; `total` (d,) the sum of x; `products` (d, d) the sum of x x^T, of which only the lower
    triangle is meant.
    """

    full_state_update = False
    higher_is_better = None
    is_differentiable = False

    count: Tensor
    total: Tensor
    products: Tensor

    def __init__(self, width: int) -> None:
        super().__init__(compute_with_cache=False)  # merging does not clear the cache
        self.width = width
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("total", torch.zeros(width, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("products", torch.zeros(width, width, dtype=torch.float64), dist_reduce_fx="sum")

    @torch.no_grad()
    def update(self, x: Float[Tensor, "n d"]) -> None:
        """Add the tokens x (n, d). Raises InputError when d is not the width of the layer."""
        check_width(x, self.width)
        if len(x) == 0:
            return
        dtype = torch.promote_types(x.dtype, torch.float32)
        shift = x.mean(0, dtype=dtype)
        rest = torch.zeros_like(self.total)
        for rows in x.split(PRODUCT_ROWS):
            centred = rows.to(dtype) - shift
            rest += centred.sum(0)
            _add_products(self.products, centred)
        # With x = c + m: sum x x^T = sum c c^T + a m^T + m a^T, where a = sum c + n m / 2.
        mean = shift.double()
        half = rest + mean * (len(x) / 2)
        self.products.addmm_(torch.stack([half, mean], dim=1), torch.stack([mean, half]))
        self.total += rest + mean * len(x)
        self.count += len(x)

    def compute(self) -> tuple[Float[Tensor, " d"], Float[Tensor, "d d"]]:
        """Return (mean, covariance). At width 1 torchmetrics drops their axes; the two methods themselves keep them."""
        return self.mean(), self.covariance()

    def mean(self) -> Float[Tensor, " d"]:
        """Return the mean token, float64. Raises InputError before the first token."""
        return self.total / self._tokens()

    def second_moment(self) -> Float[Tensor, "d d"]:
        """Return the mean of x x^T, float64, not centred."""
        lower = self.products.tril() / self._tokens()
        return lower + lower.tril(-1).T

    def covariance(self) -> Float[Tensor, "d d"]:
        """Return the mean of (x - mean)(x - mean)^T, float64: divided by n, not by n - 1 (arXiv 2509.23024)."""
        mean = self.mean()
        return self.second_moment() - torch.outer(mean, mean)

    def _tokens(self) -> int:
        return _counted(self.count)


class Directions(Metric):
    """Sums of the unit rows and of the lengths of the tokens of one layer, of width d: what anisotropy needs.

    A zero row has no direction: its unit row is zero, so that its cosine with every token counts as 0.
    States: `count` () tokens and `pointed` () tokens that are not zero, int64; `unit_total` (d,) the sum of x / |x|;
    `length_total` () the sum of |x|.
    """

    full_state_update = False
    higher_is_better = None
    is_differentiable = False

    count: Tensor
    pointed: Tensor
    unit_total: Tensor
    length_total: Tensor

    def __init__(self, width: int) -> None:
        super().__init__(compute_with_cache=False)  # merging does not clear the cache
        self.width = width
        for name in ("count", "pointed"):
            self.add_state(name, torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("unit_total", torch.zeros(width, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("length_total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    @torch.no_grad()
    def update(self, x: Float[Tensor, "n d"]) -> None:
        """Add the tokens x (n, d). Raises InputError when d is not the width of the layer."""
        check_width(x, self.width)
        dtype = torch.promote_types(x.dtype, torch.float32)
        for part in x.split(PRODUCT_ROWS):
            rows = part.to(dtype)
            lengths = torch.linalg.vector_norm(rows, dim=1)
            inverse = lengths.reciprocal().masked_fill(lengths == 0, 0)
            # A sum, which is taken pairwise; a product with `inverse` would add the rows up one by one, and drift.
            self.unit_total += (rows * inverse[:, None]).sum(0)
            self.length_total += lengths.sum(dtype=torch.float64)
            self.pointed += (lengths != 0).sum()
        self.count += len(x)

    def compute(self) -> Float[Tensor, ""]:
        """Return the anisotropy: the mean cosine over all ordered pairs of distinct tokens; NaN below two tokens.

        In closed form, sum over i != j of u_i . u_j = |sum u|^2 - sum |u|^2, so that no pair is ever formed.
        """
        tokens = _counted(self.count)
        pairs = self.unit_total.square().sum() - self.pointed
        return pairs / (tokens * (tokens - 1)) if tokens > 1 else pairs.new_tensor(torch.nan)

    def mean_direction(self) -> Float[Tensor, " d"]:
        """Return the mean of the unit rows, float64."""
        return self.unit_total / _counted(self.count)

    def mean_length(self) -> Float[Tensor, ""]:
        """Return the mean of |x|, float64."""
        return self.length_total / _counted(self.count)


def check_width(x: Float[Tensor, "n d"], width: int) -> None:
    """Raise InputError when the rows of x are not `width` numbers long."""
    if x.shape[1] != width:
        raise InputError(f"tokens: this layer is {width} wide, got rows of {x.shape[1]} numbers")


def _add_products(products: Float[Tensor, "d d"], rows: Float[Tensor, "n d"]) -> None:
    """Add rows^T rows to the lower triangle of `products`; blocks wholly above the diagonal are left alone."""
    step = max(64, -(-len(products) // PRODUCT_BLOCKS))
    for start in range(0, len(products), step):
        block = slice(start, start + step)
        products[start:, block] += rows[:, start:].T @ rows[:, block]


def _counted(count: Tensor) -> int:
    tokens = int(count)
    if tokens == 0:
        raise InputError("tokens: the moments of a layer need at least one token, none was given")
    return tokens
