from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.cka import linear_cka, unbiased_cka
from geomem.geometry.stimuli import (
    GAP,
    SIMILARITIES,
    half_samples,
    needed_stimuli,
    noise_level,
    same_minus_neighbour,
    shuffled_level,
    similarity,
    similarity_band,
    sizing,
    with_interval,
)
from tests.geometry.samples import normal

SIZES = ((500, 64), (200, 32), (100, 16), (50, 8))


@cache
def digit_layers(seed: int) -> tuple[Tensor, ...]:
    """The three hidden layers of a trained 64-64-64 network on 500 digits that it has not seen."""
    images, labels = load_digits(return_X_y=True)
    inputs, targets = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = torch.nn.Sequential(*(
            part for width in (64, 64, 64) for part in (torch.nn.Linear(64, width), torch.nn.ReLU())
        ), torch.nn.Linear(64, 10))  # fmt: skip
        optimiser = torch.optim.Adam(net.parameters(), lr=2e-3)
        for _ in range(60):
            for rows in torch.randperm(1000).split(200):
                optimiser.zero_grad()
                torch.nn.functional.cross_entropy(net(inputs[rows]), targets[rows]).backward()
                optimiser.step()
    with torch.no_grad():
        assert float((net(inputs[1000:1500]).argmax(1) == targets[1000:1500]).float().mean()) > 0.9
        return tuple(net[: 2 * depth](inputs[1000:1500]) for depth in (1, 2, 3))


def sampled_noise(name: str, stimuli: int, units: int) -> float:
    """Mean score of each layer against pure noise, from random stimuli and units (card, section 4)."""
    found = []
    for seed in range(6):
        generator = torch.Generator().manual_seed(seed)
        rows = torch.randperm(500, generator=generator)[:stimuli]
        columns = torch.randperm(64, generator=generator)[:units]
        for layer in digit_layers(0):
            noise = torch.randn(stimuli, units, generator=generator)
            found.append(float(SIMILARITIES[name](layer[rows][:, columns], noise)))
    return float(np.mean(found))


def test_null_levels_of_the_card() -> None:
    biased = [sampled_noise("cka", *size) for size in SIZES]
    assert biased == sorted(biased)
    assert biased == pytest.approx([0.03, 0.06, 0.09, 0.12], abs=0.04)
    for size in SIZES:
        assert abs(sampled_noise("cka-unbiased", *size)) <= 0.03
        assert abs(sampled_noise("rsa", *size)) <= 0.03
        assert sampled_noise("svcca", *size) >= 0.15


def test_two_trained_networks_are_alike_layer_by_layer() -> None:
    pairs = list(zip(digit_layers(0), digit_layers(1), strict=True))
    for name, least in (("cka", 0.9), ("cka-unbiased", 0.9), ("rsa", 0.85), ("svcca", 0.6)):
        assert min(float(SIMILARITIES[name](x, y)) for x, y in pairs) > least


@pytest.mark.parametrize("name", SIMILARITIES)
def test_every_similarity_is_one_for_equal_and_low_for_shuffled(name: str) -> None:
    x = normal(60, 8)
    x = x * torch.tensor([4.0, 3, 2, 1, 1, 1, 1, 1])
    assert float(similarity(name)(x, x)) == pytest.approx(1)
    found = shuffled_level(similarity(name), x, x, draws=10)
    assert found.low <= found.mean <= found.high < 0.7
    if name in ("cka-unbiased", "rsa"):
        assert found.low < 0 < found.high


def test_noise_level_is_reproducible_and_falls_with_stimuli() -> None:
    few, many = (noise_level(linear_cka, count, 16, draws=5) for count in (30, 300))
    assert few.mean > 0.25
    assert many.mean < 0.1
    assert noise_level(linear_cka, 30, 16, draws=5) == few
    assert noise_level(linear_cka, 30, 16, 64, draws=5) != few


def mixed(count: int, seed: int) -> tuple[Tensor, Tensor]:
    x, y = normal(count, 6, seed=seed), normal(count, 6, seed=seed + 1)
    return x, x @ normal(6, 6, seed=99) + 2 * y


def test_half_samples_give_intervals_that_hold_the_truth() -> None:
    truth = float(unbiased_cka(*mixed(20000, seed=5)))
    found = [with_interval(unbiased_cka, *mixed(80, seed=100 + 2 * run), resamples=60, seed=run) for run in range(60)]
    assert sum(one.low <= truth <= one.high for one in found) >= 53  # 57 expected
    spread = 3.92 * float(np.std([one.value for one in found]))
    assert 0.8 < float(np.mean([one.high - one.low for one in found])) / spread < 1.5


def test_stimuli_of_one_window_vary_together() -> None:
    windows = torch.arange(120) // 6
    x, y = (side[windows] + 0.1 * normal(120, 6, seed=s) for s, side in enumerate(mixed(20, seed=8)))
    apart, together = (with_interval(unbiased_cka, x, y, numbers, resamples=100) for numbers in (None, windows))
    assert apart.value == together.value
    assert together.high - together.low > 1.5 * (apart.high - apart.low)
    halves = list(half_samples(120, 5, 0, windows + 7))
    assert all(len(rows) == 60 and len(windows[rows].unique()) == 10 for rows in halves)
    assert len({tuple(rows.tolist()) for rows in halves}) == 5


def layers_of_two_systems(count: int, difference: float) -> tuple[list[Tensor], list[Tensor]]:
    """Four layers, each the one before plus something new of size `difference`; the second system is a noisy copy."""
    layers = [normal(count, 10)]
    for seed in range(1, 4):
        layers.append(layers[-1] + difference * normal(count, 10, seed=seed))
    return layers, [layer + 0.3 * normal(count, 10, seed=20 + place) for place, layer in enumerate(layers)]


def test_needed_stimuli_finds_the_smallest_size_that_is_enough() -> None:
    first, second = layers_of_two_systems(800, 0.3)
    answer, tried = needed_stimuli(first, second, unbiased_cka)
    assert [one.stimuli for one in tried] == [16, 32, 64, 128, 256]
    assert answer in (64, 128)
    for one in tried:
        assert one.enough == (one.stimuli >= answer)
        assert one.gap is not None
        assert one.null.low <= one.null.mean <= one.null.high
    assert tried[-1].identified == 1
    widths = [one.same.high - one.same.low for one in tried]
    assert widths[0] > 2 * widths[-1]


def test_layers_too_alike_are_never_enough_though_related() -> None:
    first, second = layers_of_two_systems(400, 0.1)
    answer, tried = needed_stimuli(first, second, unbiased_cka, sizes=(50, 200))
    assert answer is None
    assert tried[-1].related
    assert tried[-1].gap is not None
    assert tried[-1].gap.high < GAP


def test_one_layer_needs_only_to_stand_out_from_chance() -> None:
    x, y = mixed(200, seed=3)
    answer, tried = needed_stimuli([x], [y], unbiased_cka, sizes=(10, 20, 40, 100))
    assert answer is not None
    assert tried[-1].gap is None
    assert needed_stimuli([x], [normal(200, 5, seed=77)], unbiased_cka, sizes=(50, 100))[0] is None


def test_fewer_units_find_less() -> None:
    first, second = layers_of_two_systems(300, 1.0)
    few, all_units = (sizing(first, second, unbiased_cka, stimuli=100, units=units) for units in (3, None))
    assert few.same.mean < all_units.same.mean - 0.1  # other units on either side
    assert (few.units, all_units.units) == (3, None)
    plenty = sizing(first, second, unbiased_cka, stimuli=100, units=99)
    assert replace(plenty, units=None) == all_units


def test_band_and_gaps() -> None:
    first, second = layers_of_two_systems(60, 1.0)
    band = similarity_band(first, second, linear_cka)
    assert float(band[1, 2]) == pytest.approx(float(linear_cka(first[1], second[2])))
    assert bool(band[0, 2:].isnan().all())
    scores = torch.tensor([[0.9, 0.5, 0.95], [0.6, 0.8, 0.7], [0.1, 0.9, 0.85]])
    assert same_minus_neighbour(scores).tolist() == pytest.approx([0.4, 0.1, -0.05])
    assert same_minus_neighbour(torch.ones(1, 1)).tolist() == [float("inf")]


def test_bad_input() -> None:
    first, second = layers_of_two_systems(60, 1.0)
    with pytest.raises(InputError, match="unknown similarity 'ckaa'; did you mean 'cka'"):
        similarity("ckaa")
    with pytest.raises(InputError, match="at most half the 60 given ones can be drawn, got 31"):
        sizing(first, second, linear_cka, stimuli=31)
    with pytest.raises(InputError, match="both systems need the same layers, got 3 and 4"):
        sizing(first[:3], second, linear_cka, stimuli=20)
    with pytest.raises(InputError, match="same stimuli, got 59, 60 rows"):
        sizing(first, [*second[:3], second[3][:59]], linear_cka, stimuli=20)
    with pytest.raises(InputError, match="needs at least 32"):
        needed_stimuli([normal(31, 2)], [normal(31, 2)], linear_cka)
