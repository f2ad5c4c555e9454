"""OPT: flat rows in the MLP, and the 350M model's other order and projections."""

from __future__ import annotations

import torch

from tests.models.adapters.checkpoints import Opened
from tests.models.adapters.parts import recorded, same


def test_the_mlp_of_flat_rows_becomes_windows(opened: Opened) -> None:
    adapter, streams, attention, mlp = recorded(opened("opt"))
    block = adapter.blocks[1]
    assert adapter.mlp_input == "after-attention"
    with torch.no_grad():
        inner = block.activation_fn(block.fc1(block.final_layer_norm(streams[1] + attention[1])))
        assert same(block.fc2(inner), mlp[1])


def test_post_norm_blocks_and_projections(opened: Opened) -> None:
    adapter, streams, attention, mlp = recorded(opened("opt-350m"))
    block = adapter.blocks[1]
    assert adapter.mlp_input == "normed"
    assert not adapter.additive
    with torch.no_grad():
        normed = block.self_attn_layer_norm(streams[1] + attention[1])
        assert same(block.fc2(block.activation_fn(block.fc1(normed))), mlp[1])
        assert same(block.final_layer_norm(normed + mlp[1]), streams[2])
        assert adapter.final(streams[-1]).shape == (2, 9, 16)
    assert adapter.embedding.shape == adapter.unembedding.shape == (50, 16)
