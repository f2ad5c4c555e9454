"""Gradient descent on unconstrained features: exact steps, invariants, and the end states of card tests T2 to T4."""

from __future__ import annotations

import itertools

import pytest
import torch

from geomem.errors import InputError
from geomem.geometry import next_token as nt
from geomem.models.unconstrained import UnconstrainedFeatures
from geomem.solvers.gradient_descent import (
    descend,
    descend_decoder,
    descend_decoder_normalised,
    log_steps,
)
from tests.geometry.next_token_samples import random_support, subsets, uneven, uniform

SYMMETRIC = subsets(4, 2)
CLOSED = nt.centred_support(SYMMETRIC)


def small(seed: int = 0) -> UnconstrainedFeatures:
    return UnconstrainedFeatures.from_seed(4, 6, 8, 0.05, seed)


def test_steps_are_those_of_torch_sgd() -> None:
    probs, shares = uneven(SYMMETRIC)
    model, peer = small(), small()
    optimiser = torch.optim.SGD(peer.parameters(), lr=0.3, weight_decay=0.01)
    for _ in range(40):
        optimiser.zero_grad()
        nt.cross_entropy(peer.logits(), probs, shares).backward()
        optimiser.step()
    (last,) = descend(model, probs, shares, 0.3, 40, ridge=0.01)
    torch.testing.assert_close(last.words, peer.words.detach())
    torch.testing.assert_close(last.contexts, peer.contexts.detach())
    assert torch.equal(model.words, last.words)


def test_the_decoder_alone_and_its_normalised_steps() -> None:
    support = random_support(6, 5, 3)
    probs, shares = uneven(support)
    start = UnconstrainedFeatures.from_seed(6, 5, 8, 0.5, 1)
    words, contexts = start.words.detach(), start.contexts.detach()
    peer = torch.nn.Parameter(words.clone())
    optimiser = torch.optim.SGD([peer], lr=0.5)
    for _ in range(30):
        optimiser.zero_grad()
        nt.cross_entropy(peer @ contexts, probs, shares).backward()
        optimiser.step()
    before = words.clone()
    (last,) = descend_decoder(words, contexts, probs, shares, 0.5, 30)
    torch.testing.assert_close(last.words, peer.detach())
    assert torch.equal(words, before)
    assert torch.equal(last.contexts, contexts)
    steps = descend_decoder_normalised(words, contexts, probs, shares, 0.1, 3, record_at=range(3))
    for one, other in itertools.pairwise(steps):
        assert float((other.words - one.words).norm()) == pytest.approx(0.1)
        gradient = nt.logit_gradient(one.words @ contexts, probs, shares) @ contexts.T
        assert nt.direction_cosine(one.words - other.words, gradient) == pytest.approx(1)


def test_column_sums_never_change() -> None:
    """T11: 1^T W(t) = 1^T W(0) without a bias or a ridge; so it is for the decoder alone."""
    probs, shares = uneven(random_support(10, 12, 4))
    model = UnconstrainedFeatures.from_seed(10, 12, 6, 0.5, 0)
    start = model.words.detach().sum(0).clone()
    for one in descend(model, probs, shares, 0.2, 5000, record_at=[10, 1000]):
        assert float((one.words.sum(0) - start).abs().max()) < 1e-9
    contexts = model.contexts.detach()
    (last,) = descend_decoder(model.words.detach(), contexts, probs, shares, 0.2, 5000)
    assert float((last.words.sum(0) - start).abs().max()) < 1e-9


def test_uniform_subsets_reach_the_closed_form() -> None:
    """T2, at its full length of 1e5 steps."""
    probs, shares = uniform(SYMMETRIC)
    (last,) = descend(small(), probs, shares, 0.2, 100_000)
    logits = last.words @ last.contexts
    assert float(nt.entropy_gap(logits, probs, shares)) < 5e-5
    assert nt.direction_cosine(nt.directional_part(logits, SYMMETRIC), CLOSED) > 0.999
    words, contexts = nt.limiting_grams(CLOSED)
    assert nt.direction_cosine(last.words @ last.words.T, words) > 0.999
    assert nt.direction_cosine(last.contexts.T @ last.contexts, contexts) > 0.999


def test_uneven_frequencies_end_in_the_finite_part() -> None:
    """T3: the finite part holds the log-odds, and what is left points along the supports better than L itself."""
    probs, _ = uneven(SYMMETRIC)
    shares = uniform(SYMMETRIC)[1]
    finite = nt.finite_component(probs)
    early, last = descend(small(), probs, shares, 0.2, 100_000, record_at=[1000])
    logits = last.words @ last.contexts
    assert nt.direction_cosine(logits - finite, CLOSED) > max(0.999, nt.direction_cosine(logits, CLOSED))
    errors = [
        float((nt.finite_projection(one.words @ one.contexts, SYMMETRIC) - finite).norm()) for one in (early, last)
    ]
    assert errors[1] < 1e-3
    assert errors[1] < errors[0]


def test_uneven_contexts_turn_slowly() -> None:
    """T4: with uneven shares too the direction is still on its way after 1e5 steps."""
    probs, shares = uneven(SYMMETRIC)
    course = descend(small(), probs, shares, 0.2, 100_000, record_at=[1000, 10_000])
    cosines = [nt.direction_cosine(nt.directional_part(one.words @ one.contexts, SYMMETRIC), CLOSED) for one in course]
    assert cosines == sorted(cosines)
    assert cosines[-1] > 0.98


def test_marks_on_a_logarithmic_axis() -> None:
    assert log_steps(100, 3) == [0, 1, 10, 100]
    assert log_steps(0, 5) == [0]
    marks = log_steps(1000, 40)
    assert marks == sorted(set(marks))
    assert marks[-1] == 1000


def test_too_large_a_rate_and_a_problem_that_does_not_fit() -> None:
    probs, shares = uniform(SYMMETRIC)
    model = UnconstrainedFeatures.from_seed(4, 6, 8, 5.0, 0)
    with pytest.raises(InputError, match=r"lr: at 1e\+200 the weights are no longer finite by step 9; lower it"):
        descend(model, probs, shares, 1e200, 9)
    with pytest.raises(InputError, match=r"the model has \(V, m\) = \(5, 6\), the problem \(4, 6\)"):
        descend(UnconstrainedFeatures.from_seed(5, 6, 8, 0.1, 0), probs, shares, 0.1, 5)
