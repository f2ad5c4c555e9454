from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from geomem.geometry.moments import Directions, Moments
from geomem.geometry.spectral_error import (
    Population,
    anisotropy_interval,
    half_widths,
    mean_errors,
    spectral_intervals,
)
from geomem.geometry.spectrum import FUNCTIONALS, Decomposition, anisotropy, covariance_eigenvalues, decompose
from geomem.geometry.windows import Estimate
from tests.geometry.clouds import power_law, windowed_cloud
from tests.geometry.samples import normal

POPULATION = power_law(16, 1.0)


def window_ids(windows: int, tokens: int) -> Tensor:
    return torch.arange(windows).repeat_interleave(tokens)


def decomposed(x: Tensor) -> Decomposition:
    moments = Moments(x.shape[1])
    moments.update(x)
    return decompose(moments)


def mean_direction(x: Tensor) -> Tensor:
    directions = Directions(x.shape[1])
    directions.update(x)
    return directions.mean_direction()


def half(interval: Estimate) -> float:
    return (interval.high - interval.low) / 2


def jackknife_error(values: list[float]) -> float:
    """Standard error from leave-one-window-out values."""
    return math.sqrt((len(values) - 1) * float(np.var(values)))


def test_errors_equal_the_jackknife_over_windows() -> None:
    x, ids = windowed_cloud(POPULATION, 60, 40, shared=0.3), window_ids(60, 40)
    found = spectral_intervals(FUNCTIONALS, decomposed(x), x, ids)
    left_out = [covariance_eigenvalues(x[ids != window]) for window in range(60)]
    student = 2.0009953780882688  # 97.5 % point with 59 degrees of freedom
    for name, function in FUNCTIONALS.items():
        expected = jackknife_error([float(function(values)) for values in left_out])
        assert half(found[name]) / student == pytest.approx(expected, rel=0.06), name
        assert found[name].value == pytest.approx(float(function(covariance_eigenvalues(x)))), name


def test_intervals_cover_the_truth() -> None:
    trials = 120
    covered, tokens_only = dict.fromkeys(FUNCTIONALS, 0), dict.fromkeys(FUNCTIONALS, 0)
    for trial in range(trials):
        x = windowed_cloud(POPULATION, 200, 20, shared=0.3, seed=trial).float()
        found = decomposed(x)
        intervals = spectral_intervals(FUNCTIONALS, found, x, window_ids(200, 20))
        # What counting every token as independent would say.
        naive = spectral_intervals(FUNCTIONALS, found, x, torch.arange(4000))
        for name, function in FUNCTIONALS.items():
            truth = float(function(POPULATION))
            covered[name] += intervals[name].low <= truth <= intervals[name].high
            tokens_only[name] += naive[name].low <= truth <= naive[name].high
    for name in FUNCTIONALS:
        assert 0.88 <= covered[name] / trials <= 1, (name, covered[name] / trials)
        assert tokens_only[name] / trials < covered[name] / trials - 0.08, (name, tokens_only[name] / trials)


@pytest.mark.parametrize(("windows", "tokens"), [(40, 64), (160, 16), (160, 6)])
def test_a_sample_tells_the_error_of_the_whole_pass(windows: int, tokens: int) -> None:
    x, ids = windowed_cloud(POPULATION, 160, 64, shared=0.4), window_ids(160, 64)
    found = decomposed(x)
    whole = spectral_intervals(FUNCTIONALS, found, x, ids)
    part = x.reshape(160, 64, 16)[:windows, :tokens].reshape(-1, 16)
    sampled = spectral_intervals(
        FUNCTIONALS, found, part, window_ids(windows, tokens), Population(windows=160, tokens=160 * 64)
    )
    for name in FUNCTIONALS:
        assert half(sampled[name]) == pytest.approx(half(whole[name]), rel=0.3), name
        assert sampled[name].value == whole[name].value


def test_the_whole_population_as_sample_is_the_variance_of_window_means() -> None:
    values = normal(120, 3).reshape(30, 4, 3) + 2 * normal(30, 1, 3, seed=1)
    errors, groups = mean_errors(values.reshape(-1, 3), window_ids(30, 4))
    assert groups == 30
    assert torch.allclose(errors, values.mean(1).std(0) / math.sqrt(30), rtol=1e-12)


def test_alternating_windows_err_less_than_independent_tokens() -> None:
    # Every window holds one token of each kind, so windows agree better than chance.
    values = torch.tensor([1.0, -1.0] * 50, dtype=torch.float64)[:, None] + 0.01 * normal(100, 1)
    together, _ = mean_errors(values, window_ids(50, 2))
    apart, _ = mean_errors(values, torch.arange(100))
    assert float(together) < 0.02 * float(apart)


def test_independent_tokens_need_no_windows() -> None:
    values, ids = normal(3000, 1), window_ids(300, 10)
    expected = float(values.std()) / math.sqrt(3000)
    assert float(mean_errors(values, ids)[0]) == pytest.approx(expected, rel=0.15)
    # A few tokens of each window, of many more in the whole pass: bounded below by independence.
    thin = float(mean_errors(values, ids, Population(300, 300 * 1000))[0])
    assert thin >= 0.999 * float(values.std()) / math.sqrt(300_000)
    assert thin < 2.5 * expected


def test_one_token_a_window_counts_as_between() -> None:
    values = normal(500, 1)
    errors, _ = mean_errors(values, torch.arange(500), Population(500, 50_000))
    assert float(errors) == pytest.approx(float(values.std()) / math.sqrt(500), rel=1e-9)


def test_window_numbers_are_only_names() -> None:
    values, ids = normal(60, 2), window_ids(12, 5)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(0))
    expected = half_widths(values, ids)
    assert torch.allclose(half_widths(values[order], 1000 - 7 * ids[order]), expected, rtol=1e-12)


def test_anisotropy_interval_equals_the_jackknife() -> None:
    x, ids = windowed_cloud(POPULATION, 50, 30, shared=0.3) + 0.3, window_ids(50, 30)
    found = anisotropy_interval(float(anisotropy(x)), mean_direction(x), x, ids)
    expected = jackknife_error([float(anisotropy(x[ids != window])) for window in range(50)])
    assert half(found) / 2.0095752371292397 == pytest.approx(expected, rel=0.03)
    assert (found.low + found.high) / 2 == pytest.approx(found.value)


def test_a_function_without_a_value_leaves_the_others_alone() -> None:
    x, ids = windowed_cloud(POPULATION[:6], 20, 10, shared=0.3), window_ids(20, 10)
    found = spectral_intervals(FUNCTIONALS, decomposed(x), x, ids)
    assert math.isnan(found["alpha"].value)
    assert math.isnan(found["alpha"].low)
    assert all(found[name].low < found[name].high for name in FUNCTIONALS if name != "alpha")


def test_rank_deficient_and_equal_tokens() -> None:
    flat = windowed_cloud(POPULATION, 20, 10, shared=0.3) * (torch.arange(16) < 5)
    found = spectral_intervals(FUNCTIONALS, decomposed(flat), flat, window_ids(20, 10))
    assert found["rankme"].low < found["rankme"].high
    same = torch.ones(200, 16, dtype=torch.float64)
    nothing = spectral_intervals(FUNCTIONALS, decomposed(same), same, window_ids(20, 10))
    assert all(math.isnan(interval.low) for interval in nothing.values())


def test_one_window_has_no_interval() -> None:
    x = normal(30, 16)
    found = spectral_intervals(FUNCTIONALS, decomposed(x), x, torch.zeros(30, dtype=torch.int64))
    assert math.isnan(found["rankme"].low)
    assert found["rankme"].value > 1


def test_a_constant_function_has_no_error() -> None:
    x = normal(30, 4)
    found = spectral_intervals({"one": lambda values: values.new_ones(())}, decomposed(x), x, window_ids(10, 3))
    assert found["one"] == Estimate(1, 1, 1)
