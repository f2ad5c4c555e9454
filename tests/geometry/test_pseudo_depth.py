from __future__ import annotations

import pytest
import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.cka import unbiased_cka
from geomem.geometry.pseudo_depth import identify_layer, refined_depth
from tests.geometry.samples import normal


def residual_layers(count: int, step: float, depth: int = 5, seed: int = 0) -> list[Tensor]:
    layers = [normal(count, 12, seed=seed)]
    for place in range(1, depth):
        layers.append(layers[-1] + step * normal(count, 12, seed=seed + place))
    return layers


def test_a_layer_that_stands_out_is_named_alone() -> None:
    layers = residual_layers(300, 1.0)
    found = identify_layer(layers[2] + 0.3 * normal(300, 12, seed=30), layers, unbiased_cka, resamples=60)
    assert (found.best, found.confidence, found.trusted) == (2, (2,), True)
    assert found.depth == pytest.approx(2, abs=0.5)
    assert bool((found.low < found.scores).all())
    assert bool((found.scores < found.high).all())
    assert float(found.scores[2]) == pytest.approx(
        float(unbiased_cka(layers[2] + 0.3 * normal(300, 12, seed=30), layers[2]))
    )
    assert identify_layer(layers[2], layers, unbiased_cka, resamples=60).gap > 0.05


def test_layers_that_are_nearly_identical_are_all_kept() -> None:
    layers = residual_layers(60, 0.05)
    found = identify_layer(layers[2] + 2 * normal(60, 12, seed=30), layers, unbiased_cka, resamples=60)
    assert len(found.confidence) >= 2
    assert found.best in found.confidence
    assert not found.trusted
    assert found.gap < 0.05


def test_equal_layers_can_never_be_told_apart() -> None:
    x = normal(80, 6)
    found = identify_layer(normal(80, 6, seed=1) + x, [x, x, x], unbiased_cka, resamples=40)
    assert found.confidence == (0, 1, 2)
    assert found.gap == 0


def test_the_set_holds_the_true_layer_as_often_as_it_says() -> None:
    held = 0
    sizes: list[int] = []
    for run in range(40):
        layers = residual_layers(60, 0.35, seed=1000 + 20 * run)
        target = layers[2] + 0.8 * normal(60, 12, seed=1010 + 20 * run)
        found = identify_layer(target, layers, unbiased_cka, resamples=30, seed=run)
        held += 2 in found.confidence
        sizes.append(len(found.confidence))
    assert held >= 35  # 38 expected
    assert 1 < sum(sizes) / len(sizes) < 4.5  # and it does rule layers out


def test_refined_depth() -> None:
    assert refined_depth(torch.tensor([0.0, 0.75, 1.0, 0.75])) == 2
    parabola = 1 - (torch.arange(6) - 2.3).square() / 40
    assert refined_depth(parabola) == pytest.approx(2.3, abs=1e-5)
    assert refined_depth(torch.tensor([3.0, 2.0, 1.0])) == 0
    assert refined_depth(torch.tensor([1.0, 2.0, 3.0])) == 2
    assert refined_depth(torch.ones(4)) == 0


def test_one_layer_and_none() -> None:
    found = identify_layer(normal(40, 3), [normal(40, 3)], unbiased_cka, resamples=10)
    assert (found.best, found.confidence, found.gap, found.trusted) == (0, (0,), float("inf"), True)
    with pytest.raises(InputError, match="none to compare with"):
        identify_layer(normal(40, 3), [], unbiased_cka)
