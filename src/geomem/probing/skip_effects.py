"""What skipping a block does to the work of later blocks, to later tokens and to the output.

Source: arXiv 2505.13898 (released code). With D_l = h_{l+1} - h_l and D~_l the same after block s was skipped,
E[s, l] = |D_l - D~_l| / |D_l| at every token, and O[s] = |softmax(z) - softmax(z~)|_2.

    current   s is skipped at positions 1..T-1, and all of them are looked at
    future    s is skipped at positions 1..t-1, and those from t on are looked at: only what reaches later tokens counts
    local     nothing adds up: each later block is given the original stream less what s wrote into it

Position 0 is left intact: skipping it would destroy the attention sink and drown all else. The source takes the largest
value over prompts, cuts and positions, a worst case that saturates; means over tokens stand beside it. The last block
has no future effect by construction.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from geomem.errors import InputError
from geomem.geometry.linear_maps import relative_errors
from geomem.interventions.hooks import edited_output
from geomem.interventions.skip import silence, skip_block
from geomem.probing.rerun import (
    BATCH_TOKENS,
    Restart,
    Steps,
    batches,
    chosen_layers,
    no_progress,
    prediction_scores,
    probability_changes,
    require_blocks,
    targets_of,
)
from geomem.seeding import torch_generator

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter
    from geomem.probing.rerun import Progress

Part = Literal["layer", "mlp", "attention"]
Version = Literal["future", "current"]

CUTS = 4
"""Cut points t of each window, picked at random from 8, 16, 24, ... (released code)."""
CUT_STEP = 8
AFTER_CUT = 4
"""Fewest tokens behind a cut."""


@dataclass(frozen=True)
class SkipEffects:
    """Effects of skipping each block s in `layers` (S of them), on windows (W) and later blocks l (L columns).

    largest: (S, L), over windows, cuts and positions. sums: (W, S, L) float64, over the positions of each window;
    counts: (W,) their numbers. Columns l <= s are 0. output_largest: (S,) and output_sums: (W, S), the same for O[s],
    0 for local effects. scores: (W, S, 3), see `rerun.prediction_scores`, and clean: (W, 3), for "current" only.
    """

    layers: tuple[int, ...]
    largest: Tensor
    sums: Tensor
    counts: Tensor
    output_largest: Tensor
    output_sums: Tensor
    scores: Tensor | None = None
    clean: Tensor | None = None

    @property
    def mean(self) -> Tensor:
        """(S, L): E[s, l] averaged over all tokens."""
        return self.sums.sum(0) / self.counts.sum()

    @property
    def output_mean(self) -> Tensor:
        """(S,): O[s] averaged over all tokens."""
        return self.output_sums.sum(0) / self.counts.sum()


def skip_effects(
    adapter: Adapter,
    tokens: Tensor,
    *,
    version: Version,
    part: Part = "layer",
    layers: Sequence[int] | None = None,
    labels: Tensor | None = None,
    seed: int = 0,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress = no_progress,
) -> SkipEffects:
    """Measure what skipping blocks, or silencing their MLP or attention, does to windows (W, T).

    Takes S forward passes of all windows ("current") or 4 S ("future"). With `labels`, or for a causal model, the
    losses of the "current" version are measured too. Raises InputError for a model without blocks or output layer, for
    a part that it does not have, and for "future" with windows of fewer than 13 tokens.
    """
    require_blocks(adapter, "skips")
    modules = modules_of(adapter, part)
    skip = partial(skip_block if part == "layer" else silence, length=tokens.shape[1])

    def run(batch: Tensor, clean: list[Tensor], layer: int, positions: Tensor) -> tuple[list[Tensor], Tensor]:
        with skip(modules[layer], positions), adapter.record(streams=True, parts=False) as record:
            last = adapter.run(batch)
        return _differences(record.streams), last

    targets = targets_of(adapter, tokens, labels) if adapter.causal or labels is not None else None
    scored = targets if version == "current" else None
    return _measure(adapter, tokens, version, layers, run, scored, seed, batch_tokens, progress)


def local_effects(
    adapter: Adapter,
    tokens: Tensor,
    *,
    version: Version,
    layers: Sequence[int] | None = None,
    seed: int = 0,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress = no_progress,
) -> SkipEffects:
    """Measure what each later block loses when what block s wrote is missing from its input, and nothing else.

    Raises as `skip_effects` does. There is no output effect.
    """
    require_blocks(adapter, "skips", logits=False)

    def run(batch: Tensor, clean: list[Tensor], layer: int, positions: Tensor) -> tuple[list[Tensor], None]:
        written = clean[layer + 1] - clean[layer]
        found = [torch.zeros_like(clean[0])] * layer
        with ExitStack() as stack:
            for number in range(layer, len(adapter.blocks)):
                lacking = clean[number + 1] - written
                stack.enter_context(_handing_on(adapter.blocks[number], lacking, positions, clean[number + 1], found))
            adapter.run(batch)
        return found, None

    return _measure(adapter, tokens, version, layers, run, None, seed, batch_tokens, progress)


def cut_points(windows: int, length: int, *, cuts: int = CUTS, seed: int = 0) -> Tensor:
    """Return (R, W) int64: R different random cut points for each window, R = min(4, number of candidates).

    Raises InputError when a window is too short for one: 8 tokens before it, and more than 4 after.
    """
    candidates = torch.tensor(range(CUT_STEP, length - AFTER_CUT, CUT_STEP))
    if len(candidates) == 0:
        raise InputError(
            f"skips: future effects need windows of at least {CUT_STEP + AFTER_CUT + 1} tokens, got {length}"
        )
    generator = torch_generator(seed, "skips", "cuts")
    drawn = [candidates[torch.randperm(len(candidates), generator=generator)[:cuts]] for _ in range(windows)]
    return torch.stack(drawn, dim=1)


def modules_of(adapter: Adapter, part: Part) -> list[nn.Module]:
    """Return what skipping `part` acts on in every block. Raises InputError when a block has no such part."""
    if part == "layer":
        return list(adapter.blocks)
    find = adapter.mlp if part == "mlp" else adapter.attention
    found = [module for layer in range(len(adapter.blocks)) if (module := find(layer)) is not None]
    if len(found) < len(adapter.blocks):
        raise InputError(f"skips: this {adapter.family} model has no {part} that adds to its stream in every block")
    return found


Run = Callable[[Tensor, list[Tensor], int, Tensor], "tuple[list[Tensor], Tensor | None]"]
"""(tokens (B, T), clean streams, block s, positions (B, T) bool) -> (updates D~_l of all blocks, stream L or None)."""


@dataclass
class _Gathered:
    """What batches of windows leave, row by row of W."""

    sums: list[Tensor] = field(default_factory=list[Tensor])
    largest: list[Tensor] = field(default_factory=list[Tensor])
    scores: list[Tensor] = field(default_factory=list[Tensor])
    clean: list[Tensor] = field(default_factory=list[Tensor])


def _measure(
    adapter: Adapter,
    tokens: Tensor,
    version: Version,
    layers: Sequence[int] | None,
    run: Run,
    targets: Tensor | None,
    seed: int,
    batch_tokens: int,
    progress: Progress,
) -> SkipEffects:
    depth = len(adapter.blocks)
    wanted = chosen_layers(layers, depth, "skips")
    rounds = _rounds(tokens, version, seed)
    parts = batches(tokens, batch_tokens)
    steps = Steps(len(parts) * len(wanted) * len(rounds), progress)
    gathered, restart = _Gathered(), None
    for part in parts:
        with adapter.record(streams=True, parts=False) as record:
            last = adapter.run(tokens[part])
        clean = list(record.streams)
        before = _differences(clean)
        restart = restart or Restart(adapter, tokens[part], clean)
        # One column more than blocks: the output effect.
        sums = torch.zeros(len(last), len(wanted), depth + 1, dtype=torch.float64)
        largest = torch.zeros_like(sums)
        if targets is not None:
            gathered.clean.append(prediction_scores(adapter, last, targets[part]))
            gathered.scores.append(torch.zeros(len(last), len(wanted), 3, dtype=torch.float64))
        for place, layer in enumerate(wanted):
            for skipped, seen in rounds:
                with restart.at(layer, clean[layer]):
                    after, end = run(tokens[part], clean, layer, skipped[part])
                mask = seen[part]
                for later in range(layer + 1, depth):
                    change = relative_errors(after[later].float(), before[later].float()).cpu().double()
                    _add(change.masked_fill(~mask, 0), sums[:, place, later], largest[:, place, later])
                if end is not None:
                    change = torch.zeros(mask.shape, dtype=torch.float64)
                    there = mask.to(end.device)
                    change[mask] = probability_changes(adapter, last[there], end[there])
                    _add(change, sums[:, place, depth], largest[:, place, depth])
                    if targets is not None:
                        gathered.scores[-1][:, place] = prediction_scores(adapter, end, targets[part])
                steps.step()
        gathered.sums.append(sums)
        gathered.largest.append(largest)
    sums, largest = torch.cat(gathered.sums), torch.cat(gathered.largest).amax(0)
    return SkipEffects(
        layers=wanted,
        largest=largest[:, :-1],
        sums=sums[:, :, :-1],
        counts=torch.stack([seen.sum(1) for _, seen in rounds]).sum(0),
        output_largest=largest[:, -1],
        output_sums=sums[:, :, -1],
        scores=torch.cat(gathered.scores) if gathered.scores else None,
        clean=torch.cat(gathered.clean) if gathered.clean else None,
    )


def _rounds(tokens: Tensor, version: Version, seed: int) -> list[tuple[Tensor, Tensor]]:
    """Return pairs of masks (W, T): where the block is skipped, and where one looks."""
    places = torch.arange(tokens.shape[1]).expand(tokens.shape)
    if version == "current":
        return [(places >= 1, places >= 1)]
    cuts = cut_points(len(tokens), tokens.shape[1], seed=seed)
    return [((places >= 1) & (places < cut[:, None]), places >= cut[:, None]) for cut in cuts]


def _handing_on(
    block: nn.Module, lacking: Tensor, positions: Tensor, clean: Tensor, found: list[Tensor]
) -> AbstractContextManager[None]:
    """Note the block's update, then let `lacking` leave it at `positions` and the clean stream elsewhere."""

    def edit(stream: Tensor, output: Tensor) -> Tensor:
        found.append(output - stream)
        return torch.where(positions.to(clean.device)[..., None], lacking, clean)

    return edited_output(block, edit, slice(None), length=clean.shape[1])


def _differences(streams: Sequence[Tensor]) -> list[Tensor]:
    return [after - before for before, after in itertools.pairwise(streams)]


def _add(change: Tensor, sums: Tensor, largest: Tensor) -> None:
    sums += change.sum(1)
    torch.maximum(largest, change.amax(1), out=largest)
