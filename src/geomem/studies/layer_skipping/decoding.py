"""Decoding without some layers: with a cache of keys and values as without one, as long as the same set is left out."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from geomem.interventions.skip import skip_blocks

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter


def decode_with_and_without_cache(
    adapter: Adapter, prompts: Tensor, skipped: Collection[int], new: int
) -> dict[str, float]:
    """Continue prompts (P, T) by `new` greedy tokens without the blocks `skipped`.

    decoding/cached_same: share of tokens that are the same with a cache and without. decoding/full_same: share that the
    full model gives too, to show that leaving out makes a difference. In float64, so that no tie is broken by rounding.
    """
    model: Any = adapter.model
    dtype = model.dtype
    model.to(torch.float64)
    try:
        with skip_blocks(adapter.blocks, skipped):
            cached, plain = (_continued(model, prompts, new, use_cache=use) for use in (True, False))
        full = _continued(model, prompts, new, use_cache=True)
    finally:
        model.to(dtype)
    return {
        "decoding/cached_same": float((cached == plain).double().mean()),
        "decoding/full_same": float((cached == full).double().mean()),
    }


def _continued(model: Any, prompts: Tensor, new: int, *, use_cache: bool) -> Tensor:
    from transformers import GenerationConfig

    # An end token would leave some texts shorter than others.
    config = GenerationConfig(max_new_tokens=new, min_new_tokens=new, do_sample=False, use_cache=use_cache,
                              pad_token_id=0)  # fmt: skip
    given = prompts.to(model.device)
    found = model.generate(given, attention_mask=torch.ones_like(given), generation_config=config)
    return cast(Tensor, found)[:, prompts.shape[1] :]
