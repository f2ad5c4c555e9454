from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.cka import (
    LinearCKA,
    MinibatchCKA,
    cka_ratio,
    deal_batches,
    gram_cka,
    linear_cka,
    minibatch_cka,
    unbiased_cka,
    unbiased_hsic,
    unbiased_hsics,
)
from tests.geometry.samples import normal, rotation


def related(count: int, first: int = 6, second: int = 9, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two representations that share some of their variance, neither centred."""
    x, y = normal(count, first, seed=seed), normal(count, second, seed=seed + 1)
    y[:, :3] += 2 * x[:, :3]
    return x + 3, y - 1


def hsic_of_quadruples(k: np.ndarray, l: np.ndarray) -> float:  # noqa: E741
    """HSIC_u as it is defined: the mean over ordered quadruples of distinct stimuli (Song et al. 2012, Eq. 4)."""
    total = [
        k[i, j] * l[i, j] + k[i, j] * l[q, r] - 2 * k[i, j] * l[i, q]
        for i, j, q, r in itertools.permutations(range(len(k)), 4)
    ]
    return float(np.mean(total))


def test_biased_cka_against_the_formula_over_centring_matrices() -> None:
    x, y = related(30)
    centre = np.eye(30) - 1 / 30
    k, other = (centre @ side.numpy() @ side.numpy().T @ centre for side in (x, y))
    expected = np.trace(k @ other) / np.sqrt(np.trace(k @ k) * np.trace(other @ other))
    assert float(linear_cka(x, y)) == pytest.approx(expected, rel=1e-12)
    assert float(gram_cka(x @ x.T, y @ y.T)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("count", [5, 7, 40])
def test_feature_and_gram_space_agree(count: int) -> None:
    x, y = related(count, 12, 20)  # fewer stimuli than units, and more
    wide_x, wide_y = (torch.cat([side, torch.zeros(count, 60)], dim=1) for side in (x, y))
    for measure in (linear_cka, unbiased_cka):
        assert float(measure(x, y)) == pytest.approx(float(measure(wide_x, wide_y)), rel=1e-10)


def test_unbiased_hsic_is_the_mean_over_quadruples() -> None:
    x, y = related(7)
    k, other = x @ x.T, y @ y.T
    assert float(unbiased_hsic(k, other)) == pytest.approx(hsic_of_quadruples(k.numpy(), other.numpy()), rel=1e-10)
    skewed, ragged = normal(6, 6), normal(6, 6, seed=1)
    ones, n = np.ones(6), 6
    a, b = (side.numpy() - np.diag(np.diag(side.numpy())) for side in (skewed, ragged))
    terms = np.trace(a @ b) + (ones @ a @ ones) * (ones @ b @ ones) / ((n - 1) * (n - 2))
    expected = (terms - 2 / (n - 2) * ones @ a @ b @ ones) / (n * (n - 3))
    assert float(unbiased_hsic(skewed, ragged)) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("count", [4, 8, 60])
def test_unbiased_hsic_from_features_and_from_gram_matrices(count: int) -> None:
    x, y = related(count)
    k, other = x @ x.T, y @ y.T
    expected = torch.stack([unbiased_hsic(k, other), unbiased_hsic(k, k), unbiased_hsic(other, other)])
    assert torch.allclose(unbiased_hsics(x, y), expected, rtol=1e-8)
    assert float(unbiased_cka(x, y)) == pytest.approx(float(expected[0] / (expected[1] * expected[2]).sqrt()))


@settings(max_examples=25, deadline=None)
@given(st.integers(5, 40), st.integers(1, 8), st.integers(1, 8), st.integers(0, 1000), st.floats(1e-6, 1e6))
def test_invariances(count: int, first: int, second: int, seed: int, scale: float) -> None:
    x, y = normal(count, first, seed=seed), normal(count, second, seed=seed + 1)
    y[:, 0] += x[:, 0]
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    dead = torch.cat([y, torch.full((count, 2), 0.1, dtype=torch.float64)], dim=1)
    for measure, low in ((linear_cka, 0.0), (unbiased_cka, -1.0)):
        value = float(measure(x, y))
        assert low - 1e-9 <= value <= 1 + 1e-9
        for other in (scale * y @ rotation(second, seed) + 7 * scale, dead):
            assert float(measure(x, other)) == pytest.approx(value, abs=1e-7)
        assert float(measure(x[order], y[order])) == pytest.approx(value, abs=1e-9)
        assert float(measure(y, x)) == pytest.approx(value, abs=1e-12)
        assert float(measure(x, -scale * x)) == pytest.approx(1, abs=1e-9)


def test_noise_raises_the_biased_estimate_only() -> None:
    biased, unbiased = [], []
    for count in (400, 100, 25):
        pairs = [(normal(count, 32, seed=2 * s), normal(count, 32, seed=2 * s + 1)) for s in range(30)]
        biased.append(np.mean([float(linear_cka(x, y)) for x, y in pairs]))
        unbiased.append(np.mean([float(unbiased_cka(x, y)) for x, y in pairs]))
    assert biased[0] < 0.08
    assert 0.2 < biased[1] < 0.5 < biased[2]
    assert max(abs(value) for value in unbiased) < 0.02


def test_no_nan_without_variance() -> None:
    x = normal(50, 4)
    single = torch.zeros(50, 3, dtype=torch.float64)
    single[7] = 1000.0  # all variance in one row: its own unbiased HSIC is 0
    for dead in (torch.zeros(50, 3), torch.full((50, 3), 0.1), torch.full((50, 3), 1e8)):
        for measure in (linear_cka, unbiased_cka, minibatch_cka):
            assert float(measure(x, dead)) == 0
            assert float(measure(dead, dead)) == 0
    assert float(unbiased_cka(single, single)) == 0
    assert float(linear_cka(single, single)) == pytest.approx(1)
    assert float(gram_cka(torch.ones(5, 5), normal(5, 5))) == 0
    assert float(cka_ratio(torch.tensor([1.0, -1e-9, 2.0]))) == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_streaming_equals_exact_and_merges(dtype: torch.dtype) -> None:
    x, y = (side.to(dtype) * 10 + 40 for side in related(90))
    shards = [LinearCKA(6, 9), LinearCKA(6, 9)]
    for place, rows in enumerate(torch.arange(90).split([1, 40, 30, 19])):
        shards[place % 2].update(x[rows], y[rows])
    shards[0].merge_state(shards[1])
    close = 1e-10 if dtype == torch.float64 else 1e-5
    assert shards[0].rows == 90
    assert float(shards[0].compute()) == pytest.approx(float(linear_cka(x, y)), rel=close)
    assert float(shards[0].unbiased()) == pytest.approx(float(unbiased_cka(x, y)), rel=close)
    first, second, cross = shards[0].covariances()
    moved_x, moved_y = (side.double() - side.double().mean(0) for side in (x, y))
    for found, expected in ((first, moved_x.T @ moved_x), (second, moved_y.T @ moved_y), (cross, moved_x.T @ moved_y)):
        assert torch.allclose(found, expected, rtol=close, atol=close * float(expected.abs().max()))


def test_streaming_without_variance_and_with_bad_rows() -> None:
    stream = LinearCKA(3, 2)
    for count in (1, 7, 0, 300):
        stream.update(torch.full((count, 3), 0.1), normal(count, 2))
    assert float(stream.compute()) == 0
    assert float(stream.unbiased()) == 0
    with pytest.raises(InputError, match="same stimuli, got 4 and 5"):
        stream.update(normal(4, 3), normal(5, 2))
    broken = normal(4, 2)
    broken[1, 1] = torch.nan
    with pytest.raises(InputError, match="second representation: rows hold NaN"):
        stream.update(normal(4, 3), broken)
    few = LinearCKA(3, 2)
    few.update(normal(3, 3), normal(3, 2))
    with pytest.raises(InputError, match="at least 4 stimuli"):
        few.unbiased()


def test_minibatches_sum_before_the_ratio() -> None:
    x, y = related(64)
    parts = deal_batches(64, None, 16, seed=3)
    assert [part.shape for part in parts] == [(4, 16)]
    stream, halves = MinibatchCKA(), MinibatchCKA()
    for number, rows in enumerate(parts[0]):
        (stream if number < 2 else halves).update(x[rows], y[rows])
    stream.merge_state(halves)
    sums = sum(unbiased_hsics(x[rows], y[rows]) for rows in parts[0])
    assert float(stream.compute()) == pytest.approx(float(sums[0] / (sums[1] * sums[2]).sqrt()), rel=1e-12)
    assert float(minibatch_cka(x, y, batch=16, seed=3)) == pytest.approx(float(stream.compute()), rel=1e-12)
    assert float(minibatch_cka(x, y, batch=64)) == pytest.approx(float(unbiased_cka(x, y)), rel=1e-12)


def test_a_small_last_batch_is_counted_not_nan() -> None:
    stream = MinibatchCKA()
    x, y = related(43)
    stream.update(x[:40], y[:40])
    stream.update(x[40:], y[40:])
    assert int(stream.left_out) == 3
    assert float(stream.compute()) == pytest.approx(float(unbiased_cka(x[:40], y[:40])))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 200), st.integers(4, 70), st.integers(0, 5))
def test_the_deal_uses_every_row_once_in_equal_batches(count: int, batch: int, seed: int) -> None:
    parts = deal_batches(count, None, batch, seed)
    dealt = sorted(row for part in parts for row in part.flatten().tolist())
    assert dealt == (list(range(count)) if count >= 4 else [])
    sizes = [part.shape[1] for part in parts]
    assert not sizes or (max(sizes) - min(sizes) <= 1 and min(sizes) >= min(count, batch))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=150), st.integers(4, 9), st.integers(0, 5))
def test_no_minibatch_holds_two_rows_of_a_window(numbers: list[int], batch: int, seed: int) -> None:
    windows = torch.tensor(numbers)
    parts = deal_batches(len(windows), windows, batch, seed)
    dealt = [row for part in parts for row in part.flatten().tolist()]
    assert len(set(dealt)) == len(dealt)
    assert all(len(set(windows[rows].tolist())) == len(rows) for part in parts for rows in part)
    # As many as can be: turns in which at least four windows still have a row.
    left = np.bincount(numbers)
    assert len(dealt) == sum(alive for turn in range(max(left)) if (alive := int((left > turn).sum())) >= 4)


def test_pairs_within_windows_would_raise_the_cka_of_unrelated_models() -> None:
    windows = torch.arange(32).repeat_interleave(32)
    x, y = (normal(32, 8, seed=seed)[windows] + normal(1024, 8, seed=seed + 2) for seed in (0, 1))
    assert float(unbiased_cka(x, y)) > 0.05
    dealt = [
        float(minibatch_cka(a[windows] + b, c[windows] + d, windows))
        for a, b, c, d in (
            (normal(32, 8, seed=s), normal(1024, 8, seed=s + 1), normal(32, 8, seed=s + 2), normal(1024, 8, seed=s + 3))
            for s in range(0, 60, 4)
        )
    ]
    assert abs(float(np.mean(dealt))) < 0.02


def test_bad_input() -> None:
    with pytest.raises(InputError, match="at least 4 rows a batch, got 3"):
        minibatch_cka(normal(20, 2), normal(20, 2), batch=3)
    with pytest.raises(InputError, match="rows of at least 4 windows"):
        minibatch_cka(normal(20, 2), normal(20, 2), torch.arange(20) % 3)
    with pytest.raises(InputError, match="at least 4 stimuli"):
        unbiased_hsic(normal(3, 3), normal(3, 3))
    for measure in (unbiased_cka, minibatch_cka):
        with pytest.raises(InputError, match="at least 4 stimuli"):
            measure(normal(3, 3), normal(3, 3))
    with pytest.raises(InputError, match="at least 2 stimuli"):
        linear_cka(normal(1, 3), normal(1, 3))
