from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from geomem.errors import InputError
from geomem.geometry.families import family_separation, measure_family_separation


@given(st.integers(0, 10_000))
def test_numbers_equal_a_loop_over_pairs(seed: int) -> None:
    drawn = np.random.default_rng(seed)
    labels = torch.from_numpy(np.concatenate([[0, 0, 1], drawn.integers(0, 3, 6)]))
    table = drawn.normal(size=(9, 4)) + 3.0
    gap, nearest, chance = family_separation(torch.from_numpy(table), labels)
    centred = table - table.mean(0)
    cosine = {
        (i, j): centred[i] @ centred[j] / np.linalg.norm(centred[i]) / np.linalg.norm(centred[j])
        for i in range(9)
        for j in range(9)
        if i != j
    }
    same = [value for (i, j), value in cosine.items() if labels[i] == labels[j]]
    other = [value for (i, j), value in cosine.items() if labels[i] != labels[j]]
    assert gap == pytest.approx(np.mean(same) - np.mean(other), abs=1e-12)
    best = [max((value, j) for (i, j), value in cosine.items() if i == node)[1] for node in range(9)]
    assert nearest == pytest.approx(np.mean([labels[node] == labels[one] for node, one in enumerate(best)]))
    assert chance == pytest.approx(len(same) / 72)


def test_families_around_their_parents_are_apart_and_random_vectors_are_not() -> None:
    labels = torch.arange(105) % 5
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(105, 32, generator=generator)
    centres = torch.randn(5, 32, generator=generator)
    drawn = measure_family_separation(0.3 * noise + centres[labels] + 7.0, labels)
    assert drawn["gap"] > 0.8
    assert drawn["nearest"] == 1.0
    random = measure_family_separation(noise, labels)
    assert abs(random["gap"]) < 0.05
    assert abs(random["nearest"] - random["nearest_chance"]) < 0.15


def test_one_family_or_only_single_members_are_one_line() -> None:
    for families in (torch.zeros(4, dtype=torch.int64), torch.arange(4)):
        with pytest.raises(InputError, match="family-separation: needs several families and one of") as caught:
            measure_family_separation(torch.randn(4, 3), families)
        assert "\n" not in str(caught.value)
