from __future__ import annotations

import numpy as np
import pytest
import torch

from geomem.errors import InputError
from geomem.geometry.pmi import sgns_objective, shifted_pmi
from geomem.solvers.sgns import ascend


def _joint(concentration: float = 5.0) -> torch.Tensor:
    drawn = np.random.default_rng(0).dirichlet(np.full(48, concentration))
    return torch.from_numpy(drawn.reshape(8, 6))


def test_full_dimension_reaches_shifted_pmi_and_fewer_do_not() -> None:
    joint = _joint()
    errors = {width: ascend(joint, width, negatives=5, lr=2.0, steps=30_000).errors[-1] for width in (6, 3, 2)}
    assert errors[6] < 1e-6
    assert errors[2] > errors[3] > 1e-3


def test_every_step_goes_up_and_is_the_gradient_step() -> None:
    joint, goal = _joint(), shifted_pmi(_joint(), 5)
    begun = ascend(joint, 3, negatives=5, lr=1.0, steps=0)
    words, contexts = begun.words.clone().requires_grad_(), begun.contexts.clone().requires_grad_()
    sgns_objective(words @ contexts.T, joint, 5).backward()
    one = ascend(joint, 3, negatives=5, lr=1.0, steps=1)
    assert words.grad is not None
    torch.testing.assert_close(one.words, begun.words + words.grad)
    values = [
        float(sgns_objective(ascend(joint, 3, negatives=5, lr=1.0, steps=n).products(), joint, 5))
        for n in range(0, 60, 10)
    ]
    assert values == sorted(values)
    assert values[-1] < float(sgns_objective(goal, joint, 5))


def test_errors_on_the_way() -> None:
    found = ascend(_joint(), 6, negatives=5, lr=2.0, steps=500, record_at=(0, 100, 500, 9999))
    assert found.steps == (0, 100, 500)
    assert found.errors[-1] == pytest.approx(float((found.products() - shifted_pmi(_joint(), 5)).abs().max()))


def test_a_step_is_one_along_the_gradient_of_the_objective() -> None:
    """Both tables move at once, from where they were: the second does not see the first one's step."""
    joint, lr = _joint(), 0.7
    start, moved = (ascend(joint, 3, negatives=5, lr=lr, steps=steps) for steps in (0, 1))
    words, contexts = start.words.clone().requires_grad_(), start.contexts.clone().requires_grad_()
    sgns_objective(words @ contexts.T, joint, 5).backward()
    assert words.grad is not None
    assert contexts.grad is not None
    torch.testing.assert_close(moved.words, start.words + lr * words.grad, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(moved.contexts, start.contexts + lr * contexts.grad, rtol=1e-12, atol=1e-14)


def test_bad_input() -> None:
    with pytest.raises(InputError, match="never occurs"):
        ascend(torch.tensor([[1.0, 0.0], [1.0, 1.0]]), 2, negatives=5, lr=1.0, steps=1)
    with pytest.raises(InputError, match="too large"), np.errstate(all="ignore"):
        ascend(_joint(), 6, negatives=5, lr=1e9, steps=2000)
    for width, steps, lr in ((0, 1, 1.0), (2, -1, 1.0), (2, 1, 0.0)):
        with pytest.raises(InputError, match="width, steps, lr: need"):
            ascend(_joint(), width, negatives=5, lr=lr, steps=steps)
