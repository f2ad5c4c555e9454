from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers.activations import NewGELUActivation

from geomem.decoding import gelu as module
from geomem.decoding.gelu import gelu, quick_gelus


def exact(x: Tensor) -> Tensor:
    """By the formula, in float64."""
    return F.gelu(x.double(), approximate="tanh")


@pytest.mark.parametrize("shape", [(0,), (), (7,), (3, 5, 11), (2, 2**18 + 3)])
def test_value_and_gradient_are_the_formula(shape: tuple[int, ...]):
    torch.manual_seed(0)
    x, above = (3 * torch.randn(shape)).requires_grad_(), torch.randn(shape)
    wide = x.detach().double().requires_grad_()
    value, wanted = gelu(x), exact(wide)
    value.backward(above)
    wanted.backward(above.double())
    assert x.grad is not None
    assert wide.grad is not None
    torch.testing.assert_close(value.double(), wanted, rtol=2e-6, atol=1e-6)
    torch.testing.assert_close(x.grad.double(), wide.grad, rtol=1e-5, atol=2e-6)
    with torch.no_grad():
        assert torch.equal(gelu(x), value)


def test_far_out_it_is_the_identity_or_nothing():
    x = torch.tensor([-torch.inf, -1e30, -50.0, 0.0, 50.0, 1e10], requires_grad=True)
    value = gelu(x[1:])
    assert value.tolist() == [0.0, 0.0, 0.0, 50.0, 1e10]
    value.sum().backward()
    assert x.grad is not None
    assert x.grad[2:].tolist() == [0.0, 0.5, 1.0, 1.0]


def test_whatever_lies_in_memory_otherwise():
    torch.manual_seed(1)
    x = torch.randn(6, 8)
    for cut in (x.T, x[:, ::2], x[0].expand(3, 8)):
        one, two = cut.clone().requires_grad_(), cut.detach().requires_grad_()
        gelu(one).sum().backward()
        gelu(two).sum().backward()
        assert one.grad is not None
        assert two.grad is not None
        torch.testing.assert_close(one.grad, two.grad)
        torch.testing.assert_close(gelu(cut), F.gelu(cut, approximate="tanh"))


def test_second_derivatives_are_torchs():
    x = torch.linspace(-3, 3, 13)
    torch.testing.assert_close(_second(gelu, x), _second(NewGELUActivation(), x))


def _second(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    (first,) = torch.autograd.grad(function(x).sum(), x, create_graph=True)
    return torch.autograd.grad(first.sum(), x)[0]


def test_under_vmap_and_in_float64_it_is_the_same():
    x = torch.randn(4, 5)
    per_row = torch.func.vmap(torch.func.grad(_total))(x)
    one = x.clone().requires_grad_()
    gelu(one).sum().backward()
    torch.testing.assert_close(per_row, one.grad)
    assert torch.equal(gelu(x.double()), F.gelu(x.double(), approximate="tanh"))


def _total(x: Tensor) -> Tensor:
    return gelu(x).sum()


def test_modules_of_transformers_are_quick_for_a_while():
    model = torch.nn.Sequential(NewGELUActivation(), torch.nn.GELU())
    x = torch.randn(3, 4)
    before = model(x)
    with quick_gelus(model):
        assert model[0].forward is module.gelu
        assert "forward" not in vars(model[1])
        torch.testing.assert_close(model(x), before)
    assert "forward" not in vars(model[0])
    assert torch.equal(model(x), before)
