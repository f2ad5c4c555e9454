"""Columns, means and combinations from states are those of the model's own logits."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from geomem.errors import InputError
from geomem.geometry.logit_rank import centred
from geomem.probing.logits.head import Head, head_of

STATES = torch.randn(9, 6, generator=torch.Generator().manual_seed(0))


def layer(*, bias: bool) -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(6, 11, bias=bias)


def heads() -> list[Head]:
    return [Head(layer(bias=False)), Head(layer(bias=True), scale=0.3), Head(layer(bias=True), cap=0.5)]


def plain(head: Head) -> Tensor:
    """Return centred logits by the definition, in float64."""
    logits = head.layer(STATES).detach().double()
    return centred(head.scale * logits if head.cap is None else head.cap * torch.tanh(logits / head.cap))


@pytest.mark.parametrize("head", heads(), ids=["plain", "scaled", "capped"])
def test_all_ways_agree_with_the_definition(head: Head) -> None:
    expected, tokens = plain(head), torch.tensor([1, 4, 9])
    weights = torch.randn(9, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def same(found: Tensor, wanted: Tensor) -> None:
        torch.testing.assert_close(found.double(), wanted, atol=1e-5, rtol=1e-5)

    same(head.centred(STATES), expected)
    same(head.columns(STATES, tokens), expected[:, tokens])
    same(head.columns(STATES, torch.arange(11)), expected)
    same(head.mean(STATES), expected.mean(0))
    same(head.combined(STATES, weights), weights @ expected)
    assert head.top(STATES, 3).tolist() == sorted(expected.mean(0).topk(3).indices.tolist())
    assert head.top(STATES, None).tolist() == list(range(11))


@pytest.mark.parametrize("head", heads(), ids=["plain", "scaled", "capped"])
def test_what_follows_the_output_layer_is_found(head: Head) -> None:
    config: Any = SimpleNamespace(model_type="toy", final_logit_softcapping=head.cap)
    with torch.no_grad():
        logits = head.layer(STATES)
        logits = head.scale * logits if head.cap is None else head.cap * torch.tanh(logits / head.cap)
        found = head_of(head.layer, config, STATES, logits)
    assert found.scale == pytest.approx(head.scale, rel=1e-5)
    assert found.cap == head.cap


@pytest.mark.parametrize("name", ["final_logit_softcapping", "logits_soft_cap", "output_logit_soft_cap"])
def test_a_cap_is_kept_though_small_logits_do_not_feel_it(name: str) -> None:
    config: Any = SimpleNamespace(model_type="toy", **{name: 30.0})
    one, small, large = layer(bias=False), 0.01 * STATES, 100 * STATES
    with torch.no_grad():
        found = head_of(one, config, small, 30 * torch.tanh(one(small) / 30))
        expected = centred(30 * torch.tanh(one(large).double() / 30))
    torch.testing.assert_close(found.centred(large).double(), expected, atol=1e-4, rtol=0)


def test_a_cap_that_the_model_does_not_use_is_left_out() -> None:
    config: Any = SimpleNamespace(model_type="toy", final_logit_softcapping=0.5)
    with torch.no_grad():
        found = head_of(layer(bias=True), config, STATES, layer(bias=True)(STATES))
    assert found.cap is None
    assert found.scale == 1.0


def test_what_is_not_known_is_refused() -> None:
    config: Any = SimpleNamespace(model_type="odd")
    with torch.no_grad(), pytest.raises(InputError, match="odd: what this model does after its output layer"):
        head_of(layer(bias=False), config, STATES, layer(bias=False)(STATES).square())
