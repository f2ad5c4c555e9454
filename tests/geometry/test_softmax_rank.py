from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from geomem.errors import InputError
from geomem.geometry.softmax_rank import centre_rows, log_rank, mean_kl, numerical_rank


def _softmax_matrix(contexts: int, vocabulary: int, width: int, seed: int = 0, bias: bool = False) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    h, w = (torch.randn(n, width, generator=generator, dtype=torch.float64) for n in (contexts, vocabulary))
    logits = h @ w.T
    if bias:
        logits = logits + torch.randn(vocabulary, generator=generator, dtype=torch.float64)
    return torch.log_softmax(logits, dim=1)


@given(width=st.integers(1, 14), vocabulary=st.integers(2, 12), seed=st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_the_rank_of_a_softmax_is_the_least_of_dimension_and_vocabulary_less_one(
    width: int, vocabulary: int, seed: int
) -> None:
    found = log_rank(_softmax_matrix(40, vocabulary, width, seed))
    assert found.rank == min(width, vocabulary - 1)
    assert found.plain_rank == min(width + 1, vocabulary)


def test_a_bias_adds_one() -> None:
    assert log_rank(_softmax_matrix(60, 20, 5, bias=True)).rank == 6


def test_numerical_rank_is_numpys() -> None:
    matrix = torch.randn(30, 4, dtype=torch.float64) @ torch.randn(4, 20, dtype=torch.float64)
    assert numerical_rank(matrix) == np.linalg.matrix_rank(matrix.numpy()) == 4
    assert numerical_rank(torch.zeros(3, 4)) == 0


def test_float32_noise_inflates_the_rank() -> None:
    h, w = torch.randn(60, 5), torch.randn(20, 5)
    assert log_rank(torch.log_softmax(h @ w.T, dim=1)).rank > 6  # why logits are multiplied out in float64
    assert log_rank(torch.log_softmax(h.double() @ w.double().T, dim=1)).rank == 5


def test_the_gauge_changes_nothing() -> None:
    table = _softmax_matrix(15, 9, 4)
    shifted = table + torch.randn(15, 1, dtype=torch.float64)
    torch.testing.assert_close(centre_rows(shifted), centre_rows(table))
    assert log_rank(shifted).rank == log_rank(table).rank
    assert abs(numerical_rank(shifted) - numerical_rank(table)) <= 1


def test_rounding_of_the_means_is_no_rank() -> None:
    for vocabulary in (6, 49):  # where the mean of equal logarithms is not the logarithm itself
        found = log_rank(torch.full((4, vocabulary), 1 / vocabulary, dtype=torch.float64).log())
        assert found.rank == 0
        assert math.isnan(found.stable)
        assert math.isnan(found.effective)
    table = _softmax_matrix(15, 9, 4)
    assert log_rank(table + 1e6 * torch.randn(15, 1, dtype=torch.float64)).rank == log_rank(table).rank == 4


def test_stable_and_effective_rank_of_a_known_spectrum() -> None:
    left = torch.linalg.qr(centre_rows(torch.randn(12, 12, dtype=torch.float64)).T)[0][:, :3]  # columns of mean 0
    table = torch.linalg.qr(torch.randn(12, 12, dtype=torch.float64))[0][:, :3] @ torch.diag(
        torch.tensor([3.0, 2.0, 1.0], dtype=torch.float64)
    )
    found = log_rank(table @ left.T)
    assert found.stable == pytest.approx(14 / 9)
    assert found.effective == pytest.approx(np.exp(entropy([9, 4, 1])))


def test_mean_kl_is_scipys() -> None:
    target = torch.softmax(torch.randn(6, 5, dtype=torch.float64), dim=1)
    target[2] = torch.tensor([0.0, 0.5, 0.5, 0.0, 0.0])
    guess = torch.softmax(torch.randn(6, 5, dtype=torch.float64), dim=1)
    each = [entropy(p, q) for p, q in zip(target.numpy(), guess.numpy(), strict=True)]
    assert float(mean_kl(target, guess.log())) == pytest.approx(np.mean(each))
    weights = torch.tensor([0.5, 0.1, 0.1, 0.1, 0.1, 0.1], dtype=torch.float64)
    assert float(mean_kl(target, guess.log(), weights)) == pytest.approx(np.dot(weights.numpy(), each))
    assert float(mean_kl(target, target.log())) == pytest.approx(0.0, abs=1e-14)


def test_zero_probabilities_have_no_rank() -> None:
    with pytest.raises(InputError, match="zero probability"):
        log_rank(torch.tensor([[0.0, -torch.inf], [-1.0, -1.0]]))
