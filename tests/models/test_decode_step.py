"""One token more without modules: the logits of the forward pass, in every setting, and no step where hooks wait."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from geomem.decoding.cache import new_cache
from geomem.decoding.generate import generate
from geomem.models.transformer import GeomemTransformerForCausalLM
from tests.models.test_transformer import build, lively, tokens

SETTINGS: list[dict[str, Any]] = [
    {},
    {"positions": "rotary"},
    {"positions": "sinusoidal"},
    {"positions": "none"},
    {"norm": False},
    {"biases": False},
    {"residual": False},
    {"tied": False},
    {"scaled": True},
    {"layers": 3, "dropout": 0.5},
    {"positions": "rotary", "norm": False, "biases": False, "residual": False},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@torch.no_grad()
def test_it_is_the_forward_pass(settings: dict[str, Any]) -> None:
    model, ids = lively(build(**settings)), tokens(length=9)
    whole = model(input_ids=ids).logits
    cache, step = new_cache(model, 9), model.decode_step()
    assert step is not None
    model(input_ids=ids[:, :4], past_key_values=cache, use_cache=True)
    for place in range(4, 9):
        torch.testing.assert_close(step(ids[:, place], cache), whole[:, place], atol=1e-5, rtol=1e-5)
        assert cache.get_seq_length() == place + 1
    assert whole.std() > 0.1


@pytest.mark.parametrize("settings", [{"attention": False}, {"causal": False}, {"layers": 0}])
def test_a_model_that_keeps_nothing_has_none(settings: dict[str, Any]) -> None:
    assert build(**settings).decode_step() is None


def test_none_while_training_or_where_somebody_watches() -> None:
    model = build()
    assert model.decode_step() is not None
    assert model.train().decode_step() is None
    model.eval()
    handle = model.layers[0].register_forward_hook(lambda module, inputs, output: None)
    assert model.decode_step() is None
    handle.remove()
    handle = nn.modules.module.register_module_forward_pre_hook(lambda module, inputs: None)
    assert model.decode_step() is None
    handle.remove()
    assert model.decode_step() is not None
    assert model.double().decode_step() is None


def test_what_is_changed_in_a_module_changes_what_is_generated() -> None:
    """As an intervention does it, by a hook or by another `forward`."""
    model, prompts = lively(build()), tokens()
    plain = generate(model, prompts, 8)

    def silent(*args: Any) -> torch.Tensor:
        return torch.zeros_like(args[0])

    model.layers[1].mlp.forward = silent  # pyright: ignore[reportAttributeAccessIssue]
    changed = generate(model, prompts, 8)
    del model.layers[1].mlp.forward
    assert not torch.equal(changed, plain)
    assert torch.equal(generate(model, prompts, 8), plain)
    assert torch.equal(changed, _greedy_without_mlp(model, prompts, 8))


def _greedy_without_mlp(model: GeomemTransformerForCausalLM, ids: torch.Tensor, new: int) -> torch.Tensor:
    handle = model.layers[1].mlp.register_forward_hook(lambda module, inputs, output: torch.zeros_like(output))
    found = ids
    with torch.no_grad():
        for _ in range(new):
            found = torch.cat([found, model(input_ids=found).logits[:, -1].argmax(-1, keepdim=True)], dim=1)
    handle.remove()
    return found[:, ids.shape[1] :]
