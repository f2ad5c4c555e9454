"""`adapt` chooses by model type and never fails."""

from __future__ import annotations

import pytest
from torch import nn

from geomem.models.adapters import adapt
from geomem.models.adapters.generic import GenericAdapter
from tests.models.adapters.checkpoints import build


@pytest.mark.parametrize(
    ("name", "family"),
    [("gpt2", "gpt2"), ("pythia", "gpt_neox"), ("qwen3", "llama"), ("gemma3-sliding", "gemma"), ("roberta", "roberta")],
)
def test_by_model_type(name: str, family: str) -> None:
    assert adapt(build(name)).family == family


def test_a_variant_laid_out_otherwise_gets_a_generic_adapter() -> None:
    model = build("llama")
    for block in model.model.layers:
        block.feed_forward = block.mlp
        del block.mlp
        block.forward = lambda hidden_states, **_options: hidden_states
    adapter = adapt(model)
    assert type(adapter) is GenericAdapter
    assert adapter.name == "llama"
    assert len(adapter.blocks) == 3


def test_a_model_that_cannot_run_at_all_is_adapted_all_the_same() -> None:
    model = build("stablelm")
    model.model.norm = nn.Identity()
    model.model.forward = None
    adapter = adapt(model)
    assert adapter.family == "generic"
    assert adapter.blocks == ()
