from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers.activations import ACT2FN

from geomem.decoding.gelu import gelu, quick_gelus


def formula(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


@pytest.mark.parametrize("gradients", [False, True])
def test_it_is_the_formula(gradients: bool) -> None:
    ends = [0.0, -0.0, 1e-30, -40.0, 40.0, -1e4, 1e4, 3e38, -3e38]
    x = torch.cat([torch.linspace(-12, 12, 300_001), torch.tensor(ends)]).requires_grad_(gradients)
    with torch.set_grad_enabled(gradients), np.errstate(over="ignore"):
        found, expected = gelu(x).detach().numpy(), formula(x.detach().double().numpy())
    assert found == pytest.approx(expected, rel=2e-6, abs=5e-7)


@torch.no_grad()
def test_shapes_and_what_is_not_contiguous() -> None:
    x = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
    before = x.clone()
    torch.testing.assert_close(gelu(x.transpose(0, 2)), gelu(x).transpose(0, 2))
    assert torch.equal(x, before)
    assert gelu(x[:0]).shape == (0, 5, 4)
    exact = gelu(x.double())
    assert exact.dtype == torch.float64
    assert exact.numpy() == pytest.approx(formula(x.double().numpy()), rel=1e-12)


def test_gradients_are_those_of_the_formula() -> None:
    x = torch.linspace(-3, 3, 50, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(gelu, x)


@pytest.mark.parametrize("name", ["gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh"])
def test_modules_of_transformers_are_quick_for_the_time_being(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def note(x: Tensor) -> Tensor:
        asked.append(len(x))
        return gelu(x)

    monkeypatch.setattr("geomem.decoding.gelu.gelu", note)
    seen: list[Any] = []
    model = nn.Sequential(ACT2FN[name])
    model[0].register_forward_hook(lambda module, inputs, output: seen.append(output))
    x = torch.randn(7)
    with torch.no_grad():
        expected = model(x)
        with quick_gelus(model):
            found = model(x)
        assert asked == [7]
        model(x)
    assert asked == [7]
    assert len(seen) == 3
    torch.testing.assert_close(found, expected)


def test_other_activations_are_left_alone_and_errors_give_the_module_back() -> None:
    model = nn.ModuleList([ACT2FN["gelu"], ACT2FN["silu"], ACT2FN["gelu_new"]])

    def fail() -> None:
        with quick_gelus(model):
            assert ["forward" in vars(one) for one in model] == [False, False, True]
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert not any("forward" in vars(one) for one in model)
