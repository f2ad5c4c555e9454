from __future__ import annotations

import math

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from geomem import counter
from geomem.counter import random_keys, random_orders, random_samples

SEEDS = st.integers(0, 2**63 - 1)
MASK = (1 << 64) - 1


def splitmix(bits: int) -> int:
    """The published finaliser, in Python's own integers."""
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & MASK
    return bits ^ (bits >> 31)


@given(SEEDS, st.integers(0, 2**40))
def test_keys_equal_splitmix_in_unbounded_integers(seed: int, row: int):
    golden = 0x9E3779B97F4A7C15
    start = splitmix((row * golden + seed) & MASK)
    expected = [splitmix((start + (step + 1) * golden) & MASK) for step in range(4)]
    found = random_keys(seed, torch.tensor([row]), 4)[0].numpy().view(np.uint64).tolist()
    assert found == expected


@given(SEEDS, st.lists(st.integers(0, 10**6), min_size=1, max_size=8))
def test_a_row_does_not_depend_on_its_batch(seed: int, index: list[int]):
    together = random_orders(seed, torch.tensor(index), 7)
    for row, order in zip(index, together, strict=True):
        assert torch.equal(random_orders(seed, torch.tensor([row]), 7)[0], order)
        assert order.sort().values.tolist() == list(range(7))


def test_orders_are_uniform():
    orders = random_orders(5, torch.arange(24_000), 4)
    codes = (orders * torch.tensor([64, 16, 4, 1])).sum(1)
    counts = torch.unique(codes, return_counts=True)[1]
    assert len(counts) == math.factorial(4)
    assert chisquare(counts.numpy()).pvalue > 1e-4


@given(SEEDS, st.sampled_from([1, 2, 3, 50, 64, 65, 1024, 1025]), st.integers(1, 40))
def test_orders_are_those_of_whole_keys(seed: int, count: int, rows: int):
    """Among a thousand numbers two upper halves are often tied."""
    index = torch.arange(rows) * 977
    whole = random_keys(seed, index, count).argsort(1)
    assert torch.equal(random_orders(seed, index, count), whole)
    size = (count + 1) // 2
    assert torch.equal(random_samples(seed, index, count, size), whole[:, :size])


def test_orders_of_no_rows():
    assert random_orders(0, torch.empty(0, dtype=torch.int64), 5).shape == (0, 5)


def test_keys_are_the_same_in_torch():
    """What other devices compute."""
    index, steps = torch.tensor([0, 5, 2**40]), torch.arange(1, 9)
    elsewhere = counter._mix(counter._mix(index * counter._GOLDEN + 7)[:, None] + steps * counter._GOLDEN)  # pyright: ignore[reportPrivateUsage]
    assert torch.equal(random_keys(7, index, 8), elsewhere)
