"""Mamba: a mixer and nothing else."""

from __future__ import annotations

import pytest
import torch

from tests.models.adapters.checkpoints import Opened
from tests.models.adapters.parts import recorded, same


@pytest.mark.parametrize("name", ["mamba", "geomem-mamba"])
def test_the_mixer_stands_where_attention_stands(name: str, opened: Opened) -> None:
    adapter, streams, mixed, mlp = recorded(opened(name))
    block = adapter.blocks[1]
    assert adapter.attention(1) is block.mixer
    assert adapter.mlp(1) is None
    assert mlp == []
    assert adapter.context is None
    with torch.no_grad():
        rebuilt = block.mixer(block.norm(streams[1]), *(() if name == "mamba" else (None,)))
    assert same(rebuilt, mixed[1])
    assert same(streams[1] + mixed[1], streams[2])
