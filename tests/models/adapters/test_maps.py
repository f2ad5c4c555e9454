"""Eager attention for a while, and the count of maps."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from geomem.errors import InputError
from geomem.models.adapters import adapt
from geomem.models.adapters.maps import eager_attention, reported_maps, weights_of
from tests.models.adapters.checkpoints import Opened, build, tokens


def test_the_implementation_is_put_back_after_an_error_too() -> None:
    model = build("llama")
    assert model.config._attn_implementation == "sdpa"
    with eager_attention(model):
        assert model.config._attn_implementation == "eager"
    with pytest.raises(IndexError), eager_attention(model):
        model(input_ids=tokens() + 1000)
    assert model.config._attn_implementation == "sdpa"
    model.set_attn_implementation("eager")
    with eager_attention(model):
        pass
    assert model.config._attn_implementation == "eager"


def test_fused_attention_gives_no_maps_and_that_is_an_error(opened: Opened) -> None:
    model = opened("llama")
    with torch.no_grad():
        output = model(input_ids=tokens(), output_attentions=True)
    assert not [weights for weights in output.attentions or () if weights is not None]  # trap 2 of transformers
    with pytest.raises(InputError, match="llama: gave 0 attention maps for 3 blocks"):
        reported_maps(output, 3, "llama")
    modules = [block.self_attn for block in model.model.layers]
    with (
        torch.no_grad(),
        pytest.raises(InputError, match="llama: gave 0 attention maps for 3 blocks"),
        weights_of(modules, lambda *_: None, "llama"),
    ):
        model(input_ids=tokens())


def test_an_error_in_the_pass_is_not_hidden_by_the_count() -> None:
    with pytest.raises(ZeroDivisionError), weights_of([nn.Linear(2, 2)], lambda *_: None, "x"):
        raise ZeroDivisionError


def test_maps_are_detached_and_can_be_masked(opened: Opened) -> None:
    adapter = adapt(opened("bert"))
    mask = torch.ones(2, 9, dtype=torch.long)
    mask[:, 7:] = 0
    maps = adapter.attention_maps(tokens(), mask)
    assert not maps[0].requires_grad
    assert maps[0][..., 7:].max() == 0


def test_reported_maps_are_counted() -> None:
    weights = torch.ones(1, 2, 3, 3)
    assert len(reported_maps(SimpleNamespace(attentions=(weights, weights)), 2, "x")) == 2
    for attentions in (None, (weights,), (weights, None)):
        with pytest.raises(InputError, match="attention maps for 2 blocks"):
            reported_maps(SimpleNamespace(attentions=attentions), 2, "x")
