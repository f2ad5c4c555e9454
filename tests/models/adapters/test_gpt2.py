"""GPT-2: what the parts record, rebuilt from the modules."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from geomem.errors import InputError
from geomem.models.adapters import adapt
from geomem.models.hub import open_checkpoint
from tests.models.adapters.checkpoints import Opened, build, save, tokens
from tests.models.adapters.parts import recorded, same


def test_the_mlp_reads_the_stream_after_attention(opened: Opened) -> None:
    adapter, streams, attention, mlp = recorded(opened("gpt2"))
    block = adapter.blocks[1]
    assert adapter.mlp_input == "after-attention"
    with torch.no_grad():
        assert same(block.mlp(block.ln_2(streams[1] + attention[1])), mlp[1])
        assert same(adapter.embedding[tokens()] + adapter.body.wpe.weight[:9], streams[0])


def test_a_model_saved_without_its_head_has_no_logits(tmp_path: Path) -> None:
    adapter = adapt(open_checkpoint(save(build("gpt2").transformer, tmp_path)))
    assert adapter.family == "gpt2"
    assert adapter.missing == ("logits: this gpt2 checkpoint has no output layer",)
    assert adapter.unembedding is None
    stream = adapter.run(tokens())
    with pytest.raises(InputError, match="gpt2: this checkpoint has no output layer, so there are no logits"):
        adapter.logits(stream)
    assert adapter.final(stream).shape == (2, 9, 32)
