from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geomem.errors import InputError
from geomem.geometry.depth import (
    convergence_depth,
    depth_score,
    depth_score_interval,
    depth_trend,
    erasure_profile,
    half_ratio,
    half_weights,
    propagated_effects,
)
from geomem.geometry.windows import window_gram, window_ratio
from tests.geometry.samples import normal


def doubles(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_depth_score_is_a_centre_of_mass() -> None:
    assert depth_score(doubles(0, 0, 5, 0)) == 2
    assert depth_score(torch.ones(7)) == pytest.approx(3)
    effects = normal(9).abs()
    expected = sum(layer * float(e) for layer, e in enumerate(effects)) / float(effects.sum())
    assert depth_score(effects) == pytest.approx(expected)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.floats(0.01, 10), min_size=2, max_size=10), st.floats(0.01, 100))
def test_depth_score_ignores_scale_and_mirrors(effects: list[float], factor: float) -> None:
    row = doubles(*effects)
    assert depth_score(factor * row) == pytest.approx(depth_score(row))
    assert depth_score(row.flip(0)) == pytest.approx(len(effects) - 1 - depth_score(row))


def test_propagated_effects_against_loops() -> None:
    effect = normal(5, 5).abs()
    expected = [sum(float(effect[s, layer]) for layer in range(s + 1, 5)) / (4 - s) for s in range(4)]
    assert propagated_effects(effect).tolist() == pytest.approx(expected)


def test_interval_of_the_depth_score_covers() -> None:
    truth = doubles(1, 2, 3, 2, 1)
    found = [depth_score_interval(truth * normal(20, 5, seed=seed).exp(), seed=seed) for seed in range(30)]
    assert 24 <= sum(e.low <= 2 <= e.high for e in found) <= 30
    assert depth_score_interval(truth[None]).value == 2
    assert np.isnan(depth_score_interval(truth[None]).low)


def test_trend_finds_a_slope_and_no_slope() -> None:
    grid = torch.arange(8).double()
    flat = [(-((grid - 3) ** 2)).exp() * (1 + 0.1 * normal(20, 8, seed=hop).abs()) for hop in range(1, 5)]
    rising = [(-((grid - 1 - hop) ** 2)).exp() * (1 + 0.1 * normal(20, 8, seed=hop).abs()) for hop in range(1, 5)]
    none, some = depth_trend([1, 2, 3, 4], flat), depth_trend([1, 2, 3, 4], rising)
    assert none.low < 0 < none.high
    assert some.low < some.value < some.high
    scores = [depth_score(rows.mean(0)) for rows in rising]
    assert some.value == pytest.approx(np.polyfit([1, 2, 3, 4], scores, 1)[0])
    assert some.low > 0.5


def test_erasure_profile_finds_the_turn() -> None:
    found = erasure_profile(doubles(-0.3, 0.2, -0.01, -0.2, 0.3, 0.4), width=400)
    assert found.roles == ("erase", "reinforce", "neutral", "erase", "reinforce", "reinforce")
    assert (found.turn, found.misfits) == (4, 1)
    assert erasure_profile(doubles(0.2, 0.3), 400).turn == 0
    never = erasure_profile(doubles(-0.2, 0.0), 400)
    assert (never.turn, never.misfits) == (2, 0)


def test_half_ratio_of_the_reference_measurements() -> None:
    trained = doubles(7.4, 0.73, 0.36, 0.18, 0.15, 0.14)
    untrained = doubles(0.41, 0.38, 0.36, 0.35, 0.33, 0.31)
    assert half_ratio(trained) == pytest.approx(0.29, abs=0.005)
    assert half_ratio(untrained) == pytest.approx(0.87, abs=0.03)
    # Five layers: the middle one belongs to the first half.
    assert half_ratio(doubles(9, 1, 3, 4, 8)) == pytest.approx(6 / 2)


def test_half_ratio_with_interval_from_streamed_sums() -> None:
    rows = normal(40, 6).abs() + doubles(7, 4, 4, 2, 2, 2)
    found = window_ratio(window_gram(rows, torch.ones(40)), *half_weights(6))
    assert found.value == pytest.approx(half_ratio(rows.mean(0)))
    assert found.low < found.value < found.high
    assert found.high - found.low < 0.15


def test_convergence_depth() -> None:
    assert convergence_depth(doubles(6.5, 0.77, 0.38, 0.15, 0.07, 0.02, 0)) == pytest.approx(2 / 6)
    # A divergence that rises again has not converged before.
    assert convergence_depth(doubles(9, 1, 0.4, 0.6, 0.1)) == 1
    assert convergence_depth(doubles(9, 1, 1, 1, 1)) == 1
    assert convergence_depth(doubles(9, 0, 0, 0)) == 0


def test_bad_input() -> None:
    with pytest.raises(InputError, match="must not be negative"):
        depth_score(doubles(1, -1))
    with pytest.raises(InputError, match="one must be positive"):
        depth_score(doubles(0, 0))
    with pytest.raises(InputError, match=r"two different levels.*got \[2, 2\]"):
        depth_trend([2, 2], [torch.ones(3, 4)] * 2)
    with pytest.raises(InputError, match="3 layers are needed, got 2"):
        half_weights(2)
    with pytest.raises(InputError, match="at least 3 streams are needed, got 2"):
        convergence_depth(doubles(1, 0))
