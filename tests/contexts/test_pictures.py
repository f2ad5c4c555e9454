from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from geomem.contexts.matrix import ContextMatrix
from geomem.contexts.pictures import sizes_picture, spectrum_picture, support_picture
from geomem.contexts.supports import centred_svd, support_patterns


def names(tokens: Sequence[int]) -> list[str]:
    return [f"t{token}" for token in tokens]


def two_blocks() -> ContextMatrix:
    """Contexts 0, 2, 4 are followed by 10 and 12, the others by 11 and 13."""
    pairs = [(context, token) for context in range(6) for token in (10 + context % 2, 12 + context % 2)]
    data = torch.tensor(pairs)
    return ContextMatrix.from_pairs(data[:, :1], data[:, 1])


def test_contexts_with_one_support_stand_together():
    picture = support_picture(two_blocks(), names)
    assert picture.row_names in (("t10", "t12", "t11", "t13"), ("t11", "t13", "t10", "t12"))
    rows = [tuple(row) for row in picture.panels[0].matrix]
    assert rows[0] == rows[1] != rows[2] == rows[3]
    assert sorted(rows) == [(0, 0, 0, 1, 1, 1)] * 2 + [(1, 1, 1, 0, 0, 0)] * 2


def test_the_picture_keeps_the_most_frequent_contexts_and_tokens():
    data = torch.tensor([(0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (2, 5), (3, 1)])
    matrix = ContextMatrix.from_pairs(data[:, :1], data[:, 1])
    picture = support_picture(matrix, names, tokens=2, contexts=2)
    assert set(picture.row_names or ()) == {"t1", "t2"}
    assert picture.panels[0].matrix == ((1, 1), (1, 1))


def test_a_single_pair_can_be_drawn():
    matrix = ContextMatrix.from_pairs(torch.tensor([[0]]), torch.tensor([0]))
    assert support_picture(matrix, names).panels[0].matrix == ((1,),)
    assert spectrum_picture(centred_svd(support_patterns(matrix), 5)).series[0].y == (0.0,)


def test_sizes_and_singular_values_are_the_curves():
    matrix = two_blocks()
    assert (sizes_picture(matrix).series[0].x, sizes_picture(matrix).series[0].y) == ((2.0,), (6.0,))
    values = spectrum_picture(centred_svd(support_patterns(matrix.compact()), 4)).series[0].y
    # Two groups of three equal columns (1/2, -1/2, 1/2, -1/2) of either sign: one direction of norm sqrt(6).
    assert values == pytest.approx((6**0.5,), rel=1e-5)
