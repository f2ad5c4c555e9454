"""What a record holds, and that no hook stays behind."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from geomem.models.adapters import adapt
from geomem.models.adapters.recording import block_input, windows
from tests.models.adapters.checkpoints import Opened, build, tokens


def hooks(model: Any) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules())


def test_hooks_go_even_when_the_pass_fails() -> None:
    model = build("llama")
    adapter = adapt(model)
    before = hooks(model)
    with adapter.record() as record:
        adapter.run(tokens())
        assert hooks(model) > before
    assert hooks(model) == before
    with pytest.raises(IndexError), adapter.record():
        adapter.run(tokens() + 1000)
    assert hooks(model) == before
    with pytest.raises(ZeroDivisionError), adapter.record():
        raise ZeroDivisionError
    assert hooks(model) == before
    assert len(record.streams) == 4


def test_only_what_is_asked_for(opened: Opened) -> None:
    adapter = adapt(opened("llama"))
    with adapter.record(parts=False) as record:
        adapter.run(tokens())
    assert (len(record.streams), record.attention, record.mlp) == (4, None, None)
    with adapter.record(streams=False) as record:
        adapter.run(tokens())
    assert record.streams == []
    assert record.attention is not None
    assert record.mlp is not None
    assert len(record.attention) == len(record.mlp) == 3


def test_a_second_run_replaces_the_first(opened: Opened) -> None:
    adapter = adapt(opened("gpt2"))
    with adapter.record() as record:
        adapter.run(tokens(2, 9))
        adapter.run(tokens(1, 5))
    assert [stream.shape for stream in record.streams] == [(1, 5, 32)] * 4
    assert record.mlp is not None
    assert [update.shape for update in record.mlp] == [(1, 5, 32)] * 3


def test_maps_and_streams_come_of_one_pass(opened: Opened) -> None:
    adapter = adapt(opened("llama"))
    plain = adapter.run(tokens())
    layers: list[int] = []
    with adapter.record() as record:
        adapter.visit_attention_maps(tokens(), lambda layer, _weights: layers.append(layer))
    assert layers == [0, 1, 2]
    assert torch.allclose(record.streams[-1], plain, rtol=1e-4, atol=1e-5)


def test_a_stream_is_found_among_arguments_and_flat_rows_become_windows() -> None:
    stream = torch.zeros(2, 3, 4)
    assert block_input((stream, None), {}) is stream
    assert block_input((), {"hidden_states": stream}) is stream
    assert windows(stream, (2, 3)) is stream
    assert windows(stream.view(6, 4), (2, 3)).shape == (2, 3, 4)
    assert windows(stream.view(6, 4), None).shape == (6, 4)
