"""geomem's own models: no short cut is taken while streams are read, and no logits but one are made."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from geomem.models.adapters import adapt
from geomem.models.specs import TransformerSpec
from tests.models.adapters.checkpoints import OWN, VOCAB, Opened, tokens
from tests.models.adapters.parts import recorded, same


def test_sequences_with_a_common_start_are_read_whole(opened: Opened) -> None:
    """The Transformer computes a shared prefix once when only late logits are wanted; streams need all of it."""
    model = opened("transformer")
    ids = tokens(4, 9)
    ids[:, :6] = ids[0, :6]
    stream = adapt(model).run(ids)
    assert stream.shape == (4, 9, 32)
    with torch.no_grad():
        assert same(adapt(model).logits(stream), model(input_ids=ids).logits)


@pytest.mark.parametrize("name", OWN)
def test_one_token_of_logits_at_most(name: str, opened: Opened) -> None:
    model = opened(name)
    shapes: list[Any] = []
    handle = model.lm_head.register_forward_hook(lambda _module, _inputs, output: shapes.append(output.shape))
    adapt(model).run(tokens())
    handle.remove()
    assert [shape[1] for shape in shapes] == [1]


def test_rebuilt_from_the_modules(opened: Opened) -> None:
    adapter, streams, attention, mlp = recorded(opened("transformer"))
    block = adapter.blocks[1]
    with torch.no_grad():
        assert same(block.mlp(block.norm_2(streams[1] + attention[1])), mlp[1])
    assert adapter.family == "geomem-transformer"
    assert adapter.context == 64


def test_without_sums_a_stream_is_what_the_mlp_gives(opened: Opened) -> None:
    adapter, streams, _, mlp = recorded(opened("transformer-bare"))
    assert same(mlp[1], streams[2])
    assert adapter.context is None


def test_the_linear_model_has_one_block(opened: Opened) -> None:
    adapter, streams, *_ = recorded(opened("tiny-nn"))
    assert adapter.blocks == (adapter.model.linear,)
    with torch.no_grad():
        assert same(adapter.model.linear(adapter.embedding[tokens()]), streams[1])


def test_a_model_that_looks_ahead_is_not_causal(opened: Opened) -> None:
    model = TransformerSpec(width=32, heads=4, causal=False).build(VOCAB, 0)
    adapter = adapt(model)
    assert not adapter.causal
    assert adapt(opened("transformer")).causal
    ids = tokens(2, 9)
    with torch.no_grad():
        assert same(adapter.logits(adapter.run(ids)), model(input_ids=ids).logits)
    before = adapter.run(ids)[:, 0]
    ids[:, -1] = VOCAB - ids[:, -1]
    assert not torch.equal(adapter.run(ids)[:, 0], before)
