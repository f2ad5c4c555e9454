from __future__ import annotations

import pytest
import torch

from geomem.interventions.resume import Resume
from geomem.interventions.skip import skip_block
from tests.interventions.models import random_tokens, tiny_gpt2, tiny_llama
from tests.interventions.test_skip import blocks_of

MODELS = {"gpt2": tiny_gpt2, "llama": tiny_llama}


@torch.no_grad()
@pytest.mark.parametrize("name", MODELS)
def test_a_resumed_pass_ends_as_a_whole_one(name: str) -> None:
    model, tokens = MODELS[name](), random_tokens()
    whole = model(tokens, output_hidden_states=True, use_cache=False)
    resume = Resume(blocks_of(model))
    for number in range(4):
        with resume.at(number, whole.hidden_states[number]):
            assert torch.allclose(model(tokens, use_cache=False).logits, whole.logits, atol=1e-5)
        # The tokens do not matter any more.
        with resume.at(number, whole.hidden_states[number]):
            assert torch.allclose(model(tokens * 0, use_cache=False).logits, whole.logits, atol=1e-5)
    assert torch.equal(model(tokens, use_cache=False).logits, whole.logits)


@torch.no_grad()
def test_earlier_blocks_are_not_computed_and_later_ones_can_be_changed() -> None:
    model, tokens = tiny_gpt2(), random_tokens()
    blocks = blocks_of(model)
    streams = model(tokens, output_hidden_states=True, use_cache=False).hidden_states
    with skip_block(blocks[2]):
        expected = model(tokens, use_cache=False).logits
    resume = Resume(blocks)
    calls: list[int] = []
    for number, block in enumerate(blocks):
        block.mlp.register_forward_hook(lambda *_, number=number: calls.append(number))
    for _ in range(2):
        with resume.at(2, streams[2]), skip_block(blocks[2]):
            assert torch.allclose(model(tokens, use_cache=False).logits, expected, atol=1e-5)
    # Block 0 ran once, to see what its kind returns.
    assert calls == [0, 2, 3, 2, 3]
