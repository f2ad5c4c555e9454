"""Text after prompts, one token after another, with a key-value cache where the model has one."""

from __future__ import annotations

import inspect
from typing import Any, cast

import torch
from torch import Tensor, nn

from geomem.decoding.sampling import GREEDY, Sampling


def generate(
    model: nn.Module,
    prompts: Tensor,
    new: int,
    *,
    sampling: Sampling = GREEDY,
    generator: torch.Generator | None = None,
    size: int | None = None,
) -> Tensor:
    """Return (B, new) int64 tokens after prompts (B, T), all of one length.

    size: tokens that may be chosen, the first ones of the vocabulary; None for all. The model is to be in eval mode.
    """
    tokens: list[Tensor] = []
    shown, cache = prompts, None
    cached = "past_key_values" in inspect.signature(model.forward).parameters
    for _ in range(new):
        options = {"past_key_values": cache, "use_cache": True} if cached else {}
        output = cast(Any, model)(input_ids=shown, logits_to_keep=1, **options)
        cache = getattr(output, "past_key_values", None)
        tokens.append(sampling.choose(output.logits[:, -1, :size], generator))
        last = tokens[-1][:, None]
        shown = last if cache is not None else torch.cat([shown, last], dim=1)
    return torch.stack(tokens, dim=1) if tokens else prompts[:, :0]
