from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from geomem.errors import InputError
from geomem.geometry.pmi import pmi, sgns_objective, sgns_slope, shifted_pmi


def _joint(seed: int = 0, rows: int = 5, columns: int = 4) -> torch.Tensor:
    drawn = np.random.default_rng(seed).dirichlet(np.ones(rows * columns))
    return torch.from_numpy(drawn.reshape(rows, columns))


def test_pmi_entry_by_entry() -> None:
    joint = _joint()
    found = pmi(joint)
    for i in range(5):
        for j in range(4):
            share = float(joint[i].sum() * joint[:, j].sum())
            assert float(found[i, j]) == pytest.approx(math.log(float(joint[i, j]) / share))
    torch.testing.assert_close(pmi(1000 * joint), found)  # counts


def test_pmi_of_independent_pairs_is_zero_and_of_absent_ones_minus_infinity() -> None:
    independent = torch.tensor([0.2, 0.8])[:, None] * torch.tensor([0.5, 0.3, 0.2])
    assert float(pmi(independent).abs().max()) < 1e-7
    assert float(pmi(torch.tensor([[1.0, 1.0], [0.0, 2.0]]))[1, 0]) == -math.inf


def test_pmi_and_cross_entropy_differ_by_the_unigram() -> None:
    """Card of arXiv 1711.03953, section 2: optimal logits of a context are PMI + log P(z), up to a constant."""
    joint = _joint()
    conditional = (joint / joint.sum(0)).log()
    rest = conditional - pmi(joint)
    torch.testing.assert_close(rest, joint.sum(1).log()[:, None].expand_as(rest))


@given(seed=st.integers(0, 20), negatives=st.sampled_from([0.5, 1.0, 5.0, 15.0]))
def test_the_optimum_of_negative_sampling_is_shifted_pmi(seed: int, negatives: float) -> None:
    joint = _joint(seed)
    optimum = shifted_pmi(joint, negatives)
    assert float(sgns_slope(optimum, joint, negatives).abs().max()) < 1e-15
    best = float(sgns_objective(optimum, joint, negatives))
    for other in (optimum + 0.1, optimum - 0.1, torch.zeros_like(optimum)):
        assert float(sgns_objective(other, joint, negatives)) < best


def test_the_slope_is_the_gradient() -> None:
    products = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(sgns_objective(products, _joint(), 5.0), products)
    torch.testing.assert_close(sgns_slope(products.detach(), _joint(), 5.0), gradient)


@pytest.mark.parametrize(
    ("joint", "words"),
    [
        (torch.tensor([[1.0, -1.0]]), "not negative"),
        (torch.tensor([[1.0, 1.0], [0.0, 0.0]]), "row"),
        (torch.tensor([[1.0, 0.0], [1.0, 0.0]]), "column"),
    ],
)
def test_bad_tables(joint: torch.Tensor, words: str) -> None:
    with pytest.raises(InputError, match=words):
        pmi(joint)
    for negatives in (0.0, float("nan")):
        with pytest.raises(InputError, match="negatives"):
            shifted_pmi(_joint(), negatives)
