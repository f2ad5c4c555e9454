"""The per-token numbers of every block, taken from a recorded pass and let go of block by block."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from geomem.geometry.updates import MlpInput, update_scalars


def block_scalars(record: Any, mlp_input: MlpInput) -> list[dict[str, Tensor]]:
    """Return for each block the numbers of `update_scalars`, each (B, T); what attention and MLP wrote is freed."""
    found: list[dict[str, Tensor]] = []
    for layer in range(len(record.streams) - 1):
        attention = None if record.attention is None else record.attention[layer]
        mlp = None if record.mlp is None else record.mlp[layer]
        found.append(update_scalars(record.streams[layer], attention, mlp, mlp_input, record.streams[layer + 1]))
        for parts in (record.attention, record.mlp):
            if parts is not None:
                parts[layer] = None
    return found
