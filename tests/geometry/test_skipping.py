from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from geomem.errors import InputError
from geomem.geometry.skipping import (
    contiguous_set,
    damage_correlation,
    plan_skips,
    random_sets,
    retention,
    similarity_by_window,
)
from tests.geometry.samples import normal


def test_plan_of_the_card_network() -> None:
    # Six layers with the reference similarities: layers 3, 4, 5 pass; 5 is best, 4 is its neighbour, 3 is left.
    plan = plan_skips(torch.tensor([0.33, 0.90, 0.95, 0.985, 0.988, 0.990]).double(), 2)
    assert plan.candidates == (3, 4, 5)
    assert plan.layers == (3, 5)
    assert plan.flops_saved == pytest.approx(2 / 6)


def test_threshold_is_strict_ties_go_to_the_earlier_and_fewer_may_be_found() -> None:
    flat = torch.full((5,), 0.97, dtype=torch.float64)
    assert plan_skips(flat, 2).layers == (0, 2)
    assert plan_skips(flat, 5).layers == (0, 2, 4)
    assert plan_skips(flat, 2, threshold=0.97).layers == ()
    assert plan_skips(flat, 2, threshold=0.97).flops_saved == 0


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(0.9, 1), min_size=1, max_size=12), st.data())
def test_plans_have_no_neighbours_and_are_greedy(similarity: list[float], data: st.DataObject) -> None:
    count = data.draw(st.integers(1, len(similarity)))
    plan = plan_skips(torch.tensor(similarity, dtype=torch.float64), count)
    assert all(b - a > 1 for a, b in itertools.pairwise(plan.layers))
    assert set(plan.layers) <= set(plan.candidates) == {i for i, value in enumerate(similarity) if value > 0.95}
    assert len(plan.layers) <= count
    for other in set(plan.candidates) - set(plan.layers):
        # Left out only because the plan is full of better ones, or beside a better one.
        better = [layer for layer in plan.layers if similarity[layer] >= similarity[other]]
        assert len(better) == count or any(abs(other - layer) == 1 for layer in better)


def test_contiguous_control_against_all_runs() -> None:
    values = normal(9).numpy()
    for count in range(1, 10):
        found = contiguous_set(torch.from_numpy(values), count)
        best = max(range(10 - count), key=lambda start: values[start : start + count].sum())
        assert found == tuple(range(best, best + count))


def test_random_sets_are_uniform_over_choices_without_neighbours() -> None:
    layers = [0, 1, 2, 4, 5, 7]
    allowed = [
        chosen for chosen in itertools.combinations(layers, 3) if all(b - a > 1 for a, b in itertools.pairwise(chosen))
    ]
    drawn = Counter(random_sets(layers, 3, 2000))
    assert set(drawn) == set(allowed)
    assert stats.chisquare([drawn[chosen] for chosen in allowed]).pvalue > 0.01
    assert random_sets(layers, 3, 5, seed=1) == random_sets(layers, 3, 5, seed=1) != random_sets(layers, 3, 5)


def test_retention_is_paired() -> None:
    full = 10 + 5 * normal(30)
    found = retention(0.9 * full, full)
    assert found.value == pytest.approx(0.9)
    # Every window loses the same share: no uncertainty is left, however much the windows differ.
    assert found.high - found.low == pytest.approx(0, abs=1e-6)
    noisy = retention(0.9 * full + normal(30, seed=1), full)
    assert noisy.high - noisy.low == pytest.approx(2 * 2.045 / 30**0.5 / 10, rel=0.3)


def test_similarity_by_window_leaves_out_masked_tokens() -> None:
    cosines, keep = normal(3, 4, 6), normal(4, 6, seed=1) > -0.5
    found = similarity_by_window(cosines, keep)
    for b, layer in itertools.product(range(4), range(3)):
        assert float(found[b, layer]) == pytest.approx(float(cosines[layer, b][keep[b]].mean()))
    assert torch.allclose(similarity_by_window(cosines), cosines.mean(2).T)


def test_damage_correlation_against_scipy() -> None:
    similarity = 0.9 + 0.01 * torch.arange(8) + 0.001 * normal(25, 8)
    damage = torch.linspace(2, 0, 8).double() ** 2 + 0.01 * normal(40, 8, seed=1)
    damage[:, 3] += 3
    found = damage_correlation(similarity, damage)
    expected = stats.spearmanr(similarity.mean(0), -damage.mean(0)).statistic
    assert found.rho.value == pytest.approx(expected)
    assert found.rho.low <= found.rho.value <= found.rho.high
    # With 8 layers the one-sided 5 % point of rho under independence is 0.643 (tables).
    assert found.chance_high == pytest.approx(0.643, abs=0.05)


def test_bad_input() -> None:
    with pytest.raises(InputError, match=r"must be 1\.\.4, got 5"):
        plan_skips(normal(4), 5)
    with pytest.raises(InputError, match=r"must be 1\.\.4, got 0"):
        contiguous_set(normal(4), 0)
    with pytest.raises(InputError, match=r"no 2 of the layers \[3, 4\] are without neighbours"):
        random_sets([3, 4], 2, 1)
    assert np.isnan(float(similarity_by_window(normal(1, 1, 2), torch.zeros(1, 2, dtype=torch.bool))))
