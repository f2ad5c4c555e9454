from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geomem.contexts.matrix import ContextMatrix
from geomem.contexts.statistics import entropies, pmi, strongest_pairs, support_sizes, unigram, unigram_entropy
from geomem.errors import InputError

PAIRS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=60)


def matrix_of(pairs: list[tuple[int, int]]) -> ContextMatrix:
    data = torch.tensor(pairs)
    return ContextMatrix.from_pairs(data[:, :1], data[:, 1], 8)


@settings(deadline=None)
@given(PAIRS)
def test_entropies_are_those_of_the_columns(pairs: list[tuple[int, int]]):
    matrix = matrix_of(pairs)
    expected = scipy.stats.entropy(matrix.dense().numpy(), axis=0)
    np.testing.assert_allclose(entropies(matrix).numpy(), expected, atol=1e-14)
    assert float(matrix.entropy()) == pytest.approx(float(matrix.shares() @ entropies(matrix)), abs=1e-14)


@settings(deadline=None)
@given(PAIRS)
def test_pmi_is_that_of_the_joint_table(pairs: list[tuple[int, int]]):
    matrix = matrix_of(pairs)
    joint = np.zeros((8, 7))
    for context, token in pairs:
        joint[token, context] += 1 / len(pairs)
    joint = joint[:, joint.sum(0) > 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = np.log(joint / np.outer(joint.sum(1), joint.sum(0)))
    found = pmi(matrix).numpy()
    np.testing.assert_allclose(found, expected[matrix.indices.numpy(), matrix.rows.numpy()], atol=1e-12)
    np.testing.assert_allclose(unigram(matrix).numpy(), joint.sum(1), atol=1e-14)
    assert unigram_entropy(matrix) == pytest.approx(scipy.stats.entropy(joint.sum(1)), abs=1e-12)
    information = float((pmi(matrix) * matrix.counts).sum() / matrix.samples)
    assert information == pytest.approx(unigram_entropy(matrix) - float(matrix.entropy()), abs=1e-12)


@settings(deadline=None)
@given(PAIRS)
def test_support_sizes_are_those_of_the_dense_support(pairs: list[tuple[int, int]]):
    matrix = matrix_of(pairs)
    sizes, found = matrix.support().sum(0).numpy(), support_sizes(matrix)
    assert (found.mean, found.median, found.most) == (pytest.approx(sizes.mean()), np.median(sizes), sizes.max())
    assert (found.single, found.full) == (pytest.approx((sizes == 1).mean()), (sizes == 8).mean())
    assert found.of_samples == pytest.approx(float((sizes * matrix.shares().numpy()).sum()))
    assert found.histogram == {int(k): int((sizes == k).sum()) for k in np.unique(sizes)}


def test_the_strongest_pairs_are_frequent_enough_and_in_order():
    # Token 1 follows context 0 alone, token 2 follows both; token 3 is too rare to speak of.
    matrix = matrix_of([(0, 1)] * 6 + [(0, 2)] * 6 + [(1, 2)] * 12 + [(1, 3)])
    found = strongest_pairs(matrix, 5)
    named = [(int(matrix.rows[i]), int(matrix.indices[i])) for i in found]
    assert named == [(0, 1), (1, 2), (0, 2)]
    assert strongest_pairs(matrix, 1).tolist() == found[:1].tolist()
    assert len(strongest_pairs(matrix, 9, least=1)) == 4
    with pytest.raises(InputError, match="at least 1, got 0"):
        strongest_pairs(matrix, 0)
