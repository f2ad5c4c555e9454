"""The tokens that are kept whole, at every layer: a seeded sample spread over the windows, of fixed size.

What needs single tokens (distances, the logit lens, intervals by window) reads these; all else streams.
"""

from __future__ import annotations

from dataclasses import dataclass, field

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

    def in_order(self) -> Sample:
        """Return the same tokens by window and place, whatever shards they came from."""
        span = int(self.places.max()) + 1 if len(self) else 1
        return self.only((self.windows * span + self.places).argsort(stable=True))


@dataclass
class SampleStore:
    """Gathers the planned tokens slab by slab. planned: (n, 2) int64, window and place, in rising order."""

    planned: Tensor
    streams: list[list[Tensor]] = field(default_factory=list[list[Tensor]])
    facts: list[Tensor] = field(default_factory=list[Tensor])

    def update(self, slab: Slab) -> None:
        """Take the planned tokens of a slab; all layers, on the CPU, float32 (float64 stays)."""
        rows, places = self._inside(slab)
        device = slab.tokens.device
        row, place = rows.to(device), places.to(device)
        if not self.streams:
            self.streams = [[] for _ in slab.streams]
        for kept, stream in zip(self.streams, slab.streams, strict=True):
            taken = stream[row, place].cpu()
            kept.append(taken if taken.dtype == torch.float64 else taken.float())
        columns = [slab.windows[row], place, slab.tokens[row, place], slab.targets[row, place], slab.keep[row, place]]
        self.facts.append(torch.stack([column.to(torch.int64).cpu() for column in columns], dim=1))

    def _inside(self, slab: Slab) -> tuple[Tensor, Tensor]:
        """Return row and place, within the slab, of the planned tokens in it (its windows rise)."""
        windows = slab.windows.cpu()
        rows = torch.searchsorted(windows, self.planned[:, 0].contiguous())
        rows = rows.clamp(max=len(windows) - 1)
        found = windows[rows] == self.planned[:, 0]
        return rows[found], self.planned[found, 1]

    def state(self) -> dict[str, Tensor]:
        """Return what was gathered so far as tensors."""
        if not self.facts:
            return {}
        state = {f"layer-{layer}": torch.cat(parts) for layer, parts in enumerate(self.streams)}
        return {**state, "facts": torch.cat(self.facts)}

    def merge(self, state: dict[str, Tensor]) -> None:
        """Add what another shard, or an earlier attempt, gathered."""
        if not state:
            return
        layers = sum(name.startswith("layer-") for name in state)
        if not self.streams:
            self.streams = [[] for _ in range(layers)]
        for layer, kept in enumerate(self.streams):
            kept.append(state[f"layer-{layer}"])
        self.facts.append(state["facts"])

    def sample(self) -> Sample:
        """Return the sample gathered, in the order of the text. Raises ValueError before the first slab."""
        state = self.state()
        if not state:
            raise ValueError("no slab has been read yet")
        facts = state["facts"]
        streams = [state[f"layer-{layer}"] for layer in range(len(self.streams))]
        windows, places, tokens, targets, kept = facts.unbind(1)
        return Sample(streams, windows, places, tokens, targets, kept.bool()).in_order()
