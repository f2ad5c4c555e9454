from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import bootstrap

from geomem.geometry.class_statistic import (
    ClassStatistic,
    Estimate,
    derive,
    exp,
    log_of,
    log_spread,
    log_variation,
    mean_over_classes,
    root,
)
from tests.geometry.samples import normal


def test_error_of_a_mean_is_the_textbook_one() -> None:
    values = normal(200) + 3
    found = mean_over_classes(values)
    assert float(found) == pytest.approx(float(values.mean()))
    assert found.error == pytest.approx(float(values.std()) / math.sqrt(200), rel=0.01)
    low, high = found.estimate().interval or (0, 0)
    assert high - low == pytest.approx(2 * 1.96 * found.error, rel=1e-4)


def test_error_of_a_coefficient_of_variation_against_the_bootstrap() -> None:
    values = normal(300).abs() + 1
    found = log_variation(mean_over_classes(values), mean_over_classes(values.square()))
    assert exp(found.value) == pytest.approx(float(values.std(correction=0) / values.mean()))

    def variation(sample: np.ndarray, axis: int) -> np.ndarray:
        return np.log(sample.std(axis=axis) / sample.mean(axis=axis))

    drawn = bootstrap((values.numpy(),), variation, n_resamples=2000, rng=np.random.default_rng(0))
    assert found.error == pytest.approx(drawn.standard_error, rel=0.1)


def test_spread_and_logarithm() -> None:
    values = normal(50) + 2
    mean, square = mean_over_classes(values), mean_over_classes(values.square())
    assert exp(log_spread(mean, square).value) == pytest.approx(float(values.std(correction=0)))
    assert log_of(square).value == pytest.approx(math.log(square.value))
    assert log_of(square).error == pytest.approx(square.error / square.value)


def test_values_that_move_with_the_global_mean() -> None:
    """||m_c||² has the slope 2 m_c, and the mean of the slopes is 0: moving the centre changes nothing."""
    means = normal(40, 3)
    centred = means - means.mean(0)
    squared = centred.square().sum(1)
    fixed, moving = mean_over_classes(squared), mean_over_classes(squared, centred, 2 * centred)
    torch.testing.assert_close(fixed.influence, moving.influence)
    # A value that is its own coordinate is 0 on average whatever the classes, so no class has any influence.
    first = mean_over_classes(centred[:, 0], centred, torch.tensor([[1.0, 0, 0]], dtype=torch.float64).expand(40, 3))
    assert float(first.influence.abs().max()) < 1e-12


def test_derived_in_inference_mode() -> None:
    with torch.inference_mode():
        part = mean_over_classes(normal(20) + 5)
        ratio = derive(lambda a, b: a / b, part, part)
    assert ratio.value == 1
    assert float(ratio.influence.abs().max()) < 1e-12


def test_estimates_are_mapped_back() -> None:
    part = mean_over_classes(normal(100) + 5)
    plain, ratio = part.estimate(chance=0.5), log_of(part).estimate(back=exp)
    assert plain == Estimate(part.value, part.value - 1.959963984540054 * part.error, plain.high, 0.5)
    assert ratio.value == pytest.approx(plain.value)
    assert ratio.low is not None
    assert ratio.high is not None
    assert 0 < ratio.low < ratio.value < ratio.high
    assert ratio.low * ratio.high == pytest.approx(ratio.value**2)


def test_no_interval_where_there_is_none() -> None:
    two = ClassStatistic(1.0, torch.tensor([1.0, -1.0], dtype=torch.float64))
    assert math.isnan(two.error)
    assert two.estimate() == Estimate(1.0)
    assert two.estimate().interval is None
    zero = log_of(mean_over_classes(torch.zeros(5, dtype=torch.float64))).estimate(back=exp)
    assert zero == Estimate(0.0)


def test_safe_functions() -> None:
    assert exp(1e4) == math.inf
    assert exp(-math.inf) == 0
    assert math.isnan(exp(math.nan))
    assert root(-1e-16) == 0
    assert root(4) == 2
