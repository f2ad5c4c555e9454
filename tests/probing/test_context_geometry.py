from __future__ import annotations

import pytest
import torch

from geomem.contexts.matrix import ContextMatrix
from geomem.contexts.supports import support_patterns
from geomem.geometry.cka import unbiased_cka
from geomem.geometry.next_token import centred_support
from geomem.probing.context_geometry import centred_cosines, gram_rows, measure_geometry, share_gram, support_gram
from geomem.probing.rows import Rows
from tests.probing.counted import drawn


@pytest.mark.parametrize("groups", [None, 5])
def test_gram_matrices_are_those_of_dense_columns(groups: int | None) -> None:
    matrix = drawn(30, groups=groups).compact()
    support = centred_support(matrix.support())
    torch.testing.assert_close(support_gram(support_patterns(matrix)), support.T @ support)
    torch.testing.assert_close(share_gram(matrix), matrix.dense().T @ matrix.dense())
    rows = gram_rows(support.T @ support)
    torch.testing.assert_close(rows @ rows.T, support.T @ support)
    assert rows.shape[1] <= matrix.vocabulary - 1
    assert gram_rows(torch.zeros(4, 4, dtype=torch.float64)).shape == (4, 1)


def measured(states: dict[int, torch.Tensor], matrix: ContextMatrix) -> Rows:
    rows = Rows("m")
    measure_geometry(states, matrix, rows, 0)
    return rows


def test_states_that_are_the_supports_align_and_random_ones_do_not() -> None:
    matrix = drawn(200)
    support = centred_support(matrix.compact().support())
    turn = torch.linalg.qr(torch.randn(len(support), len(support), dtype=torch.float64)).Q
    noise = torch.randn(200, 12, generator=torch.Generator().manual_seed(1))
    shares = matrix.compact().dense().T
    rows = measured({0: noise, 1: (turn @ support).T, 2: shares}, matrix)
    assert rows.value("contexts/support_cka", 1) == pytest.approx(1)
    assert abs(rows.value("contexts/support_cka", 0)) < 0.05
    assert rows.value("contexts/shares_cka", 2) == pytest.approx(1)
    assert rows.value("contexts/support_cka", 2) == pytest.approx(float(unbiased_cka(shares, support.T)), abs=1e-6)
    noisy = next(row for row in rows.rows if row.metric == "contexts/support_cka" and row.layer == 0)
    assert noisy.low is not None
    assert noisy.high is not None
    assert noisy.low < 0 < noisy.high


def test_collapse_is_of_contexts_with_one_support_beside_groups_dealt_at_random() -> None:
    matrix = drawn(60, groups=6)
    groups = support_patterns(matrix.compact()).pattern
    centres = torch.randn(int(groups.max()) + 1, 32, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(60, 32, generator=torch.Generator().manual_seed(1))
    rows = measured({0: noise, 1: centres[groups]}, matrix)
    assert rows.value("contexts/within", 1) == pytest.approx(1)
    assert rows.value("contexts/scatter_ratio", 1) == pytest.approx(0, abs=1e-9)
    assert rows.value("contexts/between", 1) < 0.5
    assert abs(rows.value("contexts/within", 0) - rows.value("contexts/between", 0)) < 0.1
    chance = {(row.metric, row.layer): row.value for row in rows.rows if row.condition == "chance"}
    assert abs(chance[("contexts/within", 1)] - chance[("contexts/between", 1)]) < 0.3
    assert chance[("contexts/scatter_ratio", 1)] > 1


def test_supports_that_are_all_one_or_all_different_say_nothing_of_collapse() -> None:
    states = {0: torch.randn(8, 4)}
    eye, shares = torch.eye(8, dtype=torch.float64), torch.full((8,), 1 / 8, dtype=torch.float64)
    apart = measured(states, ContextMatrix.from_dense(eye, shares))
    assert any("no two contexts have the same support" in line for line in apart.lines)
    one = measured(states, ContextMatrix.from_dense(torch.full((8, 8), 1 / 8, dtype=torch.float64), shares))
    assert any("all contexts have one support" in line for line in one.lines)
    assert any("the support: does not vary" in line for line in one.lines)
    assert not any(row.metric == "contexts/within" for row in [*apart.rows, *one.rows])


def test_cosines_are_of_rows_less_their_mean() -> None:
    rows = torch.tensor([[2.0, 1.0], [4.0, 1.0], [3.0, 1.0]])
    assert centred_cosines(rows).tolist() == [[1, -1, 0], [-1, 1, 0], [0, 0, 0]]
