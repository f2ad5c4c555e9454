from __future__ import annotations

import math

import pytest
import torch

from geomem.geometry.cka import linear_cka, unbiased_cka
from geomem.geometry.stimuli import noise_level
from geomem.studies.representation_comparison.sampling import (
    METRICS,
    find_layers,
    noise_rows,
    score_noise,
    similarities,
    stands_out,
)
from tests.geometry.samples import normal


def layers(count: int = 200, step: float = 1.0, seed: int = 0) -> list[torch.Tensor]:
    """Three layers, each the one before plus something new."""
    found = [normal(count, 10, seed=seed)]
    for place in (1, 2):
        found.append(found[-1] + step * normal(count, 10, seed=seed + place))
    return found


def noisy(found: list[torch.Tensor], seed: int = 50, size: float = 0.2) -> list[torch.Tensor]:
    return [layer + size * normal(*layer.shape, seed=seed + place) for place, layer in enumerate(found)]


def test_every_layer_against_every_layer() -> None:
    first, second = layers(), noisy(layers())[:2]
    scores = similarities(first, second, linear_cka)
    assert scores.shape == (3, 2)
    assert float(scores[2, 1]) == pytest.approx(float(linear_cka(first[2], second[1])))


def test_only_a_layer_that_stands_out_is_named() -> None:
    """It is the neighbours that count; at either end there is one."""
    scores = [[0.9, 0.84, 0.89], [0.8, 0.85, 0.81], [0.1, 0.2, 0.251], [0.2, 0.0, 0.21]]
    assert stands_out(torch.tensor(scores)).tolist() == [True, False, True, True]
    assert stands_out(torch.tensor([[0.3]])).tolist() == [True]


def test_layers_that_differ_are_found_and_equal_ones_are_not_named() -> None:
    first = layers()
    found = find_layers(first, noisy(first), unbiased_cka, (100, 10), 5, 0)
    assert (found.identified, found.right) == (1.0, 1.0)
    assert found.trusted > 0.9
    assert found.same > 0.9 > found.same - found.gap
    alike = find_layers(layers(step=0.01), noisy(layers(step=0.01)), unbiased_cka, (100, 10), 5, 0)
    assert alike.trusted == 0
    assert math.isnan(alike.right)
    assert abs(alike.gap) < 0.02


def test_fewer_stimuli_and_units_find_less_and_the_whole_is_one_sample() -> None:
    first = layers(step=0.5)
    second = noisy(first, size=1.0)
    few, many = (find_layers(first, second, unbiased_cka, size, 20, 0) for size in ((12, 3), (150, 10)))
    assert few.identified < many.identified
    whole = find_layers(first, second, unbiased_cka, (200, 10), 1000, 0)
    scores = similarities(first, second, unbiased_cka)
    assert whole.same == pytest.approx(float(scores.diagonal().mean()))
    assert whole.identified == pytest.approx(float((scores.argmax(1) == torch.arange(3)).double().mean()))
    assert find_layers(first, second, unbiased_cka, (50, 5), 3, 1) == find_layers(
        first, second, unbiased_cka, (50, 5), 3, 1
    )


def test_noise_is_scored_with_the_layers_own_sizes() -> None:
    """Gaussian layers against noise are noise against noise, whose level is known."""
    found = [normal(300, 40, seed=seed) for seed in range(3)]
    expected = noise_level(linear_cka, 60, 20, draws=30).mean
    assert score_noise(found, linear_cka, (60, 20), 10, 0) == pytest.approx(expected, rel=0.05)
    assert abs(score_noise(found, unbiased_cka, (60, 20), 10, 0)) < 0.02
    rows = noise_rows(found, ((60, 20), (30, 10)), 2, 0)
    assert [(row.metric, row.step) for row in rows] == [
        (f"noise/{name}", step) for name in METRICS for step in (60, 30)
    ]  # fmt: skip
