"""Simulated learning: gradients against autograd, the flow against scipy, and the courses against closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from geomem.errors import InputError
from geomem.geometry.deep_linear import effective_start, half_time, learning_time, mode_strength
from geomem.geometry.mode_strength import (
    conservation_drift,
    crossing_times,
    linear_start,
    mode_strengths,
    off_diagonal_energy,
)
from geomem.geometry.unbalanced_mode import unbalanced_time
from geomem.models.deep_linear import DeepLinear, balanced
from geomem.seeding import torch_generator
from geomem.solvers.gradient_flow import Course, descent, euler, follow, product, runge_kutta


def reals(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch_generator(seed, "here"), dtype=torch.float64)


def bases(n_out: int, n_in: int, modes: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.linalg.qr(drawn(n_out, modes)).Q, torch.linalg.qr(drawn(n_in, modes, seed=1)).Q


# -- the steps -------------------------------------------------------------------------------------------------------


@given(widths=st.lists(st.integers(1, 5), min_size=2, max_size=6), white=st.booleans(), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_the_descent_is_minus_the_gradient(widths: list[int], white: bool, seed: int) -> None:
    matrices = DeepLinear.gaussian(widths, 1.0, seed).weights
    sigma_31, root = drawn(widths[-1], widths[0], seed=seed), drawn(widths[0], widths[0], seed=seed + 1)
    sigma_11 = torch.eye(widths[0], dtype=torch.float64) if white else root @ root.T
    free = [matrix.clone().requires_grad_() for matrix in matrices]
    whole = product(free)
    # 1/2 E|y - W x|^2 = 1/2 tr(W Sigma_11 W^T) - tr(W Sigma_31^T) + a constant.
    loss = 0.5 * (whole @ sigma_11 * whole).sum() - (whole * sigma_31).sum()
    gradients = torch.autograd.grad(loss, free)
    for found, gradient in zip(descent(matrices, sigma_31, None if white else sigma_11), gradients, strict=True):
        torch.testing.assert_close(found, -gradient, rtol=1e-10, atol=1e-12)


def test_correlations_stand_for_the_examples() -> None:
    inputs, outputs = drawn(50, 4), drawn(50, 3, seed=1)
    model = DeepLinear.gaussian((4, 5, 3), 0.5, 0)
    sigma_31, sigma_11 = outputs.T @ inputs / 50, inputs.T @ inputs / 50
    moved = euler(model.weights, sigma_31, sigma_11, 0.1)
    (0.5 * (outputs - model(inputs)).square().sum() / 50).backward()
    for new, old in zip(moved, model.matrices, strict=True):
        torch.testing.assert_close(new, old.detach() - 0.1 * old.grad)


def test_runge_kutta_follows_the_flow_and_euler_nearly() -> None:
    matrices, sigma_31 = DeepLinear.gaussian((3, 4, 2), 0.7, 0).weights, drawn(2, 3)
    shapes = [matrix.shape for matrix in matrices]

    def slopes(_t: float, flat: np.ndarray) -> np.ndarray:
        parts = np.split(flat, [shapes[0].numel()])
        chain = [torch.from_numpy(part).reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
        return np.concatenate([slope.flatten().numpy() for slope in descent(chain, sigma_31)])

    start = np.concatenate([matrix.flatten().numpy() for matrix in matrices])
    end = solve_ivp(slopes, (0, 1), start, "DOP853", rtol=1e-11, atol=1e-13).y[:, -1]

    def error(advance: Any, steps: int) -> float:
        course = follow(matrices, sigma_31, step=1 / steps, steps=steps, record_every=steps, advance=advance)
        return float(np.abs(np.concatenate([matrix.flatten().numpy() for matrix in course.weights]) - end).max())

    assert error(runge_kutta, 50) < 1e-7
    assert error(runge_kutta, 20) / error(runge_kutta, 40) == pytest.approx(16, rel=0.2)
    assert error(euler, 200) / error(euler, 400) == pytest.approx(2, rel=0.05)


@given(widths=st.lists(st.integers(1, 5), min_size=3, max_size=5), seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_the_flow_conserves_what_it_must(widths: list[int], seed: int) -> None:
    matrices = DeepLinear.gaussian(widths, 0.7, seed).weights
    sigma_31 = drawn(widths[-1], widths[0], seed=seed)
    course = follow(matrices, sigma_31, step=0.01, steps=100, advance=runge_kutta)
    assert conservation_drift(course.weights, matrices) < 1e-6


def test_what_is_recorded_and_when() -> None:
    matrices, sigma_31 = DeepLinear.gaussian((3, 4, 2), 0.5, 0).weights, drawn(2, 3)
    kept = [matrix.clone() for matrix in matrices]
    course = follow(matrices, sigma_31, step=0.1, steps=7, record_every=3)
    assert course.times.tolist() == pytest.approx([0, 0.3, 0.6, 0.7])
    assert course.seen.shape == (4, 2, 3)
    torch.testing.assert_close(course.seen[0], product(kept))
    torch.testing.assert_close(course.seen[-1], product(course.weights))
    assert all(torch.equal(one, two) for one, two in zip(matrices, kept, strict=True))
    loss = (course.seen - sigma_31).square().sum((1, 2))
    assert bool((torch.diff(loss) < 0).all())


def test_a_batch_of_networks_is_followed_at_once() -> None:
    alone = [DeepLinear.gaussian((3, 4, 2), 0.5, seed).weights for seed in range(3)]
    together = [torch.stack(parts) for parts in zip(*alone, strict=True)]
    sigma_31 = drawn(2, 3)
    course = follow(together, sigma_31, step=0.1, steps=5)
    for place, one in enumerate(alone):
        torch.testing.assert_close(course.seen[:, place], follow(one, sigma_31, step=0.1, steps=5).seen)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": []}, "at least one matrix"),
        ({"weights": [torch.zeros(4, 3), torch.zeros(2, 5)]}, "matrix 0 gives 4"),
        ({"sigma_31": torch.zeros(3, 2)}, r"sigma_31: expected shape \(2, 3\)"),
        ({"sigma_11": torch.zeros(2, 2)}, r"sigma_11: expected shape \(3, 3\)"),
        ({"step": 0.0}, "step, steps, record_every"),
        ({"step": 50.0, "steps": 200}, "50 is too large, the network diverged by step"),
    ],
)
def test_mistakes_are_clear(changes: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {
        "weights": DeepLinear.gaussian((3, 4, 2), 1.0, 0).weights, "sigma_31": drawn(2, 3), "step": 0.1, "steps": 3,
    }  # fmt: skip
    given |= changes
    with pytest.raises(InputError, match=message):
        follow(given.pop("weights"), given.pop("sigma_31"), **given)


# -- the courses against the closed forms (thresholds fixed beforehand) ------------------------------------------------

S = reals(4, 3, 2, 1)


def strengths_over_time(model: DeepLinear, s: torch.Tensor, left: Any, right: Any, **how: Any) -> Course:
    return follow(
        model.weights, (left * s) @ right.T, observe=lambda now: mode_strengths(product(now), left, right), **how
    )


def test_a_decoupled_network_follows_the_sigmoids() -> None:
    left, right = bases(8, 6, 4)
    model = DeepLinear.decoupled(left, right, balanced(torch.full((4,), 1e-3).double(), 2), 5, 0)

    def errors(step: float) -> tuple[float, Course]:
        course = strengths_over_time(model, S, left, right, step=step, steps=round(8 / step), record_every=20)
        theory = mode_strength(course.times[:, None], S, reals(1e-3))
        return float(((course.seen - theory).abs() / S).max()), course

    whole, course = errors(1e-3)
    halved, _ = errors(5e-4)
    assert whole < 0.01
    assert halved / whole == pytest.approx(0.5, abs=0.05)
    assert off_diagonal_energy(product(course.weights), left, right) < 1e-10
    halves = crossing_times(course.times, course.seen, S / 2)
    torch.testing.assert_close(halves, half_time(S, reals(1e-3)), rtol=5e-3, atol=0)


def test_an_unbalanced_mode_takes_the_time_of_the_closed_form() -> None:
    one = torch.eye(1, dtype=torch.float64)
    model = DeepLinear.decoupled(one, one, reals(0.3, 0.05)[:, None], 1, 0)
    course = strengths_over_time(model, reals(2), one, one, step=4e-4, steps=4500, advance=runge_kutta)
    found = float(crossing_times(course.times, course.seen, reals(1.8)))
    expected = float(unbalanced_time(reals(2), reals(0.3), reals(0.05), reals(1.8)))
    assert found == pytest.approx(expected, rel=1e-4)
    assert conservation_drift(course.weights, model.weights) < 1e-5


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 6, 10, 30])
def test_simulated_times_are_the_integral(depth: int) -> None:
    one = torch.eye(1, dtype=torch.float64)
    model = DeepLinear.decoupled(one, one, balanced(reals(0.1), depth), 1, 0)
    expected = float(learning_time(reals(2), reals(0.1), reals(1.9), depth))
    course = strengths_over_time(model, reals(2), one, one, step=expected / 500, steps=520, advance=runge_kutta)
    assert float(crossing_times(course.times, course.seen, reals(1.9))) == pytest.approx(expected, rel=1e-4)


def test_full_matrices_of_depth_four_follow_the_scalar_equation() -> None:
    left, right = bases(4, 4, 4)
    s = reals(3, 2, 1, 0.5)
    model = DeepLinear.decoupled(left, right, balanced(torch.full((4,), 0.05).double(), 4), 4, 3)
    course = strengths_over_time(model, s, left, right, step=1e-3, steps=12_000, record_every=60)
    theory = mode_strength(course.times[:, None], s, reals(0.05), 4)
    assert float(((course.seen - theory).abs() / s).max()) < 5e-3


def test_small_random_starts_follow_the_sigmoid_of_an_effective_start() -> None:
    left, right = bases(8, 6, 4)
    errors: list[float] = []
    # Weights of size 0.01 leave 0.12 with these seeds: the start of one mode does not tell that of another.
    for std in (1e-3, 1e-4):
        model = DeepLinear.small_random((6, 32, 8), std, 0)
        course = strengths_over_time(model, S, left, right, step=2e-3, steps=6000, record_every=5)
        found = crossing_times(course.times, course.seen, S / 2)
        u0 = effective_start(S[:1], found[:1])
        errors.append(float((found / half_time(S, u0) - 1).abs().max()))
        # Read off the weights there is nothing to fit, and less is left.
        read = linear_start(*model.weights, left, right)
        assert float((found / half_time(S, read) - 1).abs().max()) < 0.02
    assert errors[0] < 0.1
    assert errors[1] < errors[0]


def test_one_matrix_has_no_stages_and_two_have() -> None:
    left, right = bases(8, 6, 4)
    spread: list[float] = []
    for depth in (1, 2):
        model = DeepLinear.decoupled(left, right, balanced(torch.full((4,), 1e-3).double(), depth), 5, 0)
        course = strengths_over_time(model, S, left, right, step=1e-3, steps=6000)
        halves = crossing_times(course.times, course.seen, S / 2)
        spread.append(float((halves.max() - halves.min()) / halves.mean()))
    assert spread[0] < 0.02
    assert spread[1] > 1
