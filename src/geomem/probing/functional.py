"""The functional test of a tokenwise map: the block computes it instead, and the predictions are compared.

Source: arXiv 2604.02459. At all positions but the first at once, which mixes their effects, and one at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from geomem.geometry.token_bank import TokenBank
from geomem.interventions.hooks import AFTER_FIRST, Positions
from geomem.interventions.replace import put_output
from geomem.probing.rerun import BATCH_TOKENS, Restart, batches, divergences
from geomem.seeding import torch_generator

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter


@dataclass(frozen=True)
class Functional:
    """Effects of replacing a block by a tokenwise map. kl: (n,) for every token with all replaced.

    single_kl: (m,) for the tokens `singles` (m,) replaced one at a time; None where that was not asked for.
    """

    kl: Tensor
    singles: Tensor
    single_kl: Tensor | None


class FunctionalTest:
    """The functional test on fixed windows (W, T): what replacing a block's output does to the predictions."""

    @torch.no_grad()
    def __init__(self, adapter: Adapter, tokens: Tensor, singles: int, seed: int, batch_tokens: int) -> None:
        self.adapter, self.tokens = adapter, tokens
        self.parts = batches(tokens, batch_tokens)
        with adapter.record(streams=True, parts=False) as record:
            adapter.run(tokens[self.parts[0]])
        self.restart = Restart(adapter, tokens[self.parts[0]], record.streams)
        depth = len(adapter.blocks)
        self.last = collect_streams(adapter, tokens, [depth - 1], batch_tokens=batch_tokens)[depth]
        rounds = min(tokens.shape[1] - 1, -(-singles // len(tokens)))
        generator = torch_generator(seed, "decomposition", "singles")
        drawn = [torch.randperm(tokens.shape[1] - 1, generator=generator)[:rounds] + 1 for _ in range(len(tokens))]
        self.places = torch.stack(drawn)  # (W, R)

    @torch.no_grad()
    def __call__(self, layer: int, entering: Tensor, mapped: Tensor, *, one_by_one: bool) -> Functional:
        """Replace what leaves block `layer` by `mapped` (n, d), the rows of all positions but the first.

        entering: (W, T, d), the clean stream that enters the block.
        """
        count, length = self.tokens.shape
        values = F.pad(mapped.view(count, length - 1, -1), (0, 0, 1, 0))
        kl = torch.zeros(count, length - 1, dtype=torch.float64)
        single = torch.zeros(self.places.shape, dtype=torch.float64)
        for part in self.parts:
            changed = self._run(layer, part, entering, values, AFTER_FIRST)
            kl[part] = self._divergences(part, changed, slice(None), slice(1, None)).view(-1, length - 1)
            for column in range(self.places.shape[1] if one_by_one else 0):
                at = self.places[part, column]
                changed = self._run(layer, part, entering, values, torch.arange(length) == at[:, None])
                single[part, column] = self._divergences(part, changed, torch.arange(len(at)), at)
        first = torch.arange(count)[:, None] * (length - 1)
        singles = (first + self.places - 1).flatten()
        return Functional(kl.flatten(), singles, single.flatten() if one_by_one else None)

    def _run(self, layer: int, part: slice, entering: Tensor, values: Tensor, positions: Positions) -> Tensor:
        block, length = self.adapter.blocks[layer], self.tokens.shape[1]
        start = self.restart.at(layer, entering[part])
        with start, put_output(block, values[part], positions, length=length):
            return self.adapter.run(self.tokens[part])

    def _divergences(self, part: slice, changed: Tensor, rows: slice | Tensor, places: slice | Tensor) -> Tensor:
        before, after = self.last[part].to(changed), changed
        width = changed.shape[-1]
        return divergences(
            self.adapter, before[rows, places].reshape(-1, width), after[rows, places].reshape(-1, width)
        )


@torch.no_grad()
def collect_streams(
    adapter: Adapter, tokens: Tensor, layers: Sequence[int], *, batch_tokens: int = BATCH_TOKENS
) -> dict[int, Tensor]:
    """Return, by number, the streams that enter and leave each of the blocks on windows (W, T): (W, T, d), on the CPU.

    Float32, or float64 if the model is.
    """
    needed = sorted({stream for layer in layers for stream in (layer, layer + 1)})
    kept: dict[int, list[Tensor]] = {stream: [] for stream in needed}
    for part in batches(tokens, batch_tokens):
        with adapter.record(streams=True, parts=False) as record:
            adapter.run(tokens[part])
        for stream in needed:
            rows = record.streams[stream].cpu()
            kept[stream].append(rows if rows.dtype == torch.float64 else rows.float())
    return {stream: torch.cat(parts) for stream, parts in kept.items()}


def bank_of(streams: dict[int, Tensor], layer: int, tokens: Tensor, *, first_window: int = 0) -> TokenBank:
    """Return a block's bank from `collect_streams`: all positions of the windows (W, T) but the first."""
    windows = torch.arange(len(tokens)).repeat_interleave(tokens.shape[1] - 1) + first_window
    before, after = (streams[stream][:, 1:].flatten(0, 1) for stream in (layer, layer + 1))
    return TokenBank(before, after, tokens[:, 1:].flatten().cpu(), windows)
