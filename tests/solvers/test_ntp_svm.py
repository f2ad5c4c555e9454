"""NTP-SVM against its closed forms, a conic solver and its own symmetries; its certificate never exceeds its value."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geomem.errors import InputError
from geomem.seeding import torch_generator
from geomem.solvers.ntp_svm import UNCONSTRAINED, solve_ntp_svm
from tests.solvers.supports import assert_holds, random_support, subsets

SYMMETRIC = [(4, 2), (5, 2), (6, 3), (4, 1)]


def centred(support: torch.Tensor) -> torch.Tensor:
    return support.double() - support.double().mean(0)


@pytest.mark.parametrize(("tokens", "size"), SYMMETRIC)
def test_all_subsets_give_the_centred_support(tokens: int, size: int) -> None:
    """Card T1: the closed form (V - 1) sqrt(C(V - 2, k - 1)), found and certified without an iteration."""
    support = subsets(tokens, size)
    found = solve_ntp_svm(support)
    assert found.iterations == 0
    assert found.nuclear_norm == pytest.approx((tokens - 1) * math.sqrt(math.comb(tokens - 2, size - 1)), rel=1e-6)
    torch.testing.assert_close(found.logits, centred(support), rtol=0, atol=1e-5)
    assert_holds(found, support)


@pytest.mark.parametrize(("tokens", "size"), SYMMETRIC)
def test_closed_form_is_what_cvxpy_finds(tokens: int, size: int) -> None:
    """Card T1: values to 1e-6, entries to 1e-5 (the optimum is unique here)."""
    pytest.importorskip("cvxpy", reason="the peer is in the extra [test]")
    from benchmarks.conic import nuclear

    support = subsets(tokens, size)
    theirs = nuclear(support.numpy(), tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)
    assert theirs.value == pytest.approx((tokens - 1) * math.sqrt(math.comb(tokens - 2, size - 1)), rel=1e-6)
    table = theirs.table - theirs.table.mean(0)
    np.testing.assert_allclose(solve_ntp_svm(support).logits, table, atol=1e-5)


@pytest.mark.parametrize(
    ("tokens", "contexts", "largest", "seed"),
    [
        (2, 3, 1, 0),
        (3, 1, 2, 0),
        (5, 4, 4, 1),
        (6, 10, 3, 2),
        (8, 20, 4, 3),
        (12, 6, 3, 4),
        (7, 15, 7, 5),
        (10, 24, 2, 6),
    ],
)
def test_small_cases_are_what_cvxpy_finds(tokens: int, contexts: int, largest: int, seed: int) -> None:
    pytest.importorskip("cvxpy", reason="the peer is in the extra [test]")
    from benchmarks.conic import nuclear

    support = random_support(tokens, contexts, largest, seed)
    found = solve_ntp_svm(support, gap=1e-7)
    theirs = nuclear(support.numpy())
    assert found.converged
    assert theirs.status in {"optimal", "optimal_inaccurate"}  # the second where Clarabel's own targets are missed
    assert found.nuclear_norm == pytest.approx(theirs.value, rel=1e-6)
    assert found.lower_bound <= theirs.value * (1 + 1e-6)
    assert_holds(found, support)


def test_multiplicities_are_what_cvxpy_finds() -> None:
    pytest.importorskip("cvxpy", reason="the peer is in the extra [test]")
    from benchmarks.conic import nuclear

    support, counts = random_support(7, 9, 3, 8), torch.tensor([1, 50, 3, 2, 1, 1, 400, 7, 1])
    found = solve_ntp_svm(support, counts, gap=1e-7)
    assert found.nuclear_norm == pytest.approx(nuclear(support.numpy(), counts.numpy()).value, rel=1e-6)
    assert_holds(found, support, counts)


@pytest.mark.parametrize("seed", range(8))
def test_random_supports_beside_the_centred_one(seed: int) -> None:
    """Card T7: the centred support is at most 2 % longer than the optimum, and never shorter."""
    tokens, contexts = 6 + 2 * seed, 10 * (seed + 1)
    support = random_support(tokens, contexts, 4, seed)
    found = solve_ntp_svm(support, gap=1e-7)
    ratio = float(torch.linalg.matrix_norm(centred(support), "nuc")) / found.nuclear_norm
    assert found.converged
    assert ratio + 1e-12 >= 1
    assert ratio <= 1.02
    assert_holds(found, support)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 14), st.integers(1, 25), st.integers(0, 10_000), st.sampled_from([0, 1, 2, 3, 6, 40]))
def test_every_answer_holds_however_early(tokens: int, contexts: int, seed: int, iterations: int) -> None:
    support = random_support(tokens, contexts, tokens, seed)
    counts = torch.randint(1, 100, (contexts,), generator=torch_generator(seed, "counts"))
    found = solve_ntp_svm(support, counts, max_iterations=iterations)
    assert found.converged == (found.gap <= 1e-6)
    assert (found.note == "") == (found.converged and not bool(support.all()))
    assert_holds(found, support, counts)


@settings(max_examples=15, deadline=None)
@given(st.integers(3, 10), st.integers(2, 20), st.integers(0, 10_000))
def test_order_of_tokens_and_contexts_does_not_matter(tokens: int, contexts: int, seed: int) -> None:
    support, generator = random_support(tokens, contexts, 3, seed), torch_generator(seed, "order")
    rows, columns = torch.randperm(tokens, generator=generator), torch.randperm(contexts, generator=generator)
    plain, moved = solve_ntp_svm(support, gap=1e-7), solve_ntp_svm(support[rows][:, columns], gap=1e-7)
    assert moved.nuclear_norm == pytest.approx(plain.nuclear_norm, rel=2e-7, abs=1e-12)


def test_order_moves_the_matrix_where_it_is_unique() -> None:
    support, generator = subsets(6, 2), torch_generator(0, "order")
    rows, columns = torch.randperm(6, generator=generator), torch.randperm(15, generator=generator)
    plain, moved = solve_ntp_svm(support), solve_ntp_svm(support[rows][:, columns])
    torch.testing.assert_close(moved.logits, plain.logits[rows][:, columns], rtol=0, atol=1e-12)


def test_equal_contexts_are_solved_once_and_cost_nothing_in_exactness() -> None:
    """Copies, multiplicities and one without the other are one problem, and copies get equal logits."""
    support, times = random_support(8, 12, 3, 9), torch.arange(1, 13)
    copied = support.repeat_interleave(times, dim=1)
    once, many = solve_ntp_svm(support, times, gap=1e-7), solve_ntp_svm(copied, gap=1e-7)
    assert_holds(many, copied)
    torch.testing.assert_close(many.logits, once.logits.repeat_interleave(times, dim=1), rtol=0, atol=1e-9)
    assert many.nuclear_norm == pytest.approx(once.nuclear_norm, rel=1e-12)
    # Without the symmetry: 78 columns as 78 unknowns each, which the conic solver sees.
    pytest.importorskip("cvxpy", reason="the peer is in the extra [test]")
    from benchmarks.conic import nuclear

    short = support[:, :6].repeat_interleave(torch.tensor([1, 3, 2, 1, 4, 1]), dim=1)
    assert solve_ntp_svm(short, gap=1e-7).nuclear_norm == pytest.approx(nuclear(short.numpy()).value, rel=1e-6)


def test_contexts_that_allow_everything_change_nothing() -> None:
    support = random_support(8, 12, 3, 10)
    wider = torch.cat([support[:, :5], torch.ones(8, 2, dtype=torch.bool), support[:, 5:]], dim=1)
    plain, found = solve_ntp_svm(support, gap=1e-7), solve_ntp_svm(wider, gap=1e-7)
    assert found.nuclear_norm == pytest.approx(plain.nuclear_norm, rel=1e-12)
    assert not found.logits[:, 5:7].any()
    assert not found.certificate[:, 5:7].any()


def test_no_margin_at_all_gives_zero_and_says_so() -> None:
    found = solve_ntp_svm(torch.ones(5, 7, dtype=torch.bool))
    assert found.note == UNCONSTRAINED
    assert not found.logits.any()
    assert (found.nuclear_norm, found.lower_bound, found.gap, found.converged) == (0.0, 0.0, 0.0, True)


def test_wide_multiplicities_and_square_tables_converge_too() -> None:
    """Singular values over four decades, and as many contexts as tokens: neither spoils the bound."""
    support = random_support(40, 40, 12, 11)
    counts = torch.logspace(0, 6, 40).round()
    found = solve_ntp_svm(support, counts, gap=1e-6)
    assert_holds(found, support, counts)
    assert found.converged


def test_bad_input_is_one_line() -> None:
    support = random_support(5, 4)
    with pytest.raises(InputError, match="column 2 of the support is empty"):
        solve_ntp_svm(support & (torch.arange(4) != 2))
    with pytest.raises(InputError, match="one positive number for each of the 4 contexts"):
        solve_ntp_svm(support, torch.tensor([1, 0, 1, 1]))
    with pytest.raises(InputError, match="one positive number"):
        solve_ntp_svm(support, torch.ones(3))
    with pytest.raises(InputError, match="the gap lies between 0 and 1"):
        solve_ntp_svm(support, gap=0.0)
    with pytest.raises(InputError, match="\\(tokens, contexts\\) is wanted"):
        solve_ntp_svm(torch.ones(0, 3, dtype=torch.bool))


def test_a_polar_factor_whose_singular_values_are_all_one_does_not_stop_the_solver() -> None:
    """LAPACK cannot always single out the largest of equal eigenvalues; these four are 1 to rounding."""
    rows = ["111111111", "111101011", "111111101", "111111111", "111110101", "111110001", "111110111"]
    support = torch.tensor([[letter == "1" for letter in row] for row in rows])
    found = solve_ntp_svm(support)
    assert found.converged
    assert_holds(found, support)
