from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.special import log_softmax
from torch import Tensor

from geomem.batch import IGNORE
from geomem.objectives.cross_entropy import hard_cross_entropy, soft_cross_entropy

ROWS = torch.tensor([0, 0, 1, 2, 2, 2])
TARGETS = torch.tensor([1, 4, 0, 2, 3, 4])
PROBS = torch.tensor([0.25, 0.75, 1.0, 0.5, 0.25, 0.25])
WEIGHTS = torch.tensor([0.5, 2.0, 1.0])


def logits(rows: int = 3, vocabulary: int = 5, seed: int = 0) -> Tensor:
    return torch.randn(rows, vocabulary, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_uniform_logits_cost_log_v():
    flat = torch.full((3, 5), 7.5)
    assert hard_cross_entropy(flat, torch.tensor([0, 3, 4])).item() == pytest.approx(math.log(5))
    assert soft_cross_entropy(flat, ROWS, TARGETS, PROBS, WEIGHTS).item() == pytest.approx(math.log(5))


def test_hard_labels_against_numpy():
    x, labels = logits(4), torch.tensor([2, IGNORE, 0, 4])
    expected = -np.mean([log_softmax(x[i].numpy())[labels[i]] for i in (0, 2, 3)])
    assert hard_cross_entropy(x, labels).item() == pytest.approx(expected)
    assert hard_cross_entropy(x[None], labels[None]).item() == pytest.approx(expected)


def test_weights_of_hard_labels():
    x, labels, weights = logits(4), torch.tensor([2, IGNORE, 0, 4]), torch.tensor([1.0, 50.0, 0.0, 3.0])
    losses = F.cross_entropy(x, labels, reduction="none")
    expected = (losses[0] + 3 * losses[3]) / 4
    assert hard_cross_entropy(x, labels, weights).item() == pytest.approx(expected.item())
    equal = hard_cross_entropy(x, labels, torch.full((4,), 3.7))
    assert equal.item() == pytest.approx(hard_cross_entropy(x, labels).item())


def test_soft_labels_against_torch_with_dense_probabilities():
    x = logits()
    dense = torch.zeros(3, 5, dtype=torch.float64).index_put((ROWS, TARGETS), PROBS.double())
    expected = (F.cross_entropy(x, dense, reduction="none") * WEIGHTS).sum() / WEIGHTS.sum()
    assert soft_cross_entropy(x, ROWS, TARGETS, PROBS, WEIGHTS).item() == pytest.approx(expected.item())


def test_soft_labels_equal_expanded_examples():
    x = logits().requires_grad_()
    # Row 0 four times (1, 4, 4, 4), row 1 sixteen times, row 2 eight times: counts in proportion to the weights.
    rows = torch.tensor([0] * 4 + [1] * 16 + [2] * 8)
    labels = torch.tensor([1, 4, 4, 4] + [0] * 16 + [2] * 4 + [3] * 2 + [4] * 2)
    expanded = hard_cross_entropy(x[rows], labels)
    soft = soft_cross_entropy(x, ROWS, TARGETS, PROBS, WEIGHTS)
    assert soft.item() == pytest.approx(expanded.item(), abs=1e-12)
    (one,), (other,) = torch.autograd.grad(soft, x), torch.autograd.grad(expanded, x)
    assert torch.allclose(one, other, atol=1e-12)


def test_gradients_against_finite_differences():
    x = logits().requires_grad_()
    labels, weights = torch.tensor([2, IGNORE, 4]), torch.tensor([0.5, 1.0, 2.0])
    assert torch.autograd.gradcheck(lambda y: hard_cross_entropy(y, labels, weights), x)
    assert torch.autograd.gradcheck(lambda y: soft_cross_entropy(y, ROWS, TARGETS, PROBS, WEIGHTS), x)


def test_huge_logits_stay_finite():
    x = torch.tensor([[1e4, -1e4, 0.0]])
    one = torch.ones(1)
    assert hard_cross_entropy(x, torch.tensor([1])).item() == pytest.approx(2e4)
    assert soft_cross_entropy(x, torch.tensor([0]), torch.tensor([1]), one, one).item() == pytest.approx(2e4)


def test_half_precision_logits_are_summed_in_float32():
    x = torch.zeros(2, 3000, dtype=torch.float16)
    assert hard_cross_entropy(x, torch.tensor([0, 1])).dtype == torch.float32
    found = soft_cross_entropy(x, torch.tensor([0, 1]), torch.tensor([0, 1]), torch.ones(2), torch.ones(2))
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(math.log(3000), rel=1e-6)
