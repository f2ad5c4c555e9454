"""OLMo 2: the stream gains normed outputs."""

from __future__ import annotations

import pytest
import torch

from tests.models.adapters.checkpoints import Opened
from tests.models.adapters.parts import recorded, same


@pytest.mark.parametrize("name", ["olmo2", "olmo3-sliding"])
def test_what_is_recorded_is_normed_after_the_mlp(name: str, opened: Opened) -> None:
    adapter, streams, attention, mlp = recorded(opened(name))
    block = adapter.blocks[1]
    assert adapter.family == "olmo2"
    assert adapter.mlp_input == "after-attention"
    with torch.no_grad():
        plain = block.mlp(streams[1] + attention[1])
        assert same(block.post_feedforward_layernorm(plain), mlp[1])
        assert not same(plain, mlp[1])
