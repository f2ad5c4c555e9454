"""Families without an adapter: found, proved, and what was not found is named."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from geomem.errors import InputError
from geomem.models.adapters import adapt
from geomem.models.adapters.generic import GenericAdapter, blocks_of, is_causal
from geomem.models.adapters.hidden_states import HiddenStatesAdapter
from tests.models.adapters.checkpoints import Opened, build, tokens


def test_blocks_final_norm_and_logits_are_found_where_they_follow_the_usual_plan(opened: Opened) -> None:
    adapter = adapt(opened("stablelm"))
    assert type(adapter) is GenericAdapter
    assert len(adapter.blocks) == 3
    assert adapter.missing == (
        "updates of attention and MLP: geomem has no adapter for 'stablelm', "
        "so what each adds to the stream is not known",
    )
    with adapter.record() as record:
        adapter.run(tokens())
    assert record.attention is None
    assert record.mlp is None


@pytest.mark.parametrize("name", ["cohere", "electra"])
def test_logits_that_do_not_follow_the_plan_are_not_offered(name: str, opened: Opened) -> None:
    """Cohere scales them, ELECTRA transforms the stream first."""
    adapter = adapt(opened(name))
    assert len(adapter.blocks) == 3
    assert any(line.startswith("logits of streams: ") for line in adapter.missing)
    for ask in (adapter.final, adapter.logits):
        with pytest.raises(InputError, match=f"{name}: geomem has no adapter for it"):
            ask(torch.zeros(1, 32))


def test_a_norm_that_gives_other_states_is_not_taken_for_the_final_one() -> None:
    model = build("stablelm")
    model.model.norm.register_forward_hook(lambda _module, _inputs, output: 2 * output)
    model.model.another = nn.LayerNorm(32)
    adapter: Any = adapt(model)
    with torch.no_grad():
        expected = model(input_ids=tokens()).logits
    # The hook belongs to the module, so the right norm still gives the states; the other one does not.
    assert adapter._norm is model.model.norm
    assert torch.allclose(adapter.logits(adapter.run(tokens())), expected)


def test_blocks_that_are_not_what_they_seem_are_not_used() -> None:
    model = build("stablelm")
    run = type(model.model).forward

    def forward(*args: Any, **options: Any) -> Any:
        output = run(model.model, *args, **options)
        if output.hidden_states is not None:
            output.hidden_states = tuple(state + 1 for state in output.hidden_states)
        return output

    model.model.forward = forward
    assert type(adapt(model)) is HiddenStatesAdapter


def test_two_lists_of_the_same_length_are_ambiguous() -> None:
    model = build("stablelm")
    assert blocks_of(model) is model.model.layers
    model.model.layers[0].inner = nn.ModuleList(nn.Linear(2, 2) for _ in range(3))
    assert blocks_of(model) is model.model.layers
    model.model.towers = nn.ModuleList(nn.Linear(2, 2) for _ in range(3))
    assert blocks_of(model) is None


def test_which_models_are_causal(opened: Opened) -> None:
    assert [is_causal(opened(name)) for name in ("stablelm", "mamba2", "electra", "albert")] == [
        True,
        True,
        False,
        False,
    ]
    decoder = build("electra")
    decoder.config.is_decoder = True
    assert is_causal(decoder)
