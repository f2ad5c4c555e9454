"""GPT-NeoX: parallel or sequential, as the configuration says."""

from __future__ import annotations

import pytest
import torch

from tests.models.adapters.checkpoints import Opened
from tests.models.adapters.parts import recorded, same


@pytest.mark.parametrize(("name", "reads"), [("pythia", "block-input"), ("pythia-sequential", "after-attention")])
def test_what_the_mlp_reads(name: str, reads: str, opened: Opened) -> None:
    adapter, streams, attention, mlp = recorded(opened(name))
    block = adapter.blocks[1]
    assert adapter.family == "gpt_neox"
    assert adapter.mlp_input == reads
    with torch.no_grad():
        beside = block.mlp(block.post_attention_layernorm(streams[1]))
        after = block.mlp(block.post_attention_layernorm(streams[1] + attention[1]))
    assert same(beside, mlp[1]) == (reads == "block-input")
    assert same(after, mlp[1]) == (reads == "after-attention")
