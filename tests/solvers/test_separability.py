"""Separability against cases that one can see, and against a least-distance problem solved another way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import nnls

from geomem.solvers.separability import separable
from tests.solvers.supports import random_support
from tests.solvers.test_log_odds import embeddings

ONE_HOT = torch.tensor([[1, 0, 1], [0, 1, 0]], dtype=torch.bool)


def least_distance(support: np.ndarray, table: np.ndarray) -> bool:
    """Lawson and Hanson's least-distance programming: margins are possible where NNLS leaves something over."""
    rows = []
    for context in range(support.shape[1]):
        allowed = np.flatnonzero(support[:, context])
        for other in range(support.shape[0]):
            if other == allowed[0]:
                continue
            words = np.zeros(support.shape[0])
            words[allowed[0]], words[other] = 1.0, -1.0
            line = np.r_[np.outer(words, table[:, context]).ravel(), 0.0 if support[other, context] else 1.0]
            rows += [line, -line] if support[other, context] else [line]
    target = np.zeros(len(rows[0]))
    target[-1] = 1.0
    return bool(nnls(np.array(rows).T, target)[1] > 1e-9)


def test_points_on_a_line() -> None:
    """Contexts 0 and 2 want token 0, context 1 token 1: possible where 1 is not between them (there is no bias)."""
    assert separable(torch.tensor([[1.0, -1.0, 2.0]]), ONE_HOT)
    assert not separable(torch.tensor([[1.0, 1.5, 2.0]]), ONE_HOT)
    assert not separable(torch.tensor([[1.0, 0.0, 2.0]]), ONE_HOT)


def test_equal_contexts_with_different_supports_cannot_be_told_apart() -> None:
    table = torch.tensor([[1.0, 1.0], [2.0, 2.0]])
    assert not separable(table, torch.tensor([[1, 0], [0, 1]]))
    assert separable(table, torch.tensor([[1, 1], [0, 0]]))


def test_independent_contexts_and_full_supports_are_always_separable() -> None:
    assert separable(embeddings(9, 9), random_support(12, 9, 4, 0))
    assert separable(torch.zeros(2, 4), torch.ones(3, 4))


@pytest.mark.parametrize("width", [4, 6, 8, 10])
def test_verdicts_are_those_of_least_distance_programming(width: int) -> None:
    verdicts = []
    for seed in range(6):
        support, table = random_support(5, 12, 3, seed), embeddings(width, 12, seed)
        verdicts.append(separable(table, support))
        assert verdicts[-1] == least_distance(support.numpy(), table.numpy())
    assert width != 8 or len(set(verdicts)) == 2, "the cases must not all be alike"
