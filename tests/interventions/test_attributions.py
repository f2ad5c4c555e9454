from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from geomem.interventions.attributions import integrated_gradients
from geomem.interventions.hooks import EVERYWHERE, edited_output
from tests.interventions.models import random_tokens, tiny_gpt2, tiny_llama


@pytest.mark.parametrize("layer", [0, 2])
@pytest.mark.parametrize("part", ["block", "mlp", "attention"])
def test_completeness(layer: int, part: str) -> None:
    model, window = tiny_gpt2(), random_tokens(1, 8)
    block = model.transformer.h[layer]
    module = {"block": block, "mlp": block.mlp, "attention": block.attn}[part]

    def target(copies: int) -> Tensor:
        logits = model(window.expand(copies, -1), use_cache=False).logits
        answer = logits[:, 4:7].softmax(-1).gather(-1, window[:, 5:8, None].expand(copies, -1, -1))
        return answer.sum((1, 2))

    found = integrated_gradients(module, target)
    with torch.no_grad():
        end = target(1)
        with edited_output(module, lambda _, output: output.mean(1, keepdim=True), EVERYWHERE):
            start = target(1)
    assert found.shape == (8,)
    assert float(found.sum()) == pytest.approx(float(end - start), rel=1e-3, abs=1e-5)
    # The last position answers nothing and is seen by nobody.
    assert abs(float(found[7])) < 1e-9
    assert all(weight.grad is None for weight in model.parameters())


def test_steps_and_blocks() -> None:
    model, window = tiny_llama(), random_tokens(1, 6)

    def target(copies: int) -> Tensor:
        assert copies <= 5
        return model(window.expand(copies, -1), use_cache=False).logits[:, -1].softmax(-1)[:, 3]

    module = model.model.layers[1]
    one = integrated_gradients(module, target, steps=12, block=5)
    assert torch.allclose(one, integrated_gradients(module, target, steps=12, block=1), atol=1e-6)


def test_a_quadratic_target_in_closed_form() -> None:
    module = nn.Identity()
    rows = torch.randn(1, 5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def target(copies: int) -> Tensor:
        return module(rows.expand(copies, -1, -1)).square().sum((1, 2))

    mean = rows.mean(1, keepdim=True)
    expected = ((rows + mean) * (rows - mean)).sum(-1)[0]
    assert torch.allclose(integrated_gradients(module, target, steps=4, block=3), expected)


def test_flat_rows() -> None:
    module = nn.Identity()
    rows = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def target(copies: int) -> Tensor:
        return module(rows.repeat(copies, 1)).view(copies, 5, 3).square().sum((1, 2))

    mean = rows.mean(0)
    expected = ((rows + mean) * (rows - mean)).sum(-1)
    assert torch.allclose(integrated_gradients(module, target, steps=4, length=5), expected)
