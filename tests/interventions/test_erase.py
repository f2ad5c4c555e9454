from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from geomem.errors import InputError
from geomem.interventions.erase import erase
from tests.interventions.models import gpt2_logits, gpt2_loop, random_tokens, tiny_gpt2


@torch.no_grad()
@pytest.mark.parametrize("stream", range(5))
def test_every_stream_against_a_plain_loop(stream: int) -> None:
    model, tokens = tiny_gpt2(), random_tokens()
    mean = torch.linspace(-1, 1, 24)

    def block(number: int, module: nn.Module, entering: Tensor) -> Tensor:
        if number == stream:
            entering = entering.clone()
            entering[:, 4] = mean
        return module(entering)

    last = gpt2_loop(model, tokens, block)[-1]
    if stream == 4:
        last[:, 4] = mean
    with erase(model.transformer.h, stream, mean, slice(4, 5)):
        found = model(tokens).logits
    assert torch.allclose(found, gpt2_logits(model, last), atol=1e-5)
    changed = (found - model(tokens).logits).abs().amax(-1) > 1e-4
    assert not bool(changed[:, :4].any())
    assert bool(changed[:, 4].all())


def test_bad_input() -> None:
    with pytest.raises(InputError, match=r"there is no stream 5; streams are 0\.\.4"):
        erase(tiny_gpt2().transformer.h, 5, torch.zeros(24), slice(1, 2))
