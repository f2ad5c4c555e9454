from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from geomem.contexts.build import count_tokens
from geomem.contexts.describe import describe, token_names
from geomem.contexts.matrix import ContextMatrix
from geomem.contexts.origin import Contexts, Origin, limit
from geomem.contexts.supports import centred_svd, support_patterns


def told(contexts: Contexts):
    patterns = support_patterns(contexts.matrix.compact())
    return describe(contexts, patterns, centred_svd(patterns, 8))


def cycle() -> Contexts:
    """0 1 2 0 1 3, over and over: what follows (0, 1) has one bit, everything else is certain."""
    return Contexts(count_tokens([np.array([0, 1, 2, 0, 1, 3] * 10)], 9, 2), Origin(context=2))


def test_numbers_are_those_of_the_text():
    found = told(cycle())
    assert (found.samples, found.contexts, found.next_tokens, found.tokenizer_tokens) == (58, 5, 4, 9)
    assert (found.nnz, found.distinct_supports, found.largest_class) == (6, 3, 2)
    assert found.density == 6 / 20
    # (0, 1) stands at 20 of 58 places.
    assert found.entropy == pytest.approx(20 / 58 * math.log(2))
    assert (found.single, found.support_largest, found.support_median) == (0.8, 2, 1)
    # 0 and 1 stand at 19 and 19 of 58 places as next tokens, 2 and 3 at 10 each.
    assert [(pair.context, pair.token) for pair in found.pairs[:2]] == [("1 2", "0"), ("2 0", "1")]
    assert [pair.pmi for pair in found.pairs] == pytest.approx([math.log(58 / 19)] * 4 + [math.log(0.5 * 58 / 10)] * 2)
    assert found.note is None
    lines = dict(found.rows())
    assert lines["distinct contexts"] == "5"
    assert "kept" not in lines


def test_what_was_dropped_is_told():
    lines = dict(told(limit(cycle(), least=10, most=2)).rows())
    share = "40\u202f% of the contexts, 51.7\u202f% of the samples"
    assert lines["kept"] == f"at least 10 times and the 2 most frequent: {share}"


def test_a_support_without_a_margin_is_told():
    data = torch.tensor([(0, 1), (0, 2), (1, 1), (1, 2)])
    matrix = ContextMatrix.from_pairs(data[:, :1], data[:, 1])
    found = told(Contexts(matrix, Origin(context=1)))
    assert found.note is not None
    assert "no margin is asked for" in found.note
    assert found.nuclear_norm == 0


def test_padding_is_told_and_tokens_without_a_tokenizer_are_numbers():
    matrix = count_tokens([np.array([[1, 2, 3], [2, 1, 3]])], 4, 2, prefixes=True)
    found = told(Contexts(matrix, Origin(context=2, prefixes=True)))
    assert found.note is not None
    assert "padded" in found.note
    assert token_names(Contexts(matrix, Origin(context=2)), [3, 1]) == ["3", "1"]
