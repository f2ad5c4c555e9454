"""Two numbers of the residual stream, read in one pass: likeness of neighbouring layers, and similarity recency.

Both leave out sink tokens, whose massive activations bring every cosine near one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.geometry.recency import SimilarityRecency, recency_keep, recency_scalars
from geomem.geometry.sinks import detect_sinks, keep_mask
from geomem.geometry.skipping import similarity_by_window
from geomem.geometry.updates import adjacent_cosines
from geomem.probing.rerun import add_estimate, batches, mean_over_windows

if TYPE_CHECKING:
    from geomem.geometry.windows import Estimates
    from geomem.models.adapters.adapter import Adapter
    from geomem.probing.rows import Rows


@dataclass(frozen=True)
class Streams:
    """What the streams of W windows are like.

    similarity: (W, L), S_l of every window. recency: by name (see `recency_scalars`), over the L + 1 streams.
    kept: share of the tokens that are no sinks.
    """

    similarity: Tensor
    recency: dict[str, Estimates]
    kept: float

    def add_to(self, rows: Rows) -> None:
        """Add S_l at every block, and raw and centred recency at every stream."""
        ones = torch.ones(len(self.similarity))
        for layer, values in enumerate(self.similarity.T):
            add_estimate(rows, "similarity/cosine", mean_over_windows(values, ones), layer)
        for name in ("raw", "centred"):
            found = self.recency[name]
            for layer in range(len(found.value)):
                add_estimate(rows, f"recency/{name}", found.at(layer), layer)
        rows.add("similarity/kept_tokens", self.kept)


def read_streams(adapter: Adapter, tokens: Tensor, far: int, batch_tokens: int) -> Streams:
    """Read windows (W, T) of more than `far` tokens; `far` is the lag that a token's neighbour is held against."""
    metric = SimilarityRecency(len(adapter.blocks) + 1)
    similarity: list[Tensor] = []
    kept = 0
    for part in batches(tokens, batch_tokens):
        with adapter.record(streams=True, parts=False) as record:
            adapter.run(tokens[part])
        keep = keep_mask(detect_sinks(torch.stack(record.streams[1:])))
        similarity.append(similarity_by_window(adjacent_cosines(record.streams), keep).cpu())
        found = [recency_scalars(stream, keep=keep, far=far) for stream in record.streams]
        stacked = {name: torch.stack([layer[name] for layer in found]).cpu() for name in found[0]}
        metric.update(stacked, recency_keep(keep, far=far).cpu())
        kept += int(keep.sum())
    return Streams(torch.cat(similarity), metric.compute(), kept / tokens.numel())
