"""Architectures whose inside is not recognised still give their hidden states."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from geomem.errors import InputError
from geomem.models.adapters import adapt
from geomem.models.adapters.hidden_states import HiddenStatesAdapter
from tests.models.adapters.checkpoints import Opened, build, tokens


def test_albert_runs_one_block_again_and_again(opened: Opened) -> None:
    adapter = adapt(opened("albert"))
    assert type(adapter) is HiddenStatesAdapter
    assert adapter.blocks == ()
    assert not adapter.causal
    assert [line.split(":")[0] for line in adapter.missing] == [
        "updates of attention and MLP", "the stream before the final norm, and interventions", "logits of streams",
    ]  # fmt: skip


def test_recording_ends_with_its_context(opened: Opened) -> None:
    adapter = adapt(opened("albert"))
    with adapter.record() as record:
        adapter.run(tokens())
    first = record.streams[0]
    adapter.run(tokens(1, 4))
    assert record.streams[0] is first
    assert record.attention is None
    with adapter.record(streams=False) as record:
        adapter.run(tokens())
    assert record.streams == []


def test_gradients(opened: Opened) -> None:
    adapter = adapt(opened("albert"))
    with adapter.record() as record:
        assert adapter.run(tokens(), grad=True).requires_grad
    assert not record.streams[-1].requires_grad


def test_a_model_without_hidden_states_is_named() -> None:
    model = build("albert")
    adapter = adapt(model)
    model.albert.forward = lambda **_options: SimpleNamespace(last_hidden_state=torch.zeros(1))
    with pytest.raises(InputError, match="albert: gives no hidden states"):
        adapter.run(tokens())
