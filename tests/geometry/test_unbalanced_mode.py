"""Unbalanced modes against an ODE solver of both factors, and against the balanced sigmoid in the limit."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from geomem.errors import InputError
from geomem.geometry.deep_linear import learning_time, mode_strength
from geomem.geometry.unbalanced_mode import unbalanced_strength, unbalanced_time


def reals(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def solved(s: float, a0: float, b0: float, times: np.ndarray) -> np.ndarray:
    """Return the factors (2, T) by a solver of the two equations."""

    def slopes(_t: float, factors: np.ndarray) -> list[float]:
        a, b = factors
        return [b * (s - a * b), a * (s - a * b)]

    return solve_ivp(slopes, (0, times[-1]), [a0, b0], "DOP853", times, rtol=1e-12, atol=1e-14).y


@pytest.mark.parametrize(("a0", "b0"), [(0.3, 0.05), (0.05, 0.3), (1.2, -0.1), (-0.4, -0.1), (0.5, 0.0)])
def test_strengths_and_times_against_an_ode_solver(a0: float, b0: float) -> None:
    times = np.linspace(0, 3, 13)
    a, b = solved(2.0, a0, b0, times)
    np.testing.assert_allclose(a**2 - b**2, a0**2 - b0**2, rtol=1e-8)
    found = unbalanced_strength(torch.tensor(times), reals(2), reals(a0), reals(b0))
    np.testing.assert_allclose(found.numpy(), a * b, rtol=1e-8, atol=1e-12)
    back = unbalanced_time(reals(2), reals(a0), reals(b0), torch.tensor(a[1:8] * b[1:8]))
    np.testing.assert_allclose(back.numpy(), times[1:8], rtol=1e-6)


def test_the_time_of_the_card_in_the_papers_angle() -> None:
    s, a0, b0, uf = 2.0, 0.3, 0.05, 1.8
    c0 = a0**2 - b0**2
    r = math.hypot(c0, 2 * s)

    def odds(u: float) -> float:
        angle = math.tanh(math.asinh(2 * u / c0) / 2)
        return (r + c0 + 2 * s * angle) / (r - c0 - 2 * s * angle)

    found = float(unbalanced_time(reals(s), reals(a0), reals(b0), reals(uf), tau=1.0))
    assert found == pytest.approx(math.log(odds(uf) / odds(a0 * b0)) / r, rel=1e-12)
    assert found == pytest.approx(1.58803, abs=5e-6)
    assert float(unbalanced_time(reals(s), reals(a0), reals(b0), reals(uf), tau=3.0)) == pytest.approx(3 * found)


def test_nearly_balanced_factors_follow_the_sigmoid() -> None:
    a0 = 0.1
    b0 = a0 * (1 - 1e-6)
    uf = reals(0.5, 1.5)
    torch.testing.assert_close(
        unbalanced_time(reals(2), reals(a0), reals(b0), uf), learning_time(reals(2), reals(a0 * b0), uf, 2),
        rtol=1e-5, atol=0,
    )  # fmt: skip
    t = reals(0.2, 1.0)
    torch.testing.assert_close(
        unbalanced_strength(t, reals(2), reals(a0), reals(b0)), mode_strength(t, reals(2), reals(a0 * b0)),
        rtol=1e-5, atol=0,
    )  # fmt: skip


@given(s=st.floats(0.2, 5), a0=st.floats(0.01, 1), share=st.floats(-0.9, 0.9), place=st.floats(0.05, 0.95))
@settings(max_examples=60, deadline=None)
def test_strength_inverts_time(s: float, a0: float, share: float, place: float) -> None:
    b0 = share * a0
    if a0 * b0 >= 0.99 * s:
        return
    uf = a0 * b0 + place * (s - a0 * b0)
    time = unbalanced_time(reals(s), reals(a0), reals(b0), reals(uf))
    found = unbalanced_strength(time, reals(s), reals(a0), reals(b0))
    torch.testing.assert_close(found, reals(uf), rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: unbalanced_time(reals(2), reals(0.1), reals(0.1), reals(1)), "balanced case"),
        (lambda: unbalanced_time(reals(2), reals(0.3), reals(0.1), reals(2)), "uf"),
        (lambda: unbalanced_time(reals(2), reals(0.3), reals(0.1), reals(0.01)), "uf"),
        (lambda: unbalanced_time(reals(0), reals(0.3), reals(0.1), reals(1)), "s: singular"),
        (lambda: unbalanced_time(reals(2), reals(0.3), reals(0.1), reals(1), tau=-1), "tau"),
        (lambda: unbalanced_strength(reals(-1), reals(2), reals(0.3), reals(0.1)), "t: times"),
    ],
)
def test_mistakes_are_clear(call: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()  # pyright: ignore[reportCallIssue]
