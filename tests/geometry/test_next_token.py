"""Next-token geometry: closed forms, loops in plain Python, and what a gauge shift may not change."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg, stats

from geomem.errors import InputError
from geomem.geometry import next_token as nt
from tests.geometry.next_token_samples import random_support, subsets, uneven, uniform


def drawn(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    support = random_support(7, 9, 4, seed)
    probs, shares = uneven(support, seed)
    logits = 3 * torch.randn(7, 9, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return support, probs, shares, logits


def test_loss_and_entropy_against_scipy() -> None:
    _, probs, shares, logits = drawn()
    q = logits.softmax(0)
    floor = sum(float(w) * stats.entropy(p) for w, p in zip(shares, probs.T.numpy(), strict=True))
    gap = sum(float(w) * stats.entropy(p, r) for w, p, r in zip(shares, probs.T.numpy(), q.T.numpy(), strict=True))
    assert float(nt.entropy(probs, shares)) == pytest.approx(floor, rel=1e-12)
    assert float(nt.entropy_gap(logits, probs, shares)) == pytest.approx(gap, rel=1e-12)
    assert float(nt.cross_entropy(logits, probs, shares)) == pytest.approx(floor + gap, rel=1e-12)
    each = [stats.entropy(p, r) for p, r in zip(probs.T.numpy(), q.T.numpy(), strict=True)]
    assert nt.context_gaps(logits, probs).tolist() == pytest.approx(each, rel=1e-12)


def test_the_gap_keeps_its_digits_near_zero_and_is_finite_far_away() -> None:
    # One context over two tokens of three: with logits (0, 0, -r) the gap is log(1 + exp(-r) / 2).
    probs = torch.tensor([[0.5], [0.5], [0.0]], dtype=torch.float64)
    shares = torch.ones(1, dtype=torch.float64)
    for r in (1.0, 20.0, 32.0):
        logits = torch.tensor([[0.0], [0.0], [-r]], dtype=torch.float64)
        assert float(nt.entropy_gap(logits, probs, shares)) == pytest.approx(math.log1p(math.exp(-r) / 2), rel=1e-9)
    # Here q underflows to 0 on a token that occurs half of the time; its logarithm is -2000.
    logits = torch.tensor([[0.0], [-2000.0], [-5000.0]], dtype=torch.float64)
    assert float(nt.entropy_gap(logits, probs, shares)) == pytest.approx(1000 - math.log(2))
    # And here p is so small that q / p overflows.
    probs = torch.tensor([[1e-310], [1 - 1e-310]], dtype=torch.float64)
    assert float(nt.entropy_gap(torch.zeros(2, 1), probs, shares)) == pytest.approx(math.log(2))


def test_the_gradient_is_that_of_the_loss() -> None:
    _, probs, shares, logits = drawn(1)
    variable = logits.clone().requires_grad_()
    nt.cross_entropy(variable, probs, shares).backward()
    torch.testing.assert_close(nt.logit_gradient(logits, probs, shares), variable.grad)
    assert nt.logit_gradient(logits, probs, shares).sum(0).abs().max() < 1e-15


def test_the_finite_component_holds_the_log_odds() -> None:
    support, probs, _, _ = drawn(2)
    found = nt.finite_component(probs)
    assert not found[~support].any()
    for column in range(support.shape[1]):
        tokens = support[:, column].nonzero().flatten().tolist()
        for one in tokens:
            for other in tokens:
                odds = math.log(float(probs[one, column] / probs[other, column]))
                assert float(found[one, column] - found[other, column]) == pytest.approx(odds, abs=1e-12)
    torch.testing.assert_close(nt.finite_projection(found, support), found)


def test_the_projection_is_orthogonal_onto_the_span_of_differences() -> None:
    support, _, _, logits = drawn(3)
    for column in range(support.shape[1]):
        tokens = support[:, column].nonzero().flatten().tolist()
        basis = torch.zeros(7, len(tokens) - 1, dtype=torch.float64)
        for place, token in enumerate(tokens[1:]):
            basis[tokens[0], place], basis[token, place] = 1.0, -1.0
        expected = basis @ torch.linalg.lstsq(basis, logits[:, column, None]).solution if len(tokens) > 1 else 0
        torch.testing.assert_close(
            nt.finite_projection(logits, support)[:, column, None], torch.zeros(7, 1, dtype=torch.float64) + expected
        )
    rest = nt.directional_part(logits, support)
    assert abs(float((rest * nt.finite_projection(logits, support)).sum())) < 1e-12
    torch.testing.assert_close(rest + nt.finite_projection(logits, support), logits)


@pytest.mark.parametrize(("vocabulary", "size", "norm"), [(4, 2, 4.242641), (5, 2, 6.928203), (6, 3, 12.247449),
                                                          (4, 1, 3.0)])  # fmt: skip
def test_the_centred_support_of_all_subsets(vocabulary: int, size: int, norm: float) -> None:
    support = subsets(vocabulary, size)
    found = nt.centred_support(support)
    assert float(found.sum(0).abs().max()) < 1e-14
    assert float(found[support].min()) == pytest.approx(1 - size / vocabulary)
    assert float(found[~support].max()) == pytest.approx(-size / vocabulary)
    closed = (vocabulary - 1) * math.sqrt(math.comb(vocabulary - 2, size - 1))
    assert nt.nuclear_norm(found) == pytest.approx(closed, rel=1e-12)
    assert closed == pytest.approx(norm, rel=1e-6)
    # The same thing again as the card's certificate: nothing feasible has a smaller nuclear norm.
    left, _, right = torch.linalg.svd(found, full_matrices=False)
    rank = vocabulary - 1
    dual = left[:, :rank] @ right[:rank]
    assert float(dual[~support].max()) < 0
    assert float(-dual[~support].sum()) == pytest.approx(closed, rel=1e-12)


def test_grams_are_matrix_square_roots() -> None:
    *_, logits = drawn(4)
    words, contexts = nt.limiting_grams(logits)
    torch.testing.assert_close(words, torch.from_numpy(linalg.sqrtm((logits @ logits.T).numpy()).real))
    torch.testing.assert_close(contexts @ contexts, logits.T @ logits)
    # All subsets: the words form a simplex, and contexts have the cosines of their overlaps.
    support = subsets(4, 2)
    words, contexts = nt.limiting_grams(nt.centred_support(support))
    cosines = words / words.diagonal()[:, None]
    assert float((cosines - (torch.eye(4, dtype=torch.float64) * 4 / 3 - 1 / 3)).abs().max()) < 1e-12
    overlap = support.double().T @ support.double()
    torch.testing.assert_close(contexts / contexts[0, 0], overlap - 1)


def test_directions() -> None:
    one = torch.eye(3, dtype=torch.float64)
    assert nt.direction_cosine(one, 5 * one) == pytest.approx(1)
    assert nt.direction_distance(one, 5 * one) == pytest.approx(0, abs=1e-15)
    assert nt.direction_distance(one, -one) == pytest.approx(2)
    assert (nt.direction_cosine(one, 0 * one), nt.direction_distance(one, 0 * one)) == (0.0, math.sqrt(2))


@given(st.integers(0, 10_000), st.floats(-50, 50))
def test_a_gauge_shift_changes_no_gauge_free_number(seed: int, shift: float) -> None:
    support, probs, shares, logits = drawn(seed)
    generator = torch.Generator().manual_seed(seed)
    moved = logits + shift * torch.randn(logits.shape[1], generator=generator, dtype=torch.float64)
    for function in (nt.cross_entropy, nt.entropy_gap):
        torch.testing.assert_close(function(moved, probs, shares), function(logits, probs, shares))
    torch.testing.assert_close(nt.finite_projection(moved, support), nt.finite_projection(logits, support))
    torch.testing.assert_close(nt.centre(moved), nt.centre(logits))
    torch.testing.assert_close(nt.logit_gradient(moved, probs, shares), nt.logit_gradient(logits, probs, shares))


@given(st.integers(0, 10_000))
def test_renaming_tokens_and_contexts_changes_nothing(seed: int) -> None:
    support, probs, shares, logits = drawn(seed)
    generator = torch.Generator().manual_seed(seed)
    rows, columns = torch.randperm(7, generator=generator), torch.randperm(9, generator=generator)

    def renamed(matrix: torch.Tensor) -> torch.Tensor:
        return matrix[rows][:, columns]

    torch.testing.assert_close(nt.finite_component(renamed(probs)), renamed(nt.finite_component(probs)))
    torch.testing.assert_close(nt.centred_support(renamed(support)), renamed(nt.centred_support(support)))
    gap = nt.entropy_gap(logits, probs, shares)
    assert gap >= 0
    torch.testing.assert_close(nt.entropy_gap(renamed(logits), renamed(probs), shares[columns]), gap)


def test_a_bad_problem_is_named() -> None:
    probs, shares = uniform(subsets(4, 2))
    with pytest.raises(InputError, match=r"context 3 sums to 1\.5"):
        nt.check_problem(probs * torch.where(torch.arange(6) == 3, 1.5, 1.0), shares)
    with pytest.raises(InputError, match=r"smallest entry -0\.5"):
        nt.check_problem(torch.tensor([[1.5], [-0.5]]).double(), torch.ones(1, dtype=torch.float64))
    with pytest.raises(InputError, match="leave out contexts that do not occur"):
        nt.check_problem(probs, torch.tensor([0.0, 0.2, 0.2, 0.2, 0.2, 0.2], dtype=torch.float64))
    with pytest.raises(InputError, match="context shares: expected positive numbers that sum to 1, got a sum of nan"):
        nt.check_problem(probs, torch.tensor([torch.nan, 0.2, 0.2, 0.2, 0.2, 0.2], dtype=torch.float64))
    with pytest.raises(InputError, match=r"expected probs \(V, m\)"):
        nt.check_problem(torch.zeros(0, 0, dtype=torch.float64), torch.zeros(0, dtype=torch.float64))
