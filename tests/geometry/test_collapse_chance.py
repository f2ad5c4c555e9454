"""Every closed form against a simulation of its null model."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.spatial.distance import pdist

from geomem.geometry.class_means import class_table
from geomem.geometry.collapse import cdnv, etf_error
from geomem.geometry.collapse_chance import (
    cdnv_chance,
    dual_distance_chance,
    dual_variation_chance,
    etf_error_chance,
    etf_error_floor,
    log_kernel_chance,
    log_norm_chance,
    norm_chance,
    riesz_chance,
    variance_ratio_chance,
)
from tests.geometry.samples import normal


def centred(classes: int, width: int, seed: int) -> NDArray[np.float64]:
    means = np.random.default_rng(seed).normal(size=(classes, width))
    return means - means.mean(0)


def directions(classes: int, width: int, seed: int) -> NDArray[np.float64]:
    means = centred(classes, width, seed)
    return means / np.linalg.norm(means, axis=1, keepdims=True)


@pytest.mark.parametrize(("classes", "width"), [(400, 3), (400, 8), (400, 64), (30, 64)])
def test_kernels(classes: int, width: int) -> None:
    mean, spread = log_kernel_chance(classes, width)
    level, variation = riesz_chance(classes, width)
    chords = np.concatenate([pdist(directions(classes, width, seed)) for seed in range(40)])
    logs = -np.log(chords)
    assert mean == pytest.approx(logs.mean(), abs=2e-3)
    assert spread == pytest.approx(logs.std() / abs(logs.mean()), rel=0.04)
    assert level == pytest.approx((1 / chords).mean(), rel=3e-3)
    if width > 3:
        assert variation == pytest.approx((1 / chords).std() / (1 / chords).mean(), rel=0.05)


def test_kernels_in_the_limit_and_at_its_edge() -> None:
    assert log_kernel_chance(10**6, 10**6)[0] == pytest.approx(-math.log(math.sqrt(2)), abs=1e-5)
    assert riesz_chance(10**6, 10**5)[0] == pytest.approx(math.sqrt(0.5), abs=1e-4)
    assert log_kernel_chance(10, 1) == (math.inf, math.inf)
    assert riesz_chance(10, 3)[1] == math.inf
    assert riesz_chance(10, 2) == (math.inf, math.inf)


@pytest.mark.parametrize("width", [1, 5, 64])
def test_lengths(width: int) -> None:
    lengths = np.linalg.norm(np.random.default_rng(0).normal(size=(50_000, width)), axis=1)
    assert norm_chance(width) == pytest.approx(lengths.std() / lengths.mean(), rel=0.01)
    assert log_norm_chance(width) == pytest.approx(np.log(7 * lengths).std(), rel=0.02)


@pytest.mark.parametrize(("classes", "width"), [(8, 7), (40, 200), (200, 16), (100, 100)])
def test_simplex(classes: int, width: int) -> None:
    errors = [etf_error(torch.from_numpy(centred(classes, width, seed))) for seed in range(30)]
    assert etf_error_chance(classes, width) == pytest.approx(np.mean(errors), rel=0.01 if classes > 8 else 0.05)
    assert min(errors) > etf_error_floor(classes, width)


def test_the_floor_is_reached() -> None:
    """K = 2 d points at plus and minus every axis: a spectrum as flat as d dimensions allow."""
    axes = torch.eye(6, dtype=torch.float64)
    assert etf_error(torch.cat([axes, -axes])) == pytest.approx(etf_error_floor(12, 6))
    assert etf_error_floor(7, 6) == 0
    assert etf_error_floor(7, 60) == 0


@pytest.mark.parametrize("width", [4, 64])
def test_duality(width: int) -> None:
    cosines = (directions(300, width, 0) @ directions(300, width, 1).T).ravel()
    assert dual_distance_chance(width) == pytest.approx(np.sqrt(2 - 2 * cosines).mean(), rel=5e-3)
    variations = []
    for seed in range(400):
        cosine = (directions(50, width, 2 * seed) * directions(50, width, 2 * seed + 1)).sum(1)
        variations.append(cosine.std() / abs(cosine.mean()))
    assert dual_variation_chance(50) == pytest.approx(np.median(variations), rel=0.15)


@pytest.mark.parametrize("exponent", [1.0, 2.0])
def test_shuffled_labels(exponent: float) -> None:
    generator = torch.Generator().manual_seed(0)
    sizes = torch.randint(5, 60, (40,), generator=generator)
    labels = torch.arange(40).repeat_interleave(sizes)
    found, ratios = [], []
    for seed in range(10):
        hidden = 3 * normal(len(labels), 80, seed=seed) + 7
        table = class_table(hidden, labels)
        found.append(cdnv(table.means, table.variances, exponent))
        within = float((table.counts * table.variances).sum() / table.counts.sum())
        ratios.append(within / float(table.centred.square().sum(1).mean()))
    chance = cdnv_chance(sizes, exponent, variance=9 * 80)
    # A lower bound, by 2 / d for exponent 1 and three times that for exponent 2.
    assert chance < np.mean(found) < chance * (1 + 3.5 * (2 * exponent - 1) / 80)
    assert variance_ratio_chance(sizes) == pytest.approx(np.mean(ratios), rel=0.02)


def test_shuffled_labels_pair_by_pair() -> None:
    sizes = torch.tensor([5, 5, 9, 30, 9, 5])
    pairs = [(float(a), float(b)) for i, a in enumerate(sizes) for b in sizes[i + 1 :]]
    noise = np.array([1 / a + 1 / b for a, b in pairs])
    assert cdnv_chance(sizes) == pytest.approx(((1 - noise / 2) / noise).mean())
    expected = ((1 - noise / 2) / noise**2 / 4).mean()
    assert cdnv_chance(sizes, 2.0, variance=4.0) == pytest.approx(expected)
