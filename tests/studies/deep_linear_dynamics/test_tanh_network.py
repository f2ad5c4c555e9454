from __future__ import annotations

import pytest
import torch

from geomem.errors import InputError
from geomem.models.deep_linear import DeepLinear
from geomem.seeding import torch_generator
from geomem.solvers.gradient_flow import follow
from geomem.studies.deep_linear_dynamics.tanh_network import follow_tanh

TABLE = torch.randn(7, 4, generator=torch_generator(0, "here"), dtype=torch.float64)


def same(output: torch.Tensor) -> torch.Tensor:
    return output


def test_a_step_is_one_of_gradient_descent() -> None:
    weights = DeepLinear.gaussian((4, 5, 7), 1.0, 0).weights
    first, second = (matrix.clone().requires_grad_() for matrix in weights)
    (0.5 * (TABLE - second @ torch.tanh(first)).square().sum()).backward()
    course = follow_tanh(weights, TABLE, step=0.1, steps=1, record_every=1, observe=same)
    torch.testing.assert_close(course.weights[0], weights[0] - 0.1 * first.grad)
    torch.testing.assert_close(course.weights[1], weights[1] - 0.1 * second.grad)
    torch.testing.assert_close(course.seen[0], weights[1] @ torch.tanh(weights[0]))


def test_small_weights_are_as_good_as_linear() -> None:
    weights = DeepLinear.small_random((4, 5, 7), 1e-3, 0).weights
    linear = follow(weights, TABLE, step=0.01, steps=40, record_every=7)
    tanh = follow_tanh(weights, TABLE, step=0.01, steps=40, record_every=7, observe=same)
    assert torch.equal(tanh.times, linear.times)
    torch.testing.assert_close(tanh.seen, linear.seen, rtol=1e-3, atol=1e-8)


def test_it_learns_the_table_and_says_when_it_cannot() -> None:
    weights = DeepLinear.gaussian((4, 6, 7), 0.5, 0).weights
    course = follow_tanh(weights, TABLE, step=0.05, steps=2000, record_every=100, observe=same)
    torch.testing.assert_close(course.seen[-1], TABLE, rtol=0, atol=1e-3)
    with pytest.raises(InputError, match="1e\\+200 is too large"):
        follow_tanh(weights, TABLE, step=1e200, steps=50, record_every=1, observe=same)
