"""GPT-J: one norm for attention and MLP side by side."""

from __future__ import annotations

import pytest
import torch

from tests.models.adapters.checkpoints import Opened
from tests.models.adapters.parts import recorded, same


@pytest.mark.parametrize("name", ["gptj", "codegen"])
def test_the_mlp_reads_what_attention_reads(name: str, opened: Opened) -> None:
    adapter, streams, _, mlp = recorded(opened(name))
    block = adapter.blocks[1]
    assert adapter.family == "gptj"
    assert adapter.mlp_input == "block-input"
    with torch.no_grad():
        assert same(block.mlp(block.ln_1(streams[1])), mlp[1])
    assert adapter.unembedding_bias.abs().max() > 0
