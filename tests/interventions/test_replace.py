from __future__ import annotations

import torch
from torch import Tensor, nn

from geomem.interventions.replace import put_output, replace_output
from tests.interventions.models import gpt2_logits, gpt2_loop, random_tokens, tiny_gpt2


@torch.no_grad()
def test_a_tokenwise_stand_in_against_a_plain_loop() -> None:
    model, tokens = tiny_gpt2(), random_tokens()
    given: list[tuple[int, ...]] = []

    def function(rows: Tensor) -> Tensor:
        given.append(tuple(rows.shape))
        return rows.double() * 0.5 + 1

    def block(number: int, module: nn.Module, stream: Tensor) -> Tensor:
        output = module(stream)
        return torch.cat([output[:, :1], stream[:, 1:] * 0.5 + 1], dim=1) if number == 2 else output

    expected = gpt2_logits(model, gpt2_loop(model, tokens, block)[-1])
    with replace_output(model.transformer.h[2], function):
        assert torch.allclose(model(tokens).logits, expected, atol=1e-5)
    assert given == [(2 * 9, 24)]


@torch.no_grad()
def test_values_made_before_at_one_position_of_each_window() -> None:
    model, tokens = tiny_gpt2(), random_tokens()
    values = torch.randn(2, 10, 24, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    mask = torch.zeros(2, 10, dtype=torch.bool)
    mask[0, 3] = mask[1, 7] = True

    def block(number: int, module: nn.Module, stream: Tensor) -> Tensor:
        output = module(stream).clone()
        if number == 0:
            output[0, 3], output[1, 7] = values[0, 3].float(), values[1, 7].float()
        return output

    expected = gpt2_logits(model, gpt2_loop(model, tokens, block)[-1])
    with put_output(model.transformer.h[0], values, mask):
        assert torch.allclose(model(tokens).logits, expected, atol=1e-5)


def test_flat_rows() -> None:
    module = nn.Identity()
    rows = torch.arange(12.0).view(6, 2)
    with replace_output(module, lambda chosen: -chosen, slice(1, 2), length=3):
        found = module(rows).view(2, 3, 2)
    expected = rows.view(2, 3, 2).clone()
    expected[:, 1] *= -1
    assert torch.equal(found, expected)
