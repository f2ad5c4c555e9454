"""Acceleration ends where plain iteration ends, sooner; it is exact on linear maps and guarded elsewhere."""

from __future__ import annotations

import numpy as np

from geomem.solvers.anderson import Anderson


def contraction(size: int, radius: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(size)
    vectors = np.linalg.qr(generator.normal(size=(size, size)))[0]
    matrix = vectors @ np.diag(radius * np.linspace(0.2, 1, size)) @ vectors.T
    shift = generator.normal(size=size)
    return matrix, shift, np.linalg.solve(np.eye(size) - matrix, shift)


def test_linear_map_is_solved_in_as_many_steps_as_it_has_dimensions() -> None:
    matrix, shift, fixed = contraction(4, 0.99)
    accelerator, point = Anderson(4), np.zeros(4)
    for _ in range(6):
        point = accelerator.next(point, matrix @ point + shift - point)
    np.testing.assert_allclose(point, fixed, rtol=1e-5)


def test_short_memory_still_beats_plain_steps() -> None:
    matrix, shift, fixed = contraction(40, 0.995)
    errors = {}
    for memory in (0, 5):
        accelerator, point = Anderson(memory) if memory else None, np.zeros(40)
        for _ in range(100):
            step = matrix @ point + shift - point
            point = point + step if accelerator is None else accelerator.next(point, step)
        errors[memory] = np.linalg.norm(point - fixed)
    assert errors[5] < 1e-2 * errors[0]


def test_guard_goes_back_to_the_plain_successor_of_the_point_before() -> None:
    accelerator, start = Anderson(3), np.zeros(2)
    second = accelerator.next(start, np.array([1.0, 0.0]))
    step = np.array([0.5, 0.1])
    third = accelerator.next(second, step)
    assert np.linalg.norm(third - second - step) > 0.1  # extrapolated
    back = accelerator.next(third, np.array([3.0, 3.0]))
    np.testing.assert_allclose(back, second + step)
    plain = np.array([0.4, 0.0])
    np.testing.assert_allclose(accelerator.next(back, plain), back + plain)  # nothing is remembered


def test_arguments_are_left_alone_and_memory_is_bounded() -> None:
    matrix, shift, _ = contraction(10, 0.9)
    accelerator, point = Anderson(2), np.zeros((5, 2))
    for _ in range(7):
        step = (matrix @ point.ravel() + shift).reshape(5, 2) - point
        kept = point.copy(), step.copy()
        following = accelerator.next(point, step)
        np.testing.assert_array_equal(point, kept[0])
        np.testing.assert_array_equal(step, kept[1])
        point = following
    assert len(accelerator._steps) == len(accelerator._images) == len(accelerator._products) == 2
    assert all(len(row) <= 2 for row in accelerator._products)
