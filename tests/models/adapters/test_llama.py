"""Llama's layout in the architectures that share it."""

from __future__ import annotations

import pytest
import torch

from tests.models.adapters.checkpoints import Opened, tokens
from tests.models.adapters.parts import recorded, same

SAME_LAYOUT = ["llama", "llama-tied", "mistral-sliding", "qwen2", "qwen3", "phi3", "smollm3", "olmo", "gemma"]


@pytest.mark.parametrize("name", SAME_LAYOUT)
def test_the_mlp_reads_the_stream_after_attention(name: str, opened: Opened) -> None:
    adapter, streams, attention, mlp = recorded(opened(name))
    block = adapter.blocks[1]
    assert adapter.family == "llama"
    assert adapter.mlp_input == "after-attention"
    with torch.no_grad():
        assert same(block.mlp(block.post_attention_layernorm(streams[1] + attention[1])), mlp[1])


def test_ties(opened: Opened) -> None:
    tied, untied = recorded(opened("llama-tied"))[0], recorded(opened("llama"))[0]
    assert tied.unembedding.data_ptr() == tied.embedding.data_ptr()
    assert untied.unembedding.data_ptr() != untied.embedding.data_ptr()


def test_gemma_scales_its_embeddings(opened: Opened) -> None:
    adapter, streams, *_ = recorded(opened("gemma"))
    assert same(adapter.embedding[tokens()] * 32**0.5, streams[0])
