from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from geomem.objectives.catch_your_breath_losses import (
    adjusted_price,
    anytime_loss,
    expected_slot,
    geometric_prior,
    priced_loss,
    stopping_log_probs,
    variational_loss,
)

PRIOR = geometric_prior(3, 1.4, dtype=torch.float64)
LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "ap": lambda z, p: anytime_loss(z, p, 0.9),
    "va": lambda z, p: variational_loss(z, p, PRIOR[: z.shape[-1]].log_softmax(-1), 0.5),
    "dp": lambda z, p: priced_loss(z, p, 0.1),
}

logits = st.lists(st.floats(-8, 8), min_size=1, max_size=5)


def by_hand(delay: list[float], clock: float) -> list[float]:
    """The stopping distribution by its definition, slot after slot."""
    reached, found = 1.0, []
    for place, z in enumerate(delay):
        go_on = 0.0 if place == len(delay) - 1 else (1 - clock) / (1 + math.exp(-z))
        found.append(reached * (1 - go_on))
        reached *= go_on
    return found


@given(logits, st.floats(0, 0.9))
def test_the_stopping_distribution_is_its_definition(delay: list[float], clock: float) -> None:
    found = stopping_log_probs(torch.tensor(delay, dtype=torch.float64), clock).exp()
    assert found.tolist() == pytest.approx(by_hand(delay, clock), abs=1e-12)
    assert float(found.sum()) == pytest.approx(1.0)
    slots = sum((place + 1) * q for place, q in enumerate(by_hand(delay, clock)))
    assert float(expected_slot(found.log())) == pytest.approx(slots)


@given(logits, st.data())
def test_losses_are_their_definitions(delay: list[float], data: st.DataObject) -> None:
    width = len(delay)
    p = np.array(data.draw(st.lists(st.floats(0.01, 1), min_size=width, max_size=width)))
    z, log_p = torch.tensor(delay, dtype=torch.float64), torch.from_numpy(np.log(p))
    q = np.array(by_hand(delay, 0.3))
    places = np.arange(width)
    prior = geometric_prior(width, 1.5, dtype=torch.float64)
    pi = prior.exp().numpy()
    kl = sum(a * math.log(a / b) for a, b in zip(q, pi, strict=True) if a > 0)
    assert float(anytime_loss(z, log_p, 0.8, 0.3)) == pytest.approx(-math.log((q * 0.8**places * p).sum()))
    assert float(variational_loss(z, log_p, prior, 0.4, 0.3)) == pytest.approx(-(q * np.log(p)).sum() + 0.4 * kl)
    assert float(priced_loss(z, log_p, 0.2, 0.3)) == pytest.approx(-(q * np.log(p)).sum() + 0.2 * (q * places).sum())


@pytest.mark.parametrize("name", LOSSES)
def test_one_slot_is_cross_entropy(name: str) -> None:
    log_p = torch.tensor([[0.3], [0.7]]).log()
    assert torch.allclose(LOSSES[name](torch.randn(2, 1), log_p), -log_p[:, 0])


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("size", [0.0, 50.0, 1e4])
def test_gradients_are_finite_when_the_model_is_certain(name: str, size: float) -> None:
    for signs in ([1, 1, 1], [-1, -1, -1], [1, -1, 1], [-1, 1, -1]):
        z = (size * torch.tensor(signs, dtype=torch.float32)).requires_grad_()
        log_p = torch.tensor([0.2, 1e-30, 0.9]).log().requires_grad_()
        loss = LOSSES[name](z, log_p)
        loss.backward()  # type: ignore[no-untyped-call]
        assert z.grad is not None
        assert log_p.grad is not None
        assert bool(loss.isfinite())
        assert bool(z.grad.isfinite().all())
        assert bool(log_p.grad.isfinite().all())
        assert float(z.grad[-1]) == 0.0, "the last slot must answer, whatever its odds"


@pytest.mark.parametrize("name", LOSSES)
def test_examples_do_not_mix(name: str) -> None:
    z, log_p = torch.randn(6, 3, dtype=torch.float64), torch.rand(6, 3, dtype=torch.float64).log()
    order = torch.randperm(6)
    assert torch.equal(LOSSES[name](z[order], log_p[order]), LOSSES[name](z, log_p)[order])
    assert LOSSES[name](z.view(2, 3, 3), log_p.view(2, 3, 3)).shape == (2, 3)


@pytest.mark.parametrize("name", ["ap", "dp", "va"])
def test_a_factor_of_all_probabilities_only_shifts_the_loss(name: str) -> None:
    """The gauge: p -> k p adds -log k and leaves the wish to wait as it was."""
    z = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    log_p = torch.rand(4, 3, dtype=torch.float64).log()
    one, two = LOSSES[name](z, log_p), LOSSES[name](z, log_p - 1.7)
    assert torch.allclose(two, one + 1.7)
    first, second = (torch.autograd.grad(loss.sum(), z, retain_graph=True)[0] for loss in (one, two))
    assert torch.allclose(first, second)


# -- the closed forms: slot probabilities are constants, only d is free ----------------------------------------------


def best_stopping(loss: Callable[[Tensor], Tensor], width: int) -> tuple[Tensor, float]:
    """Return q and the loss after gradient descent on free log-odds."""
    z = torch.zeros(width, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([z], lr=0.2)
    for _ in range(400):
        optimizer.zero_grad()
        loss(z).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return stopping_log_probs(z.detach()).exp(), float(loss(z.detach()))


@pytest.mark.parametrize(("p", "slot"), [((0.5, 0.9), 1), ((0.5, 0.55), 0), ((0.3, 0.2, 0.6), 2), ((0.6, 0.9, 0.2), 1)])
def test_anytime_puts_all_mass_on_the_best_discounted_slot(p: tuple[float, ...], slot: int) -> None:
    values = [0.9**place * one for place, one in enumerate(p)]
    assert values[slot] == max(values)
    log_p = torch.tensor(p, dtype=torch.float64).log()
    q, least = best_stopping(lambda z: anytime_loss(z, log_p, 0.9), len(p))
    assert float(q[slot]) == pytest.approx(1.0, abs=1e-2)
    assert least == pytest.approx(-math.log(max(values)), abs=1e-2)


@pytest.mark.parametrize("strength", [0.1, 1.0, 3.0])
def test_variational_is_the_prior_times_a_power_of_the_probability(strength: float) -> None:
    log_p = torch.tensor([0.5, 0.7, 0.65], dtype=torch.float64).log()
    q, least = best_stopping(lambda z: variational_loss(z, log_p, PRIOR, strength), 3)
    expected = (PRIOR + log_p / strength).softmax(-1)
    assert torch.allclose(q, expected, atol=1e-2)
    assert least == pytest.approx(-strength * float((PRIOR + log_p / strength).logsumexp(-1)), abs=1e-4)
    if strength == 1.0:
        assert least == pytest.approx(-math.log(float((PRIOR.exp() * log_p.exp()).sum())), abs=1e-4)


@pytest.mark.parametrize(("price", "slot"), [(0.01, 2), (0.2, 1), (2.0, 0)])
def test_priced_puts_all_mass_on_the_cheapest_slot(price: float, slot: int) -> None:
    log_p = torch.tensor([0.3, 0.8, 0.9], dtype=torch.float64).log()
    costs = -log_p + price * torch.arange(3)
    assert int(costs.argmin()) == slot
    q, least = best_stopping(lambda z: priced_loss(z, log_p, price), 3)
    assert float(q[slot]) == pytest.approx(1.0, abs=1e-2)
    assert least == pytest.approx(float(costs.min()), abs=2e-2)


# -- prior and price -------------------------------------------------------------------------------------------------


def test_the_prior_is_geometric() -> None:
    pi = geometric_prior(60, 1.5, dtype=torch.float64).exp()
    assert float(pi.sum()) == pytest.approx(1.0)
    assert float((pi * torch.arange(1, 61)).sum()) == pytest.approx(1.5, abs=1e-9)
    assert torch.allclose(pi[1:] / pi[:-1], torch.full((59,), 1 / 3, dtype=torch.float64))
    assert torch.allclose(geometric_prior(1, 1.5), torch.zeros(1))


def test_the_price_rises_when_too_many_slots_are_used_and_never_falls_below_zero() -> None:
    price = torch.tensor(0.1)
    assert float(adjusted_price(price, torch.tensor(2.0), 1.5, 0.1)) == pytest.approx(0.15)
    assert float(adjusted_price(price, torch.tensor(1.0), 1.5, 0.1)) == pytest.approx(0.05)
    assert float(adjusted_price(price, torch.tensor(1.0), 3.0, 0.1)) == 0.0


def test_the_price_meets_the_budget() -> None:
    """Tokens that answer a price as the closed form says: lambda settles where the budget is used, and no more."""
    gain = torch.linspace(0.0, 1.0, 40, dtype=torch.float64)  # nats that the second slot is better by
    log_p = torch.stack([-1.5 * torch.ones_like(gain), gain - 1.5], dim=1)
    price = slots = torch.tensor(0.0, dtype=torch.float64)
    for _ in range(400):
        choices = torch.stack([torch.full_like(log_p, z) for z in (-30.0, 30.0)])
        costs = priced_loss(choices, log_p, price)
        best = choices.gather(0, costs.argmin(0)[None, :, None].expand(1, -1, 2))[0]
        slots = expected_slot(stopping_log_probs(best)).mean()
        price = adjusted_price(price, slots, 1.3, 0.02)
    assert float(slots) == pytest.approx(1.3, abs=0.03)
    assert float(price) == pytest.approx(0.7, abs=0.03), "three tenths of the tokens gain more than 0.7"


def test_settings_outside_their_range_are_refused() -> None:
    z = log_p = torch.zeros(2)
    for clock in (-0.1, 1.0):
        with pytest.raises(ValueError, match="clock"):
            stopping_log_probs(z, clock)
    for discount in (0.0, 1.1):
        with pytest.raises(ValueError, match="discount"):
            anytime_loss(z, log_p, discount)
    with pytest.raises(ValueError, match="mean"):
        geometric_prior(3, 1.0)
