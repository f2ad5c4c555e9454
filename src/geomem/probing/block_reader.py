"""What is kept of each block while the model runs: its per-token numbers, and the stream, moved out of the way.

The model's own tensors are let go of at once. Held until the end of the pass, they would lie between its temporaries,
and memory in pieces is memory lost: on a CPU the peak would be half as high again.
"""

from __future__ import annotations

import torch
from torch import Tensor

from geomem.geometry.updates import MlpInput, update_scalars
from geomem.models.adapters.recording import Record


class BlockReader:
    """Called after each block of a recorded pass (`record(after_block=...)`) of a model with L blocks.

    scalars: for each block the numbers of `update_scalars`, each (B, T). The record's streams become parts of one
    tensor (L + 1, B, T, d) that is this pass's own; its attention and MLP outputs are freed.
    """

    def __init__(self, blocks: int, mlp_input: MlpInput) -> None:
        self._mlp_input: MlpInput = mlp_input
        self._blocks = blocks
        self._kept: Tensor | None = None
        self.scalars: list[dict[str, Tensor]] = []

    def __call__(self, record: Record, layer: int) -> None:
        """Take what there is to take of one block."""
        attention = None if record.attention is None else record.attention[layer]
        mlp = None if record.mlp is None else record.mlp[layer]
        before, after = record.streams[layer : layer + 2]
        self.scalars.append(update_scalars(before, attention, mlp, self._mlp_input, after))
        for parts in (record.attention, record.mlp):
            if parts is not None:
                parts[layer] = parts[layer].new_empty(0)
        self._keep(record, layer)
        if layer == self._blocks - 1:
            self._keep(record, layer + 1)

    def _keep(self, record: Record, layer: int) -> None:
        stream = record.streams[layer]
        if self._kept is None:
            self._kept = torch.empty(self._blocks + 1, *stream.shape, dtype=stream.dtype, device=stream.device)
        record.streams[layer] = self._kept[layer].copy_(stream)
