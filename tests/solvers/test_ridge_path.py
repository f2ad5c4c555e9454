"""The ridge path: T5, T6 and T9 of the card, its certificate, and the convex problem behind it."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from geomem.errors import InputError
from geomem.geometry import next_token as nt
from geomem.geometry.subspace_collapse import subspace_collapse
from geomem.solvers.ntp_svm import solve_ntp_svm
from geomem.solvers.ridge_path import RidgePoint, ridge_path
from tests.geometry.next_token_samples import random_support, subsets, uneven, uniform

SYMMETRIC = subsets(4, 2)
CLOSED = nt.centred_support(SYMMETRIC)
DECADES = [10.0**-k for k in range(3, 9)]


def laws_hold(points: list[RidgePoint], norm: float) -> None:
    """Check gap / ridge -> |L_mm|_* and |L|_* growing by |L_mm|_* ln 10 a decade (card 3.5)."""
    late = [point for point in points if point.ridge <= 1e-4]
    for point in late:
        assert point.gap / point.ridge == pytest.approx(norm, rel=0.01)
    sizes = [nt.nuclear_norm(point.logits) for point in late]
    for small, large in itertools.pairwise(sizes):
        assert large - small == pytest.approx(norm * math.log(10), rel=0.01)


def test_uniform_subsets_are_on_the_closed_form_at_every_ridge() -> None:
    """T5 and T6: exact direction, gap / ridge, growth a decade, and the probability of what cannot follow."""
    probs, shares = uniform(SYMMETRIC)
    points = ridge_path(probs, shares, 8, DECADES)
    laws_hold(points, 3 * math.sqrt(2))
    for point in points:
        assert nt.direction_cosine(point.logits, CLOSED) == pytest.approx(1, abs=1e-5)
        assert point.certificate == pytest.approx(1, abs=1e-3)
    point = points[DECADES.index(1e-5)]
    outside = point.logits.softmax(0)[~SYMMETRIC] / point.ridge
    predicted = 2 / (4 * math.sqrt(2) / 6)  # k / (V sigma pi)
    assert predicted == pytest.approx(2.1213, abs=1e-4)
    assert float((outside / predicted - 1).abs().max()) < 1e-3


def test_uneven_frequencies_obey_the_same_laws() -> None:
    probs, shares = uneven(SYMMETRIC)
    points = ridge_path(probs, shares, 8, DECADES)
    laws_hold(points, 3 * math.sqrt(2))
    finite = nt.finite_component(probs)
    errors = [float((nt.finite_projection(point.logits, SYMMETRIC) - finite).norm()) for point in points]
    # O(ridge): a tenth a decade.
    for large, small in itertools.pairwise(errors):
        assert large / small == pytest.approx(10, rel=0.2)
    cosines = [nt.direction_cosine(nt.directional_part(point.logits, SYMMETRIC), CLOSED) for point in points]
    assert cosines == sorted(cosines)
    # The off-support probabilities are those of the certificate: q = ridge |G| / pi outside the supports.
    point = points[2]
    dual = -nt.logit_gradient(point.logits, probs, shares) / point.ridge
    expected = point.ridge * dual.abs() / shares
    assert (dual[~SYMMETRIC] < 0).all()
    torch.testing.assert_close(point.logits.softmax(0)[~SYMMETRIC], expected[~SYMMETRIC], rtol=1e-9, atol=0)


@pytest.mark.parametrize("width", [9, 10, 14])
def test_every_width_of_v_minus_one_or_more_is_certified(width: int) -> None:
    """The optimum does not depend on the width, and |G|_2 = ridge certifies it."""
    probs, shares = uneven(random_support(10, 20, 4))
    points = ridge_path(probs, shares, width, [1e-2, 1e-3, 1e-4], seed=width)
    assert all(point.certificate == pytest.approx(1, abs=1e-4) for point in points)
    other = ridge_path(probs, shares, 12, [1e-4])[0]
    torch.testing.assert_close(points[-1].logits, other.logits, rtol=0, atol=1e-3)
    # Balanced factors: |W|² = |H|² = |L|_*, and the gap is the loss above the entropy.
    point = points[-1]
    assert float(point.words.square().sum()) == pytest.approx(nt.nuclear_norm(point.logits), rel=1e-6)
    assert float(point.contexts.square().sum()) == pytest.approx(nt.nuclear_norm(point.logits), rel=1e-6)
    assert point.loss == pytest.approx(float(nt.cross_entropy(point.logits, probs, shares)), rel=1e-12)
    assert point.gradient_norm < 1e-6


def test_a_width_below_the_rank_is_not_certified() -> None:
    probs, shares = uneven(random_support(10, 20, 4))
    (point,) = ridge_path(probs, shares, 3, [1e-4])
    assert int(torch.linalg.matrix_rank(point.logits)) == 3
    assert point.certificate > 2
    assert point.gradient_norm < 1e-6


def test_a_large_ridge_puts_everything_out_and_the_next_one_finds_it_again() -> None:
    probs, shares = uniform(SYMMETRIC)
    out, back = ridge_path(probs, shares, 8, [1.0, 1e-3])
    assert float(out.logits.abs().max()) < 1e-9
    assert out.certificate < 1
    assert nt.direction_cosine(back.logits, CLOSED) == pytest.approx(1, abs=1e-6)


def test_contexts_collapse_by_support() -> None:
    """T9: 12 supports with 4 frequency vectors each; the smaller the ridge the tighter."""
    support = random_support(10, 12, 4, seed=3).repeat(1, 4)
    probs, _ = uneven(support, seed=3)
    shares = torch.full((48,), 1 / 48, dtype=torch.float64)
    groups = torch.arange(12).repeat(4)
    found = [subspace_collapse(point.contexts, groups) for point in ridge_path(probs, shares, 16, [1e-2, 1e-4, 1e-6])]
    ratios = [one.scatter_ratio for one in found]
    assert ratios == sorted(ratios, reverse=True)
    assert [one.within for one in found] == sorted(one.within for one in found)
    assert found[1].within > 0.98
    assert ratios[1] < 0.02
    assert ratios[1] < subspace_collapse(probs, groups).scatter_ratio / 4


def test_random_supports_go_along_the_ntp_svm_solution() -> None:
    """T8: at ridge 1e-5 the growing part is nearer to the solution than to the centred support."""
    support = random_support(10, 40, 4, seed=1)
    probs, shares = uneven(support, seed=1)
    solved = solve_ntp_svm(support)
    grown = [nt.directional_part(nt.centre(one.logits), support) for one in ridge_path(probs, shares, 12, [1e-3, 1e-5])]
    cosines = [nt.direction_cosine(one, nt.centre(solved.logits)) for one in grown]
    assert cosines[1] > max(0.97, cosines[0], nt.direction_cosine(grown[1], nt.centred_support(support)))


def test_bad_ridges() -> None:
    probs, shares = uniform(SYMMETRIC)
    with pytest.raises(InputError, match="all above 0"):
        ridge_path(probs, shares, 8, [1e-2, 0.0])
    with pytest.raises(InputError, match="all above 0"):
        ridge_path(probs, shares, 8, [float("nan")])
    with pytest.raises(InputError, match="at least one"):
        ridge_path(probs, shares, 8, [])
