"""Clouds of tokens whose covariance is known, exactly or in the population, for the tests of spectra."""

from __future__ import annotations

import torch
from torch import Tensor

from tests.geometry.samples import normal, rotation


def power_law(width: int, exponent: float) -> Tensor:
    return torch.arange(1, width + 1, dtype=torch.float64).pow(-exponent)


def exact_cloud(eigenvalues: Tensor, count: int, seed: int = 0) -> Tensor:
    """Rows (count, d), float64, in rotated axes, whose covariance (divided by count) has exactly these eigenvalues."""
    width = len(eigenvalues)
    raw = normal(count, width, seed=seed)
    basis = torch.linalg.qr(raw - raw.mean(0)).Q
    return (basis * (eigenvalues * count).sqrt()) @ rotation(width, seed=seed + 1)


def windowed_cloud(eigenvalues: Tensor, windows: int, tokens: int, shared: float, seed: int = 0) -> Tensor:
    """Rows (windows * tokens, d), window by window, of N(0, diag(eigenvalues)).

    shared: the share of the variance that all tokens of one window have in common, so that they depend on each other.
    """
    width = len(eigenvalues)
    common = normal(windows, 1, width, seed=2 * seed).expand(windows, tokens, width)
    own = normal(windows, tokens, width, seed=2 * seed + 1)
    return ((shared**0.5 * common + (1 - shared) ** 0.5 * own) * eigenvalues.sqrt()).reshape(-1, width)
