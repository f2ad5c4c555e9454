"""Chance levels of a spectrum: what n tokens without any structure, an isotropic Gaussian in d dimensions, give.

The population spectrum is flat, that of a finite sample is not: it follows the law of Marchenko and Pastur (1967) with
ratio d / n, so that even pure noise has a RankMe below d. With every eigenvalue put where that law expects it, the
chance level of any function of eigenvalues is that function of these: right to about 1 % where n and d exceed 64, to
4 % where one of them is between 8 and that.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.spectrum import Spectrum

GRID = 1 << 16
"""Points on which the law is integrated: eigenvalues to about 1e-6, in a millisecond."""


def isotropic_eigenvalues(count: int, width: int) -> Float[Tensor, " d"]:
    """Return the expected eigenvalues, descending, of the covariance of `count` draws of N(0, I) in `width` dimensions.

    The covariance is centred and divided by n, so n - 1 degrees of freedom are spread: the trace is d (n - 1) / n and
    at most n - 1 eigenvalues are not 0. Eigenvalue i is the mean of the law over its i-th d-quantile.
    Raises InputError below two tokens or one dimension.
    """
    if count < 2 or width < 1:
        raise InputError(f"chance level: needs at least 2 tokens and 1 dimension, got {count} and {width}")
    freedom = count - 1
    small, large = min(freedom, width), max(freedom, width)
    values = torch.zeros(width, dtype=torch.float64)
    # With fewer tokens than dimensions, the non-zero eigenvalues are those of the tokens' own Gram matrix.
    values[:small] = _quantile_means(small / large, small).flip(0) * (large / count)
    return values


def isotropic_spectrum(count: int, width: int) -> Spectrum:
    """Return the numbers of a layer of `count` isotropic Gaussian tokens of `width`; their mean cosine is 0."""
    return Spectrum.of_eigenvalues(isotropic_eigenvalues(count, width), count, 0.0)


def isotropic_rankme(count: int, width: int) -> float:
    """Return the chance level of `rankme` in closed form: m exp(-m / 2M), m and M the smaller and larger of n - 1, d.

    The mean entropy of a random spectrum (Page, Phys. Rev. Lett. 71, 1993). Sampling alone lowers RankMe by this
    factor: 5 % with ten tokens a dimension.
    """
    small, large = min(count - 1, width), max(count - 1, width)
    return small * math.exp(-small / (2 * large))


def _quantile_means(ratio: float, parts: int) -> Float[Tensor, " k"]:
    """Return the means of the Marchenko-Pastur law of a ratio <= 1 over its `parts` equally likely parts, ascending.

    With x = 1 + ratio - 2 sqrt(ratio) cos t, t in (0, pi), the density in t is 2 sin^2 t / (pi x), smooth even at
    ratio 1, where that in x is not.
    """
    edges = torch.linspace(0, math.pi, GRID + 1, dtype=torch.float64)
    middle = (edges[1:] + edges[:-1]) / 2
    places = 1 + ratio - 2 * math.sqrt(ratio) * middle.cos()
    mass = middle.sin().square() / places
    mass = mass / mass.sum()
    zero = mass.new_zeros(1)
    reached, moment = (torch.cat([zero, part.cumsum(0)]) for part in (mass, mass * places))
    wanted = torch.linspace(0, 1, parts + 1, dtype=torch.float64)
    right = torch.searchsorted(reached, wanted).clamp(1, GRID)
    step = reached[right] - reached[right - 1]
    inside = ((wanted - reached[right - 1]) / step).clamp(0, 1)
    return (moment[right - 1] + inside * (moment[right] - moment[right - 1])).diff() * parts
