"""What the measurements of collapse are when nothing was learned, in closed form.

Two null models. *Random means*: K independent Gaussian class means of d equal coordinates, centred; hidden states that
fill fewer directions than d lie off these values for that reason alone, so they are read as landmarks, not as tests.
*Shuffled labels*: classes that know nothing of the hidden state, so that class means differ by sampling noise only.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Int
from scipy.special import betaln, digamma, gammaln, polygamma
from torch import Tensor

from geomem.geometry.vectors import row_chunks


def log_kernel_chance(classes: int, width: int) -> tuple[float, float]:
    """Return mean and CoV of log(1 / distance) over pairs of K random directions in R^d.

    A quarter of the squared distance of two uniform directions is Beta((d-1)/2, (d-1)/2), so that the mean is
    -(log 4 + psi(a) - psi(2a)) / 2 with a = (d-1)/2, near -log sqrt 2, and the variance (psi'(a) - psi'(2a)) / 4.
    Centring K means makes their cosines -1/(K-1) on average, which adds -log(K / (K-1)) / 2 (first order in 1/K).
    Infinite in one dimension.
    """
    if width < 2:
        return math.inf, math.inf
    a = (width - 1) / 2
    mean = -0.5 * (math.log(4) + float(digamma(a)) - float(digamma(2 * a)) + math.log(classes / (classes - 1)))
    spread = 0.5 * math.sqrt(float(polygamma(1, a)) - float(polygamma(1, 2 * a)))
    return mean, spread / abs(mean)


def riesz_chance(classes: int, width: int) -> tuple[float, float]:
    """Return mean and CoV of 1 / distance over pairs of K random directions in R^d; infinite for d < 4 (CoV)."""
    mean = _chord_moment(-0.5, width) * math.sqrt((classes - 1) / classes)
    if width < 4:
        return mean, math.inf
    ratio = _chord_moment(-1, width) / _chord_moment(-0.5, width) ** 2
    return mean, math.sqrt(max(0.0, ratio - 1))


def norm_chance(width: int) -> float:
    """Return the CoV of the length of a Gaussian vector of d equal coordinates (chi distribution)."""
    mean = math.sqrt(2) * math.exp(float(gammaln((width + 1) / 2)) - float(gammaln(width / 2)))
    return math.sqrt(width - mean**2) / mean


def log_norm_chance(width: int) -> float:
    """Return the standard deviation of the logarithm of that length; it does not depend on the scale."""
    return 0.5 * math.sqrt(float(polygamma(1, width / 2)))


def etf_error_chance(classes: int, width: int) -> float:
    """Return the ETF error of K random means: sqrt(2 - 2 sqrt(p / (K-1))), p the participation ratio of their spectrum.

    p from the moments of a Wishart matrix of n = K-1 degrees of freedom: E(tr)² / E(tr of the square). Approximate,
    3 % too large for K = 8 and d = 7, and within 1 % from some tens of classes on.
    """
    n = classes - 1
    share = (n * width + 2) / (n * (n + width + 1))
    return math.sqrt(max(0.0, 2 - 2 * math.sqrt(share)))


def etf_error_floor(classes: int, width: int) -> float:
    """Return the least ETF error that K means in R^d can have; above 0 when d < K - 1, too narrow for a simplex."""
    return math.sqrt(2 - 2 * math.sqrt(min(1.0, width / (classes - 1))))


DUAL_ERROR_CHANCE = math.sqrt(2)
"""Dual error of classifier rows that have nothing to do with the class means."""


def dual_distance_chance(width: int) -> float:
    """Return the mean distance of two random directions in R^d, near sqrt 2."""
    return _chord_moment(0.5, width)


def dual_variation_chance(classes: int) -> float:
    """Return the median CoV of K random cosines, whose mean is 0 but for sampling: sqrt(K) / 0.6745, at any width."""
    return math.sqrt(classes) / 0.6744897501960817


def cdnv_chance(counts: Int[Tensor, " k"], exponent: float = 1.0, variance: float = 1.0) -> float:
    """Return the CDNV of classes with these counts when labels are shuffled.

    variance: total variance S of the hidden states, summed over coordinates; it matters for exponents other than 1.
    Means then differ by sampling only: E||mu - mu'||² = S (1/N + 1/N'), and a class's variance is S (1 - 1/N) on
    average. A lower bound, since the mean of a ratio lies above the ratio of the means: by about 2 / d of it for
    exponent 1 and d equal directions. Source: derived here.
    """
    values, repeats = torch.unique(counts.double(), return_counts=True)
    repeats = repeats.double()
    # A class is no pair with itself.
    total = -(repeats * _noise_level(2 / values, exponent)).sum()
    for part in row_chunks(len(values), len(values)):
        total += repeats[part] @ _noise_level(1 / values[part, None] + 1 / values, exponent) @ repeats
    return variance ** (1 - exponent) * float(total) / (len(counts) * (len(counts) - 1))


def variance_ratio_chance(counts: Int[Tensor, " k"]) -> float:
    """Return tr Sigma_W / tr Sigma_B of classes with these counts when labels are shuffled (ratio of expectations).

    tr Sigma_W is S (1 - K/N) and tr Sigma_B is S (1 - 1/K) mean(1/N_c), S the total variance. Source: derived here.
    """
    sizes = counts.double()
    classes = len(sizes)
    return float((1 - classes / sizes.sum()) / ((1 - 1 / classes) * sizes.reciprocal().mean()))


def _chord_moment(power: float, width: int) -> float:
    """Return E u^power of the squared distance u of two random directions in R^d; infinite where it has no mean."""
    a = (width - 1) / 2
    if a + power <= 0:
        return math.inf
    return 4**power * math.exp(float(betaln(a + power, a)) - float(betaln(a, a)))


def _noise_level(noise: Tensor, exponent: float) -> Tensor:
    """Return the CDNV of two classes with 1/N + 1/N' = `noise` and unit total variance."""
    return (1 - noise / 2) / noise.pow(exponent)
