"""Phi: one norm for attention and MLP side by side."""

from __future__ import annotations

import torch

from tests.models.adapters.checkpoints import Opened
from tests.models.adapters.parts import recorded, same


def test_the_mlp_reads_what_attention_reads(opened: Opened) -> None:
    adapter, streams, _, mlp = recorded(opened("phi"))
    block = adapter.blocks[1]
    assert adapter.family == "phi"
    assert adapter.mlp_input == "block-input"
    with torch.no_grad():
        assert same(block.mlp(block.input_layernorm(streams[1])), mlp[1])
    assert adapter.unembedding_bias.abs().max() > 0
