"""The tokens that are kept whole, at every layer: a seeded sample spread over the windows, of fixed size.

What needs single tokens (distances, the logit lens, intervals by window) reads these; all else streams.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from geomem.probing.slab import Slab


@dataclass
class Sample:
    """n tokens. streams: L + 1 tensors (n, d). windows, places: (n,) int64, where each stands.

    tokens, targets: (n,) int64, the token itself and the one that follows it. kept: (n,) bool, not an attention sink.
    """

    streams: list[Tensor]
    windows: Tensor
    places: Tensor
    tokens: Tensor
    targets: Tensor
    kept: Tensor

    def __len__(self) -> int:
        return len(self.tokens)

    def only(self, index: Tensor) -> Sample:
        """Return the tokens `index` (int64 places or bool mask)."""
        parts = (self.windows, self.places, self.tokens, self.targets, self.kept)
        return Sample([stream[index] for stream in self.streams], *(part[index] for part in parts))

    def without_sinks(self) -> Sample:
        """Return the tokens that are no attention sinks."""
        return self if bool(self.kept.all()) else self.only(self.kept)


class SampleStore:
    """Gathers the planned tokens slab by slab, each at its place in the plan, whatever shard it came from.

    planned: (n, 2) int64, window and place, in rising order. Room for all n is taken at once, so that memory does not
    grow, and is not cut into pieces, as the pass goes on.
    """

    def __init__(self, planned: Tensor) -> None:
        self.planned = planned
        self._there = torch.zeros(len(planned), dtype=torch.bool)
        self._facts = torch.zeros(len(planned), 5, dtype=torch.int64)
        self._streams: Tensor | None = None

    def update(self, slab: Slab) -> None:
        """Take the planned tokens of a slab; all layers, on the CPU, float32 (float64 stays)."""
        index, rows = self._inside(slab)
        device = slab.tokens.device
        row, place = rows.to(device), self.planned[index, 1].to(device)
        streams = self._room(len(slab.streams), slab.streams[0])
        for kept, stream in zip(streams, slab.streams, strict=True):
            kept[index] = stream[row, place].to("cpu", kept.dtype)
        columns = [slab.windows[row], place, slab.tokens[row, place], slab.targets[row, place], slab.keep[row, place]]
        self._facts[index] = torch.stack([column.to("cpu", torch.int64) for column in columns], dim=1)
        self._there[index] = True

    def _room(self, layers: int, like: Tensor) -> Tensor:
        if self._streams is None:
            dtype = torch.float64 if like.dtype == torch.float64 else torch.float32
            self._streams = torch.zeros(layers, len(self.planned), like.shape[-1], dtype=dtype)
        return self._streams

    def _inside(self, slab: Slab) -> tuple[Tensor, Tensor]:
        """Return which planned tokens are in the slab, and their rows in it (its windows rise)."""
        windows = slab.windows.cpu()
        rows = torch.searchsorted(windows, self.planned[:, 0].contiguous())
        rows = rows.clamp(max=len(windows) - 1)
        found = windows[rows] == self.planned[:, 0]
        return found.nonzero().flatten(), rows[found]

    def state(self) -> dict[str, Tensor]:
        """Return what was gathered so far as tensors: places in the plan, and what was found there."""
        if self._streams is None:
            return {}
        index = self._there.nonzero().flatten()
        return {"index": index, "facts": self._facts[index], "streams": self._streams[:, index]}

    def merge(self, state: dict[str, Tensor]) -> None:
        """Add what another shard, or an earlier attempt, gathered."""
        if not state:
            return
        index, streams = state["index"], state["streams"]
        self._room(len(streams), streams)[:, index] = streams
        self._facts[index] = state["facts"]
        self._there[index] = True

    def sample(self) -> Sample:
        """Return the sample gathered, in the order of the text. Raises ValueError before the first slab."""
        if self._streams is None:
            raise ValueError("no slab has been read yet")
        windows, places, tokens, targets, kept = self._facts.unbind(1)
        whole = Sample(list(self._streams), windows, places, tokens, targets, kept.bool())
        return whole if bool(self._there.all()) else whole.only(self._there)
