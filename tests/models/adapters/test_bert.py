"""BERT and RoBERTa: post-norm blocks, heads, bidirectional attention."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from geomem.models.adapters import adapt
from geomem.models.hub import open_checkpoint
from tests.models.adapters.checkpoints import MASKED, Opened, bare_bert, tokens
from tests.models.adapters.parts import recorded, same


@pytest.mark.parametrize("name", MASKED)
def test_a_block_is_two_normed_sums_of_what_is_recorded(name: str, opened: Opened) -> None:
    adapter, streams, attention, mlp = recorded(opened(name))
    block = adapter.blocks[1]
    assert adapter.mlp_input == "normed"
    assert not adapter.causal
    with torch.no_grad():
        normed = block.attention.output.LayerNorm(streams[1] + attention[1])
        assert same(block.output.dense(block.intermediate(normed)), mlp[1])
        assert same(block.output.LayerNorm(normed + mlp[1]), streams[2])


def test_an_encoder_without_a_head_opens_without_logits(tmp_path: Path) -> None:
    adapter = adapt(open_checkpoint(bare_bert(tmp_path)))
    assert type(adapter.model).__name__ == "BertModel"
    assert adapter.missing == ("logits: this bert checkpoint has no output layer",)
    stream = adapter.run(tokens())
    assert adapter.final(stream) is stream
    with torch.no_grad():
        assert torch.equal(adapter.model(tokens()).last_hidden_state, stream)


def test_a_decoding_bert_is_causal(opened: Opened) -> None:
    model = opened("bert")
    model.config.is_decoder = True
    try:
        assert adapt(model).causal
    finally:
        model.config.is_decoder = False


def test_the_longest_window(opened: Opened) -> None:
    """RoBERTa's positions begin behind its padding id."""
    model = opened("roberta")
    adapter = adapt(model)
    assert adapter.context == 63
    assert adapter.run(tokens(1, 63)).shape == (1, 63, 32)
    with pytest.raises((IndexError, RuntimeError)):
        adapter.run(tokens(1, 64))
    assert adapt(opened("bert")).context == 64
