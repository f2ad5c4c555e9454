"""Closed forms of learning times against quadrature, ODE solvers and each other."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad, solve_ivp

from geomem.errors import InputError
from geomem.geometry.deep_linear import (
    effective_start,
    half_time,
    learning_time,
    limit_strength,
    mode_strength,
    rescaled_time,
    single_layer_strength,
)


def reals(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_the_sigmoid_of_the_paper() -> None:
    s, u0, tau = reals(4, 3, 2, 1), 1e-3, 2.5
    for t in (0.0, 0.4, 3.0, 20.0):
        grown = torch.exp(2 * s * t / tau)
        expected = s * grown / (grown - 1 + s / u0)
        torch.testing.assert_close(mode_strength(reals(t), s, reals(u0), 2, tau=tau), expected, rtol=1e-12, atol=0)
    uf = 0.7 * s
    expected = tau / (2 * s) * torch.log(uf * (s - u0) / (u0 * (s - uf)))
    torch.testing.assert_close(learning_time(s, reals(u0), uf, 2, tau=tau), expected, rtol=1e-13, atol=0)
    torch.testing.assert_close(half_time(s, reals(u0), tau=tau), tau / (2 * s) * torch.log(s / u0 - 1))


def test_half_times_of_the_card() -> None:
    found = half_time(reals(4, 3, 2, 1), reals(1e-3))
    assert found.tolist() == pytest.approx([1.0367, 1.3343, 1.9001, 3.4534], abs=5e-5)


def test_one_matrix_learns_every_mode_at_one_rate() -> None:
    t, s = torch.linspace(0, 5, 11, dtype=torch.float64)[:, None], reals(4, 1, 0.1)
    torch.testing.assert_close(mode_strength(t, s, reals(1e-6), 1), s + (1e-6 - s) * torch.exp(-t))
    times = half_time(s, reals(1e-9), 1)
    torch.testing.assert_close(times, torch.full_like(times, math.log(2)), rtol=1e-7, atol=0)
    assert single_layer_strength(reals(0.0), s, reals(0.0)).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("depth", "expected"),
    [(1, 2.944), (2, 2.944), (3, 3.414), (4, 3.816), (6, 4.377), (10, 4.976), (30, 5.746), (100, 6.064)],
)
def test_rescaled_times_of_the_card(depth: int, expected: float) -> None:
    assert float(rescaled_time(reals(2), reals(0.1), reals(1.9), depth)) == pytest.approx(expected, abs=5e-4)


def test_the_limit_is_the_closed_form_and_is_approached_monotonically() -> None:
    s, u0, uf = 2.0, 0.1, 1.9
    expected = math.log(uf * (s - u0) / (u0 * (s - uf))) / s**2 + (1 / u0 - 1 / uf) / s
    limit = float(rescaled_time(reals(s), reals(u0), reals(uf), math.inf))
    assert limit == pytest.approx(expected, rel=1e-14)
    assert limit == pytest.approx(6.2091, abs=5e-5)
    times = [float(rescaled_time(reals(s), reals(u0), reals(uf), depth)) for depth in (2, 3, 4, 6, 10, 30, 100, 10**6)]
    assert times == sorted(times)
    assert 0 < limit - times[-1] < 1e-4


@pytest.mark.parametrize("depth", [1, 1.5, 2, 2.001, 3, 7, 100, 1e6])
def test_the_antiderivative_against_quadrature_in_thirty_digits(depth: float) -> None:
    with mpmath.workdps(30):
        for u0, uf in ((1e-12, 1.0), (1e-3, 2 - 1e-9), (0.5, 1.999), (1.2, 1.3)):
            power = 2 / mpmath.mpf(depth) - 1

            def logit(u: float) -> mpmath.mpf:
                return mpmath.log(mpmath.mpf(u) / (2 - mpmath.mpf(u)))

            def slope(z: mpmath.mpf, power: mpmath.mpf = power) -> mpmath.mpf:
                return (1 + mpmath.exp(-z)) ** -power

            # In steps of the integrand's own scale, that of a logistic function.
            places = mpmath.linspace(logit(u0), logit(uf), 20)
            expected = mpmath.mpf(2) ** (power - 1) * mpmath.quad(slope, places)
            found = float(rescaled_time(reals(2), reals(u0), reals(uf), depth))
            assert abs(found / expected - 1) < 1e-12


@given(
    depth=st.integers(1, 40),
    s=st.floats(0.05, 50),
    begin=st.floats(1e-6, 0.9),
    share=st.floats(0.01, 0.99),
)
@settings(max_examples=30, deadline=None)
def test_the_time_is_the_integral(depth: int, s: float, begin: float, share: float) -> None:
    u0 = begin * s
    uf = u0 + share * (s - u0)
    # With u = exp(y) the integrand has no pole near the lower end.
    expected, _ = quad(lambda y: math.exp(y * (2 / depth - 1)) / (s - math.exp(y)), math.log(u0), math.log(uf),
                       epsabs=0, epsrel=1e-11, limit=400)  # fmt: skip
    found = float(learning_time(reals(s), reals(u0), reals(uf), depth))
    assert found == pytest.approx(expected / depth, rel=1e-9)


@given(
    depth=st.integers(1, 60), s=st.floats(0.1, 20), begin=st.floats(1e-4, 0.99), tau=st.floats(0.1, 10),
    places=st.lists(st.floats(0.001, 0.999), min_size=2, max_size=6, unique=True),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_strength_inverts_time_and_rises(depth: int, s: float, begin: float, tau: float, places: list[float]) -> None:
    u0 = begin * s
    wanted = torch.tensor(sorted(u0 + place * (s - u0) for place in places), dtype=torch.float64)
    # From a far smaller u0 a deep network waits so long that the rounding of the time itself shows in the strength.
    times = learning_time(reals(s), reals(u0), wanted, depth, tau=tau)
    torch.testing.assert_close(mode_strength(times, reals(s), reals(u0), depth, tau=tau), wanted, rtol=1e-9, atol=0)
    assert bool((torch.diff(times) >= 0).all())
    assert float(mode_strength(reals(0), reals(s), reals(u0), depth, tau=tau)) == pytest.approx(u0, rel=1e-12)
    # The end is s, whatever the depth, and never more.
    late = mode_strength(times.max() * 1e3 + reals(1e3 * tau / s**2), reals(s), reals(u0), depth, tau=tau)
    assert u0 <= float(late) <= s * (1 + 1e-15)


@pytest.mark.parametrize("depth", [2, 3, 5, 12])
def test_strength_against_an_ode_solver(depth: int) -> None:
    s, u0 = 1.7, 0.02
    end = float(learning_time(reals(s), reals(u0), reals(0.99 * s), depth))
    times = np.linspace(0, end, 9)
    solved = solve_ivp(
        lambda _t, u: depth * u ** (2 - 2 / depth) * (s - u), (0, end), [u0], "DOP853", times, rtol=1e-11, atol=1e-13
    )
    found = mode_strength(torch.tensor(times), reals(s), reals(u0), depth)
    np.testing.assert_allclose(found.numpy(), solved.y[0], rtol=1e-8)


def test_the_infinitely_deep_network_against_an_ode_solver_and_deep_ones() -> None:
    s, u0, times = 2.0, 0.1, np.linspace(0, 6.2, 7)
    solved = solve_ivp(lambda _t, u: u**2 * (s - u), (0, 6.2), [u0], "DOP853", times, rtol=1e-11, atol=1e-13)
    found = limit_strength(torch.tensor(times), reals(s), reals(u0))
    np.testing.assert_allclose(found.numpy(), solved.y[0], rtol=1e-8)
    deep = mode_strength(torch.tensor(times) / 10_000, reals(s), reals(u0), 10_000)
    torch.testing.assert_close(deep, found, rtol=5e-3, atol=0)


def test_a_delay_of_order_one_over_s_u0() -> None:
    u0 = reals(1e-2, 1e-3, 1e-4)
    delay = rescaled_time(reals(1), u0, reals(0.5), math.inf) - rescaled_time(reals(1), u0, reals(0.5), 2)
    torch.testing.assert_close(delay * u0, torch.ones(3, dtype=torch.float64), rtol=0.03, atol=0)


def test_the_effective_start_is_read_from_the_half_time() -> None:
    s, u0 = reals(4, 1, 30), reals(1e-3, 1e-8, 1e-5)
    torch.testing.assert_close(effective_start(s, half_time(s, u0, tau=3.0), tau=3.0), u0, rtol=1e-10, atol=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: half_time(reals(1), reals(1)), "u0: .* between 0 and the singular value"),
        (lambda: half_time(reals(1), reals(0)), "u0"),
        (lambda: half_time(reals(1), reals(0.6)), "uf"),
        (lambda: mode_strength(reals(1), reals(1), reals(-0.1)), "u0"),
        (lambda: half_time(reals(-1), reals(0.1)), "s: singular values"),
        (lambda: half_time(reals(1), reals(0.1), 0), "depth: .* at least 1, got 0"),
        (lambda: learning_time(reals(1), reals(0.1), reals(0.2), 0), "depth"),
        (lambda: rescaled_time(reals(1), reals(0.1), reals(1), 2), "uf"),
        (lambda: rescaled_time(reals(1), reals(0.1), reals(0.05), 2), "uf"),
        (lambda: mode_strength(reals(-1), reals(1), reals(0.1)), "t: times"),
        (lambda: limit_strength(reals(-1), reals(1), reals(0.1)), "rescaled"),
        (lambda: half_time(reals(1), reals(0.1), tau=0), "tau"),
    ],
)
def test_mistakes_are_clear(call: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()  # pyright: ignore[reportCallIssue]
