"""Branches of a cache do not disturb it, nor each other."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from geomem.probing.logits.caches import branch, copied
from tests.models.adapters.checkpoints import build, tokens

FAMILIES = {"llama": "past_key_values", "gemma3-sliding": "past_key_values", "mamba": "cache_params"}


def read(model: Any, name: str, ids: torch.Tensor, cache: Any = None) -> Any:
    options = {} if cache is None else {name: cache}
    with torch.no_grad():
        output = model(input_ids=ids, use_cache=True, **options)
    return output.logits[:, -1], getattr(output, name)


@pytest.mark.parametrize(("family", "name"), FAMILIES.items())
def test_the_old_cache_stays_as_it_was(family: str, name: str) -> None:
    model, ids = build(family), tokens(3, 6)
    _, cache = read(model, name, ids)
    step = torch.tensor([[5], [9], [5]])
    first, _ = read(model, name, step[:2], branch(cache, 2, 2))
    second, _ = read(model, name, step, copied(cache, 3))
    again, _ = read(model, name, step[:2], branch(cache, 2, 2))
    assert torch.equal(first, again)
    torch.testing.assert_close(first[0], second[2], atol=1e-5, rtol=1e-5)
    whole, _ = read(model, name, torch.cat([ids, step], 1))
    torch.testing.assert_close(second, whole, atol=1e-4, rtol=1e-4)
