"""Standard errors of spectral numbers by the delta method, with whole windows of text as the units that vary.

A small change of the covariance moves eigenvalue i by v_i^T (change) v_i (first-order perturbation). So one token x
moves a function f of the eigenvalues by its influence, sum_i df/d lambda_i ((v_i . (x - mean))^2 - lambda_i), and the
error of f is that of a mean of influences. The estimate of the mean token needs no term: it enters in second order.

Tokens of one window depend on each other, windows do not. Influences are taken on a stored sample of tokens and split
into a variance between windows and one within (one-way analysis of variance), from which follows the error of the
whole pass, also where the sample holds fewer windows, or fewer tokens of each, than were measured.

What first order misses: the *bias* of a finite sample, which spreads eigenvalues apart (the large too large, the small
too small, about d / n in relative terms). The interval is centred on the measured value, so it covers the population's
only while that bias is small beside its width: n well above 10 d, and more where tokens of a window have much in
common. (4000 tokens in 200 windows that share 30 % of the variance, d = 16: simulated coverage is 93 to 96 %.) With
fewer tokens read it as the spread of repeated measurements of this size, and compare with `marchenko_pastur`. It also
fails for a function that sees single eigenvalues, such as the share of the top one, where these are tied.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from geomem.geometry.spectrum import Decomposition, SpectralFunction
from geomem.geometry.vectors import unit_rows
from geomem.geometry.windows import Estimate, t95

SAMPLE_ROWS = 1024
"""Rows of the sample that are projected at a time."""


@dataclass(frozen=True)
class Population:
    """What the whole pass measured: `windows` windows with `tokens` tokens in all, of which a sample was stored."""

    windows: int
    tokens: int


def spectral_intervals(
    functions: Mapping[str, SpectralFunction],
    decomposition: Decomposition,
    sample: Float[Tensor, "n d"],
    windows: Int[Tensor, " n"],
    population: Population | None = None,
) -> dict[str, Estimate]:
    """Return value and interval of every function of the eigenvalues, with one projection of the sample for all.

    decomposition: principal directions of all measured tokens. sample: n of these tokens, of at least two windows, and
    windows: the window each came from. population: how many were measured in all; None when the sample is everything.
    """
    slopes, values = _slopes(functions, decomposition.eigenvalues)
    energies = _energies(decomposition, sample)
    influences = (energies - decomposition.eigenvalues) @ slopes
    return _intervals(list(functions), values, half_widths(influences, windows, population))


def anisotropy_interval(
    value: float,
    mean_direction: Float[Tensor, " d"],
    sample: Float[Tensor, "n d"],
    windows: Int[Tensor, " n"],
    population: Population | None = None,
) -> Estimate:
    """Return the interval of an anisotropy, a mean over pairs: the influence of x is 2 (u . mean u - anisotropy).

    mean_direction: (d,) the mean unit row of all measured tokens. The rest as in `spectral_intervals`.
    """
    influences = 2 * (unit_rows(sample) @ mean_direction - value)[:, None]
    return _intervals(["anisotropy"], [value], half_widths(influences, windows, population))["anisotropy"]


def half_widths(
    influences: Float[Tensor, "n f"], windows: Int[Tensor, " n"], population: Population | None = None
) -> Float[Tensor, " f"]:
    """Return half the 95 % interval of the mean of each column: error of the mean times Student's t for the windows.

    NaN with fewer than two windows.
    """
    errors, groups = mean_errors(influences, windows, population)
    return errors * t95(groups)


def mean_errors(
    influences: Float[Tensor, "n f"], windows: Int[Tensor, " n"], population: Population | None = None
) -> tuple[Float[Tensor, " f"], int]:
    """Return the standard error of the mean of each column, and the number of windows in the sample.

    One-way random effects: with mean squares B between and W within windows, m tokens of a window in the sample and T
    in the population, the variance of a window's mean over T tokens is B / m + W (1 / T - 1 / m); where that is not
    positive (B is noisy when m is small) W / T, as if windows did not matter. With the whole population as the sample
    this is the variance of the windows' means; with one token a window the two parts cannot be told apart and all of it
    counts as between, which is the careful side. NaN with fewer than two windows.
    """
    _, number, sizes = torch.unique(windows.to(influences.device), return_inverse=True, return_counts=True)
    groups, tokens = len(sizes), len(windows)
    if groups < 2:
        return influences.new_full((influences.shape[1],), torch.nan), groups
    whole = population or Population(groups, tokens)
    centred = influences - influences.mean(0)
    sums = centred.new_zeros(groups, centred.shape[1]).index_add_(0, number, centred)
    explained = (sums.square() / sizes[:, None]).sum(0)
    between = explained / (groups - 1)
    within = (centred.square().sum(0) - explained).clamp(min=0) / max(tokens - groups, 1)
    each = (tokens - float(sizes.double().square().sum()) / tokens) / (groups - 1)
    length = whole.tokens / whole.windows
    of_sample, if_independent = between / each, within / length
    variance = of_sample + within * (1 / length - 1 / each)
    return torch.maximum(variance, torch.minimum(of_sample, if_independent)).div(whole.windows).sqrt(), groups


def _slopes(functions: Mapping[str, SpectralFunction], eigenvalues: Tensor) -> tuple[Tensor, list[float]]:
    """Return the derivatives (d, f) of the functions at the eigenvalues, and their values."""
    slopes = eigenvalues.new_zeros(len(eigenvalues), len(functions))
    values: list[float] = []
    for column, function in enumerate(functions.values()):
        point = eigenvalues.detach().clone().requires_grad_()
        with torch.enable_grad():
            value = function(point)
        values.append(float(value.detach()))
        if value.requires_grad:
            slopes[:, column] = torch.autograd.grad(value, point)[0]
        else:
            # A value that no eigenvalue moves: a constant, or the NaN of a function that is not defined here.
            slopes[:, column] = 0.0 if math.isfinite(values[-1]) else math.nan
    return slopes, values


def _energies(decomposition: Decomposition, sample: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Return (v_i . (x - mean))^2 of every sampled token and direction, projected in the sample's own precision."""
    dtype = torch.promote_types(sample.dtype, torch.float32)
    basis, mean = decomposition.eigenvectors.to(dtype), decomposition.mean.to(dtype)
    return torch.cat([((rows.to(dtype) - mean) @ basis).double().square() for rows in sample.split(SAMPLE_ROWS)])


def _intervals(names: list[str], values: list[float], half: Tensor) -> dict[str, Estimate]:
    return {
        name: Estimate(value, value - width, value + width)
        for name, value, width in zip(names, values, half.tolist(), strict=True)
    }
