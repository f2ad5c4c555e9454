from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from geomem.training.optim import learning_rate, make_optimizer
from geomem.training.spec import Optimizer, Schedule


def test_cosine_with_warmup_in_closed_form() -> None:
    schedule = Schedule(kind="cosine", warmup=10, final=0.1)
    assert learning_rate(schedule, 2.0, 0, 110) == pytest.approx(0.2)
    assert learning_rate(schedule, 2.0, 9, 110) == pytest.approx(2.0)
    assert learning_rate(schedule, 2.0, 10, 110) == pytest.approx(2.0)
    assert learning_rate(schedule, 2.0, 109, 110) == pytest.approx(0.2)
    step = 43
    expected = 2.0 * (0.1 + 0.9 * (1 + math.cos(math.pi * (step - 10) / 99)) / 2)
    assert learning_rate(schedule, 2.0, step, 110) == pytest.approx(expected)


def test_linear_and_constant() -> None:
    assert learning_rate(Schedule(kind="linear", final=0.0), 1.0, 50, 101) == pytest.approx(0.5)
    assert {learning_rate(Schedule(kind="constant"), 0.3, step, 9) for step in range(9)} == {0.3}


def test_a_one_step_stage_has_a_rate() -> None:
    assert learning_rate(Schedule(), 1.0, 0, 1) == 1.0


def _after(spec: Optimizer, gradient: float, steps: int = 1) -> float:
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 2.0)
    optimizer = make_optimizer(model, spec, "cpu")
    for _ in range(steps):
        model.weight.grad = torch.full((1, 1), gradient)
        optimizer.step()
    return model.weight.item()


def test_adamw_first_step_in_closed_form() -> None:
    # Adam's first step is lr * sign(g); decay multiplies the weight by 1 - lr * wd before it.
    found = _after(Optimizer(lr=0.1, weight_decay=0.5), 3.0)
    assert found == pytest.approx(2.0 * (1 - 0.1 * 0.5) - 0.1, abs=1e-6)


def test_sgd_with_momentum_in_closed_form() -> None:
    found = _after(Optimizer(kind="sgd", lr=0.1, momentum=0.5, weight_decay=0.0), 1.0, steps=2)
    assert found == pytest.approx(2.0 - 0.1 * 1.0 - 0.1 * 1.5, abs=1e-6)


def test_frozen_parameters_are_left_out() -> None:
    model = nn.Linear(2, 2)
    model.weight.requires_grad_(False)
    (group,) = make_optimizer(model, Optimizer(), "cpu").param_groups
    assert [tuple(parameter.shape) for parameter in group["params"]] == [(2,)]
