"""The decoder of least norm against a conic solver, a support-vector machine and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geomem.errors import InputError
from geomem.solvers.frobenius_svm import FrobeniusSVM, solve_frobenius_svm
from geomem.solvers.ntp_svm import UNCONSTRAINED
from tests.solvers.supports import random_support
from tests.solvers.test_log_odds import embeddings


def assert_keeps(found: FrobeniusSVM, support: torch.Tensor, table: torch.Tensor) -> None:
    logits, certificate = found.words @ table.double(), found.certificate
    inside = logits.masked_fill(~support, torch.inf).amin(0)
    outside = logits.masked_fill(support, -torch.inf).amax(0)
    assert float((inside - outside).min()) >= 1 - 1e-10
    assert float((logits.masked_fill(~support, -torch.inf).amax(0) - inside).max()) <= 1e-9 * found.norm
    assert float(certificate.masked_fill(support, -1.0).max()) <= 0
    assert float(certificate.sum(0).abs().max()) <= 1e-9 * float(certificate.abs().max())
    bound = -float(certificate.masked_fill(support, 0.0).sum()) / float((certificate @ table.double().T).norm())
    assert found.lower_bound == pytest.approx(bound, rel=1e-9)
    assert found.norm == pytest.approx(float(found.words.norm()), rel=1e-12)
    assert found.lower_bound <= found.norm * (1 + 1e-9)


@pytest.mark.parametrize(
    ("tokens", "contexts", "width", "largest", "seed"),
    [(6, 5, 8, 3, 0), (5, 12, 10, 3, 1), (10, 20, 12, 3, 1), (8, 20, 6, 1, 2), (6, 10, 10, 5, 3)],
)
def test_small_cases_are_what_cvxpy_finds(tokens: int, contexts: int, width: int, largest: int, seed: int) -> None:
    pytest.importorskip("cvxpy", reason="the peer is in the extra [test]")
    from benchmarks.conic import frobenius

    support, table = random_support(tokens, contexts, largest, seed), embeddings(width, contexts, seed)
    theirs = frobenius(support.numpy(), table.numpy())
    if theirs.status == "infeasible":
        with pytest.raises(InputError, match="not separable"):
            solve_frobenius_svm(support, table)
        return
    found = solve_frobenius_svm(support, table, gap=1e-8)
    assert found.converged
    assert found.norm == pytest.approx(theirs.value, rel=1e-6)
    np.testing.assert_allclose(found.words, theirs.table, atol=1e-4 * found.norm)
    assert_keeps(found, support, table)


def test_one_hot_contexts_give_the_centred_support() -> None:
    """With H = I the columns are independent, and each one's shortest solution is its centred support."""
    support = random_support(9, 14, 5, 4)
    found = solve_frobenius_svm(support, torch.eye(14), gap=1e-9)
    centred = support.double() - support.double().mean(0)
    torch.testing.assert_close(found.words, centred, rtol=0, atol=1e-8)
    assert found.norm == pytest.approx(float(centred.norm()), rel=1e-9)


def test_two_tokens_are_a_support_vector_machine() -> None:
    """One allowed token of two is classification with a hard margin and no bias: W = (w / 2, -w / 2)."""
    from sklearn.svm import SVC

    generator = np.random.default_rng(0)
    labels = np.repeat([1.0, -1.0], 15)
    points = generator.normal(size=(30, 3)) + 2.0 * labels[:, None]
    support = torch.from_numpy(np.stack([labels > 0, labels < 0]))
    found = solve_frobenius_svm(support, torch.from_numpy(points.T), gap=1e-8)
    # A bias is a fourth feature that both classes mirror: with every point and its opposite it is 0 by symmetry.
    machine = SVC(kernel="linear", C=1e8, tol=1e-9).fit(np.r_[points, -points], np.r_[labels, -labels])
    np.testing.assert_allclose(found.words[0] - found.words[1], machine.coef_[0], atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 8), st.integers(1, 10), st.integers(0, 1000), st.sampled_from([5, 20, 2000]))
def test_every_answer_holds_however_early(tokens: int, contexts: int, seed: int, iterations: int) -> None:
    support, table = random_support(tokens, contexts, tokens - 1, seed), embeddings(12, contexts, seed)
    found = solve_frobenius_svm(support, table, max_iterations=iterations)
    assert found.converged == (found.gap <= 1e-6)
    assert found.converged == (found.note == "")
    assert_keeps(found, support, table)


def test_scale_of_the_embeddings_only_scales_the_decoder() -> None:
    support, table = random_support(10, 20, 3, 1), embeddings(12, 20, 1)
    plain = solve_frobenius_svm(support, table, gap=1e-7)
    for factor in (1e-4, 1e4):
        scaled = solve_frobenius_svm(support, factor * table, gap=1e-7)
        assert scaled.norm * factor == pytest.approx(plain.norm, rel=2e-7)


def test_what_cannot_be_told_apart_is_refused_in_one_line() -> None:
    table = torch.tensor([[1.0, 1.0], [2.0, 2.0]])
    with pytest.raises(InputError, match="not separable: no decoder keeps every allowed token above"):
        solve_frobenius_svm(torch.tensor([[1, 0], [0, 1]]), table)


def test_a_context_that_comes_twice_changes_nothing() -> None:
    """Its embedding leaves a singular value of rounding, which must not be inverted."""
    support, table = random_support(4, 3, 1, 0), embeddings(5, 3, 0)
    plain = solve_frobenius_svm(support, table)
    order = [0, 0, 1, 2, 2]
    twice = solve_frobenius_svm(support[:, order], table[:, order])
    assert twice.converged
    assert twice.norm == pytest.approx(plain.norm, rel=2e-6)
    assert_keeps(twice, support[:, order], table[:, order])


def test_a_context_of_length_zero_is_refused_unless_it_allows_everything() -> None:
    support = torch.tensor([[1, 1], [0, 1], [0, 1]], dtype=torch.bool)
    table = torch.tensor([[1.0, 0.0], [2.0, 0.0]])
    assert_keeps(solve_frobenius_svm(support, table), support, table)
    for zeros in (table.flip(1), torch.zeros(2, 2)):
        with pytest.raises(InputError, match="not separable"):
            solve_frobenius_svm(support, zeros)


def test_a_margin_of_rounding_is_none() -> None:
    """On a line every decoder that is constant on the first support is constant, and no token stands out anywhere."""
    support = torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]])
    table = torch.tensor([[0.82846175, 0.98992948, -0.51719626, -0.23186766]], dtype=torch.float64)
    with pytest.raises(InputError, match="not separable"):
        solve_frobenius_svm(support, table)


def test_embeddings_of_very_different_sizes_do_not_lead_the_acceleration_astray() -> None:
    support = torch.tensor([[1, 0, 0, 0, 0], [0, 1, 1, 1, 1]], dtype=torch.bool)
    table = torch.tensor(
        [
            [2.855, -9.153, -11.092, -7.29, 0.072],
            [-0.851, -2.706, -1.427, -0.293, 1.789],
            [14.659, -52.727, 39.571, -65.544, 22.079],
            [-0.031, 0.025, 0.045, -0.081, 0.025],
        ],
        dtype=torch.float64,
    )
    found = solve_frobenius_svm(support, table, max_iterations=2000)
    assert found.converged
    assert_keeps(found, support, table)


def test_no_margin_gives_zero_and_bad_input_one_line() -> None:
    found = solve_frobenius_svm(torch.ones(3, 4), torch.ones(2, 4))
    assert found.note == UNCONSTRAINED
    assert found.words.shape == (3, 2)
    assert not found.words.any()
    with pytest.raises(InputError, match="where \\(width, 4\\) is wanted"):
        solve_frobenius_svm(torch.ones(3, 4), torch.ones(2, 5))
    with pytest.raises(InputError, match="the gap lies between 0 and 1"):
        solve_frobenius_svm(torch.ones(3, 4), torch.ones(2, 4), gap=2.0)
