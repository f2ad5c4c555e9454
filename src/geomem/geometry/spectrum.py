"""The spectrum of a layer: how its variance is spread over directions, in a handful of numbers.

Every number is a function of the eigenvalues of the covariance of the tokens (divided by n), the squared singular
values of the centred tokens over n. Sources: arXiv 2509.23024, Section 2 and released code (RankMe of eigenvalues,
alpha-ReQ); arXiv 2210.02885 (RankMe of singular values); arXiv 2202.05808 (alpha-ReQ); arXiv 2512.22213 (matrix
entropy). The functions take eigenvalues in any order and can be differentiated by torch, which is how `spectral_error`
finds their intervals. Without any spread (rank 0: all tokens equal) no number is defined, and each is NaN.

RankMe variants differ by factors: eigenvalues or singular values, centred or not, with the final norm or not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from jaxtyping import Float
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.moments import Directions, Moments
from geomem.geometry.power_law import PowerLaw, alpha_req, power_law_exponent

SpectralFunction = Callable[[Tensor], Tensor]
"""From eigenvalues (d,) to a number ()."""

ROUND_OFF = 1e-13
"""Eigenvalues below this share of the mean square of the tokens are rounding of float64 sums, and count as 0."""

TABLE_ROWS = 8192
"""Rows of an embedding table that are taken at a time."""


def rankme(eigenvalues: Float[Tensor, " d"]) -> Float[Tensor, ""]:
    """Return RankMe of arXiv 2509.23024, exp(-sum p ln p) with p = eigenvalues / their sum: from 1 to d.

    The released code adds 1e-7 to every p, here it is not: for d = 768 that moves the number by up to 0.13 %.
    """
    return torch.special.entr(_shares(eigenvalues)).sum().exp()


def rankme_singular_values(eigenvalues: Float[Tensor, " d"]) -> Float[Tensor, ""]:
    """Return RankMe as first defined (arXiv 2210.02885): p = singular values / their sum, so roots of eigenvalues.

    Never below `rankme`. That paper does not centre: give it the eigenvalues of the second moment to do the same.
    """
    return torch.special.entr(_shares(_positive(eigenvalues).sqrt())).sum().exp()


def participation_ratio(eigenvalues: Float[Tensor, " d"]) -> Float[Tensor, ""]:
    """Return (sum of eigenvalues)^2 / sum of their squares: from 1 to d."""
    return 1 / _shares(eigenvalues).square().sum()


def stable_rank(eigenvalues: Float[Tensor, " d"]) -> Float[Tensor, ""]:
    """Return |X|_F^2 / |X|_2^2 of the centred tokens: sum of eigenvalues / the largest, from 1 to d."""
    return 1 / top_share(eigenvalues)


def top_share(eigenvalues: Float[Tensor, " d"]) -> Float[Tensor, ""]:
    """Return the share of the variance on the first principal direction."""
    return _shares(eigenvalues).amax()


def matrix_entropy(eigenvalues: Float[Tensor, " d"], order: float = 1.0) -> Float[Tensor, ""]:
    """Return the matrix entropy S of an order, in nats (arXiv 2512.22213): ln(sum p^order) / (1 - order).

    p are eigenvalues of a Gram matrix scaled to sum 1; order 1 is its limit, Shannon's entropy. For the Gram matrix of
    tokens as they are, not centred, give the eigenvalues of the second moment (`second_moment_eigenvalues`).
    exp(S) is `rankme` at order 1 and `participation_ratio` at order 2. Raises InputError for a negative order.
    """
    if order < 0:
        raise InputError(f"order: an entropy has an order of 0 or more, got {order}")
    shares = _shares(eigenvalues)
    if order == 1:
        return torch.special.entr(shares).sum()
    return shares.pow(order).sum().log() / (1 - order)


FUNCTIONALS: Mapping[str, SpectralFunction] = MappingProxyType(
    {
        "rankme": rankme,
        "rankme_singular_values": rankme_singular_values,
        "alpha": power_law_exponent,
        "participation_ratio": participation_ratio,
        "stable_rank": stable_rank,
        "top_share": top_share,
    }
)
"""The numbers of a spectrum that are functions of its eigenvalues, by name."""


def anisotropy(x: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """Return the mean cosine of distinct rows of x, in O(n d); the cosine with a zero row is 0. NaN below two rows."""
    directions = Directions(x.shape[1]).to(x.device)
    directions.update(x)
    return directions.compute()


@dataclass(frozen=True)
class Decomposition:
    """Principal directions of the tokens of one layer.

    count: number of tokens. mean: (d,). eigenvalues: (d,) of the covariance, descending, zeros exact. eigenvectors:
    (d, d), column i belongs to eigenvalue i. All float64.
    """

    count: int
    mean: Float[Tensor, " d"]
    eigenvalues: Float[Tensor, " d"]
    eigenvectors: Float[Tensor, "d d"]


def decompose(moments: Moments) -> Decomposition:
    """Return the principal directions of the tokens that `moments` has seen.

    Eigenvalues that are rounding, or that lie past the largest possible rank (n - 1), are set to 0.
    Raises InputError when the tokens held NaN or infinite values, or none was seen.
    """
    count, square = int(moments.count), float(moments.second_moment().trace())
    _require_finite(square)
    values, vectors = torch.linalg.eigh(moments.covariance())
    return Decomposition(count, moments.mean(), _clean(values.flip(0), square, count - 1), vectors.flip(1))


def covariance_eigenvalues(x: Float[Tensor, "n d"]) -> Float[Tensor, " d"]:
    """Return the eigenvalues of the covariance of the rows of x, descending, by a singular value decomposition.

    Exact, in float64, for data that fits in memory; the streaming way is `decompose`. Raises InputError when x holds
    NaN or infinite values, or no row.
    """
    if len(x) == 0:
        raise InputError("tokens: a spectrum needs at least one row, got none")
    table = x.double()
    square = float(table.square().sum() / len(table))
    _require_finite(square)
    found = torch.linalg.svdvals(table - table.mean(0)).square() / len(table)
    values = found.new_zeros(x.shape[1])
    values[: len(found)] = found
    return _clean(values, square, len(x) - 1)


def second_moment_eigenvalues(moments: Moments) -> Float[Tensor, " d"]:
    """Return the eigenvalues of the mean of x x^T, not centred, descending: the spectrum of the tokens' Gram matrix.

    Raises InputError as `decompose` does.
    """
    matrix = moments.second_moment()
    square = float(matrix.trace())
    _require_finite(square)
    return _clean(torch.linalg.eigvalsh(matrix).flip(0), square, int(moments.count))


@dataclass(frozen=True)
class Spectrum:
    """The numbers of one layer's spectrum.

    count: tokens. eigenvalues: (d,) of the covariance, descending. rankme: of eigenvalues. rankme_singular_values: of
    their roots. power_law: alpha-ReQ with its window and fit. total_variance: sum of the eigenvalues.
    anisotropy: mean cosine of distinct tokens, not centred.
    """

    count: int
    eigenvalues: Float[Tensor, " d"]
    rankme: float
    rankme_singular_values: float
    power_law: PowerLaw
    participation_ratio: float
    stable_rank: float
    top_share: float
    total_variance: float
    anisotropy: float

    @classmethod
    def of_eigenvalues(cls, eigenvalues: Float[Tensor, " d"], count: int, anisotropy: float) -> Spectrum:
        """Gather the numbers from eigenvalues (d,) in descending order."""
        return cls(
            count=count,
            eigenvalues=eigenvalues,
            rankme=float(rankme(eigenvalues)),
            rankme_singular_values=float(rankme_singular_values(eigenvalues)),
            power_law=alpha_req(eigenvalues),
            participation_ratio=float(participation_ratio(eigenvalues)),
            stable_rank=float(stable_rank(eigenvalues)),
            top_share=float(top_share(eigenvalues)),
            total_variance=float(eigenvalues.sum()),
            anisotropy=anisotropy,
        )

    @classmethod
    def of_moments(cls, moments: Moments, directions: Directions) -> Spectrum:
        """Gather the numbers from the sums of a stream. Raises InputError as `decompose` does."""
        found = decompose(moments)
        return cls.of_eigenvalues(found.eigenvalues, found.count, float(directions.compute()))

    @classmethod
    def of_matrix(cls, x: Float[Tensor, "n d"]) -> Spectrum:
        """Gather the numbers from the rows of x, exactly. Raises InputError as `covariance_eigenvalues` does."""
        return cls.of_eigenvalues(covariance_eigenvalues(x), len(x), float(anisotropy(x)))

    def numbers(self) -> dict[str, float]:
        """Return the numbers by name: those of `FUNCTIONALS`, then the fit of alpha, the variance, the anisotropy."""
        return {
            "rankme": self.rankme,
            "rankme_singular_values": self.rankme_singular_values,
            "alpha": self.power_law.alpha,
            "participation_ratio": self.participation_ratio,
            "stable_rank": self.stable_rank,
            "top_share": self.top_share,
            "alpha_r2": self.power_law.r2,
            "alpha_first_rank": float(self.power_law.first_rank),
            "alpha_last_rank": float(self.power_law.last_rank),
            "total_variance": self.total_variance,
            "anisotropy": self.anisotropy,
        }


def table_spectrum(weight: Float[Tensor, "v d"]) -> Spectrum:
    """Return the spectrum of an embedding or unembedding table (V, d), every token of the vocabulary counting once.

    The rows are the whole vocabulary, not a sample, so its numbers have no sampling error.
    Raises InputError as `decompose` does.
    """
    width, device = weight.shape[1], weight.device
    moments, directions = Moments(width).to(device), Directions(width).to(device)
    for rows in weight.detach().split(TABLE_ROWS):
        moments.update(rows)
        directions.update(rows)
    return Spectrum.of_moments(moments, directions)


def _positive(eigenvalues: Tensor) -> Tensor:
    return eigenvalues[eigenvalues > 0]


def _shares(values: Tensor) -> Tensor:
    """Return the positive values over their sum, or one NaN where there is none.

    Zeros are left out because the slope of p ln p at 0 is infinite, which would spoil the derivatives of the rest.
    """
    positive = _positive(values)
    return positive / positive.sum() if len(positive) else values.new_full((1,), torch.nan)


def _clean(descending: Tensor, square: float, rank: int) -> Tensor:
    kept = descending.masked_fill(descending < ROUND_OFF * square, 0)
    kept[max(rank, 0) :] = 0
    return kept


def _require_finite(square: float) -> None:
    if not math.isfinite(square):
        raise InputError("tokens: hidden states hold NaN or infinite values, so that they have no spectrum")
