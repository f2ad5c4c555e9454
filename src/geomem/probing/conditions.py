"""Null models beside every measurement: the same architecture untrained, and the same text with its tokens shuffled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from geomem.seeding import stream_seed, torch_generator

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CONDITIONS = ("", "untrained", "shuffled")
"""As the rows name them; "" is the model as it is, on the text as it is."""


def untrained_twin(model: PreTrainedModel, seed: int) -> PreTrainedModel:
    """Return a model of the same configuration with fresh random weights, in eval mode on the same device.

    Torch's global random state is left as it was.
    """
    state = torch.get_rng_state()
    try:
        torch.manual_seed(stream_seed(seed, "untrained") % 2**63)
        twin = cast(Any, type(model))(model.config)
    finally:
        torch.set_rng_state(state)
    return cast("PreTrainedModel", twin.to(device=model.device, dtype=model.dtype).eval())


def shuffled_windows(tokens: Tensor, windows: Tensor, seed: int) -> Tensor:
    """Return (B, T) with the tokens of each window in a random order that its number and the seed decide.

    The bag of words of a window stays; what order carried is gone.
    """
    rows: list[Tensor] = []
    for row, window in zip(tokens, windows.tolist(), strict=True):
        order = torch.randperm(len(row), generator=torch_generator(seed, "shuffled", window))
        rows.append(row[order.to(row.device)])
    return torch.stack(rows)
