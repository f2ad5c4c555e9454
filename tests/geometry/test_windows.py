from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from geomem.errors import InputError
from geomem.geometry.distance import spearman
from geomem.geometry.windows import (
    LayerMeans,
    bootstrap_interval,
    bootstrap_means,
    percentile_interval,
    profile_interval,
    t95,
    window_covariance,
    window_gram,
    window_means,
    window_ratio,
)
from tests.geometry.samples import normal


def ragged(seed: int = 0, windows: int = 7, layers: int = 4) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Values (l, b, t), a mask that keeps a different number in each window (none in one), and totals (b, l)."""
    values = normal(layers, windows, 9, seed=seed) + 3 * normal(1, windows, 1, seed=seed + 1) + 5
    keep = normal(windows, 9, seed=seed + 2) > -0.5
    keep[2] = False
    return values, keep, values.masked_fill(~keep, 0).sum(2).T


def test_means_and_covariance_against_loops() -> None:
    values, keep, totals = ragged()
    gram = window_gram(totals, keep.sum(1))
    used = [w for w in range(7) if bool(keep[w].any())]
    count = sum(int(keep[w].sum()) for w in used)
    mean = np.array([float(values[layer][keep].mean()) for layer in range(4)])
    residuals = np.array([[float((values[layer, w][keep[w]] - mean[layer]).sum()) for layer in range(4)] for w in used])
    covariance = len(used) / (len(used) - 1) * residuals.T @ residuals / count**2
    assert np.allclose(window_covariance(gram), covariance)
    found = window_means(gram)
    half = stats.t.ppf(0.975, len(used) - 1) * np.sqrt(np.diag(covariance))
    assert np.allclose(found.value, mean)
    assert np.allclose(found.low, mean - half)
    assert found.at(1).high == pytest.approx(mean[1] + half[1])


def test_equal_windows_give_the_textbook_interval_of_window_means() -> None:
    rows = normal(12, 1, seed=3)
    found = window_means(window_gram(8 * rows, torch.full((12,), 8)))
    low, high = stats.t.interval(0.95, 11, loc=rows.mean(), scale=rows.std() / 12**0.5)
    assert (float(found.low), float(found.high)) == pytest.approx((low, high))


def test_interval_covers_although_tokens_of_a_window_are_dependent() -> None:
    # 600 experiments at once, as layers: 8 windows of 50 tokens that share most of their noise; the true mean is 1.
    shared, own = normal(8, 600, 1, seed=5), normal(8, 600, 50, seed=6)
    values = 1 + shared + 0.5 * own
    found = window_means(window_gram(values.sum(2), torch.full((8,), 50)))
    covered = ((found.low <= 1) & (found.high >= 1)).double().mean()
    assert 0.93 < float(covered) < 0.97
    naive = 1.96 * values.movedim(1, 0).reshape(600, -1).std(1) / 400**0.5
    assert float(((found.value - 1).abs() <= naive).double().mean()) < 0.5


def test_ratio_of_dependent_means_against_the_jackknife() -> None:
    rows = torch.stack([10 + normal(60, seed=1), 20 + normal(60, seed=2)], 1)
    rows[:, 1] += 2 * (rows[:, 0] - 10)
    gram = window_gram(rows, torch.ones(60))
    found = window_ratio(gram, torch.tensor([1.0, 0], dtype=torch.float64), torch.tensor([0, 1.0], dtype=torch.float64))
    assert found.value == pytest.approx(float(rows[:, 0].mean() / rows[:, 1].mean()))
    left_out = [float(np.divide(*np.delete(rows.numpy(), w, 0).mean(0))) for w in range(60)]
    error = np.sqrt(59 / 60 * np.square(np.array(left_out) - np.mean(left_out)).sum())
    assert (found.high - found.value) / t95(60) == pytest.approx(error, rel=0.02)


def test_profile_interval_agrees_with_the_exact_one_and_serves_any_statistic() -> None:
    rows = normal(40, 5, seed=4) + torch.tensor([5.0, 4, 3, 2, 1])
    gram = window_gram(rows, torch.ones(40))
    exact = window_means(gram).at(1)
    found = profile_interval(gram, lambda profile: float(profile[1]), draws=4000)
    assert found.value == pytest.approx(exact.value)
    assert found.low == pytest.approx(exact.low, abs=0.03)
    assert found.high == pytest.approx(exact.high, abs=0.03)
    falling = profile_interval(gram, lambda profile: spearman(torch.arange(5.0), profile))
    assert falling.value == -1
    assert falling.high <= -0.9


def test_bootstrap_interval_of_a_mean_and_its_streams() -> None:
    rows = normal(80, 1, seed=7)
    found = bootstrap_interval(rows, lambda mean: float(mean[0]))
    half = 1.96 * float(rows.std(correction=0)) / 80**0.5
    assert found.value == pytest.approx(float(rows.mean()))
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.1)
    one, same, other = (bootstrap_means(rows, name=name) for name in ("a", "a", "b"))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_one_window_has_a_value_and_no_interval() -> None:
    gram = window_gram(torch.tensor([[4.0, 8.0]]), torch.tensor([2]))
    weights = torch.tensor([[1.0, 0], [0, 1]], dtype=torch.float64)
    assert window_means(gram).value.tolist() == [2, 4]
    for found in [
        window_means(gram).at(0),
        window_ratio(gram, weights[1], weights[0]),
        profile_interval(gram, lambda profile: float(profile[1])),
        percentile_interval(2.0, torch.ones(3, dtype=torch.float64), 1),
    ]:
        assert found.value in (2, 4)
        assert np.isnan([found.low, found.high]).all()


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_scaling_scales_and_doubling_the_tokens_of_every_window_changes_nothing(seed: int, factor: float) -> None:
    _, keep, totals = ragged(seed)
    one = window_means(window_gram(totals, keep.sum(1)))
    scaled = window_means(window_gram(factor * totals, keep.sum(1)))
    doubled = window_means(window_gram(2 * totals, 2 * keep.sum(1)))
    assert torch.allclose(scaled.high, factor * one.high)
    assert torch.allclose(doubled.low, one.low)


def test_streaming_layer_means_merge_and_leave_out_what_never_came() -> None:
    values, keep, totals = ragged()
    whole, parts = LayerMeans(("a", "b"), 4), [LayerMeans(("a", "b"), 4) for _ in range(2)]
    whole.update({"a": values}, keep)
    for window in range(7):
        parts[window % 2].update({"a": values[:, window : window + 1]}, keep[window : window + 1])
        parts[window % 2].compute()
    parts[0].merge_state(parts[1])
    for metric in (whole, parts[0]):
        found = metric.compute()
        assert set(found) == {"a"} == set(metric.maxima())
        assert torch.allclose(found["a"].value, values[:, keep].mean(1))
        assert torch.allclose(found["a"].low, window_means(window_gram(totals, keep.sum(1))).low)
        assert torch.equal(metric.maxima()["a"], values[:, keep].amax(1))
        assert torch.allclose(metric.gram_of("a"), whole.gram_of("a"))


def test_left_out_tokens_may_hold_anything() -> None:
    values, keep, _ = ragged()
    metric = LayerMeans(("a",), 4)
    metric.update({"a": values.masked_fill(~keep, torch.nan)}, keep)
    assert torch.allclose(metric.compute()["a"].value, values[:, keep].mean(1))


def test_one_layer_keeps_its_axis() -> None:
    metric = LayerMeans(("a",), 1)
    metric.update({"a": torch.ones(1, 1, 1)})
    assert metric.compute()["a"].value.shape == (1,)


def test_wrong_shape() -> None:
    with pytest.raises(InputError, match=r"a: expected 4 layers of \(2, 3\) tokens, got \(3, 2, 3\)"):
        LayerMeans(("a",), 4).update({"a": torch.ones(3, 2, 3)})
