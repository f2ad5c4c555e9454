"""Residual erasure: what the prediction loses when a stream forgets, at one position, all but what it says on average.

Source: arXiv 2505.13898 (released code): h_l[t] is replaced by the mean of stream l over all tokens of some prompts,
and the largest |Δp|_2 over the answer's positions is recorded; in the future variant over positions after t. A stream
whose erasure changes nothing later has handed on, by then, all that later tokens needed from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.interventions.erase import erase
from geomem.probing.rerun import (
    BATCH_TOKENS,
    Restart,
    Steps,
    add_estimate,
    batches,
    chosen_layers,
    mean_over_windows,
    no_progress,
    probability_changes,
    require_blocks,
)
from geomem.probing.rows import Rows
from geomem.seeding import torch_generator

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter
    from geomem.probing.rerun import Progress

POSITIONS = 8


@dataclass(frozen=True)
class ErasureEffects:
    """Effects |Δp|_2 of erasing streams (S of them) at positions (W, K) of windows, float64 (S, W, K).

    largest: over the answer's positions. later_largest, later_mean: over those after the erased one, NaN where there
    are none. own: at the erased position itself.
    """

    streams: tuple[int, ...]
    positions: Tensor
    largest: Tensor
    own: Tensor
    later_largest: Tensor
    later_mean: Tensor


@torch.no_grad()
def mean_streams(adapter: Adapter, tokens: Tensor, *, batch_tokens: int = BATCH_TOKENS) -> Tensor:
    """Return the mean of each stream 0..L over all tokens of windows (W, T): (L + 1, d) float64."""
    require_blocks(adapter, "erasure", logits=False)
    total: Tensor | None = None
    for part in batches(tokens, batch_tokens):
        with adapter.record(streams=True, parts=False) as record:
            adapter.run(tokens[part])
        sums = torch.stack([stream.sum((0, 1), dtype=torch.float64) for stream in record.streams])
        total = sums if total is None else total + sums
    assert total is not None
    return total / tokens.numel()


@torch.no_grad()
def erasure_effects(
    adapter: Adapter,
    tokens: Tensor,
    means: Tensor,
    positions: Tensor,
    *,
    streams: Sequence[int] | None = None,
    answers: Tensor | None = None,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress = no_progress,
) -> ErasureEffects:
    """Erase each stream at `positions` (W, K) of windows (W, T), one position of a window at a time.

    means: (L + 1, d), see `mean_streams`. streams: by default all, 0..L. answers: bool (W, T), whose predictions count;
    by default all. All positions of one window (0..T-1) give the map of layers and positions that the source shows.
    Takes (L + 1) K forward passes, each from the erased stream on.
    Raises InputError for a model without blocks or output layer, and for positions outside a window.
    """
    require_blocks(adapter, "erasure")
    length = tokens.shape[1]
    if int(positions.min()) < 0 or int(positions.max()) >= length:
        raise InputError(
            f"erasure: positions must be 0..{length - 1}, got {int(positions.min())}..{int(positions.max())}"
        )
    wanted = chosen_layers(streams, len(adapter.blocks) + 1, "erasure")
    counted = torch.ones(tokens.shape, dtype=torch.bool) if answers is None else answers.cpu()
    places = torch.arange(length)
    parts = batches(tokens, batch_tokens)
    steps = Steps(len(parts) * len(wanted) * positions.shape[1], progress)
    found = torch.zeros(4, len(wanted), *positions.shape, dtype=torch.float64)
    restart: Restart | None = None
    for part in parts:
        with adapter.record(streams=True, parts=False) as record:
            last = adapter.run(tokens[part])
        clean = list(record.streams)
        restart = restart or Restart(adapter, tokens[part], clean)
        for row, stream in enumerate(wanted):
            block = min(stream, len(adapter.blocks) - 1)
            for column in range(positions.shape[1]):
                at = positions[part, column, None]
                erased = erase(adapter.blocks, stream, means[stream], places == at, length=length)
                with restart.at(block, clean[block]), erased:
                    changed = adapter.run(tokens[part])
                # A causal model's earlier predictions cannot have changed, so they are not computed.
                seen = (places >= at) if adapter.causal else torch.ones(last.shape[:2], dtype=torch.bool)
                change = torch.zeros(seen.shape, dtype=torch.float64)
                there = seen.to(last.device)
                change[seen] = probability_changes(adapter, last[there], changed[there])
                found[:, row, part, column] = _summaries(change, at, counted[part])
                steps.step()
    return ErasureEffects(wanted, positions, *found)


def random_positions(windows: int, length: int, count: int = POSITIONS, *, seed: int = 0) -> Tensor:
    """Return (W, K) int64: K = min(count, T - 2) different positions of each window, neither its first nor its last."""
    generator = torch_generator(seed, "erasure", "positions")
    drawn = [torch.randperm(length - 2, generator=generator)[:count] + 1 for _ in range(windows)]
    return torch.stack(drawn)


def measure_erasure(
    adapter: Adapter,
    tokens: Tensor,
    *,
    positions: int = POSITIONS,
    streams: Sequence[int] | None = None,
    answers: Tensor | None = None,
    seed: int = 0,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress = no_progress,
) -> Rows:
    """Erase every stream at random positions of windows (W, T); position 0 is left intact.

    The mean that takes a token's place is over all tokens of these windows. Rows at stream l, means over the erased
    positions with intervals over windows: `erasure/max` (largest change of an answer's prediction), `erasure/own` (at
    the erased position), `erasure/future_max` and `erasure/future_mean` (after it). Arrays `erasure.NAME` (S, W, K),
    `erasure.positions` (W, K), `erasure.streams` (S,). Raises InputError as `erasure_effects`, and for windows of fewer
    than 3 tokens.
    """
    require_blocks(adapter, "erasure")
    if tokens.shape[1] < 3:
        raise InputError(f"erasure: windows of at least 3 tokens are needed, got {tokens.shape[1]}")
    means = mean_streams(adapter, tokens, batch_tokens=batch_tokens)
    places = random_positions(len(tokens), tokens.shape[1], positions, seed=seed)
    found = erasure_effects(
        adapter, tokens, means, places, streams=streams, answers=answers, batch_tokens=batch_tokens, progress=progress
    )
    rows = Rows("")
    named = {"max": found.largest, "own": found.own, "future_max": found.later_largest, "future_mean": found.later_mean}
    for name, effects in named.items():
        for row, stream in enumerate(found.streams):
            known = effects[row].isfinite()
            sums = effects[row].where(known, 0.0).sum(1)
            add_estimate(rows, f"erasure/{name}", mean_over_windows(sums, known.sum(1)), stream)
        rows.keep({f"erasure.{name}": effects})
    rows.keep({"erasure.positions": places, "erasure.streams": torch.tensor(found.streams)})
    return rows


def _summaries(change: Tensor, at: Tensor, counted: Tensor) -> Tensor:
    """Return (4, B): largest, own, largest later and mean later of changes (B, T)."""
    later = counted & (torch.arange(change.shape[1]) > at)
    any_later = later.any(1)
    largest_later = change.masked_fill(~later, 0).amax(1)
    mean_later = change.masked_fill(~later, 0).sum(1) / later.sum(1).clamp(min=1)
    return torch.stack([
        change.masked_fill(~counted, 0).amax(1),
        change.gather(1, at)[:, 0],
        largest_later.where(any_later, torch.nan),
        mean_later.where(any_later, torch.nan),
    ])  # fmt: skip
