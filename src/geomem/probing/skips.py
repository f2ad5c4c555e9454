"""Skip effects as rows: a summary of E[s, l] for every block, its output effect, its loss, and the depth score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.depth import depth_score, depth_score_interval, propagated_effects
from geomem.probing.rerun import (
    BATCH_TOKENS,
    add_estimate,
    batches,
    chosen_layers,
    mean_over_windows,
    no_progress,
    require_blocks,
)
from geomem.probing.rows import Rows
from geomem.probing.skip_effects import Part, SkipEffects, Version, cut_points, local_effects, modules_of, skip_effects

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter
    from geomem.probing.rerun import Progress

VERSIONS: tuple[Version, ...] = ("future", "current")
ALL_PARTS: tuple[Part, ...] = ("layer", "mlp", "attention")


def measure_skips(
    adapter: Adapter,
    tokens: Tensor,
    *,
    parts: Sequence[Part] = ALL_PARTS,
    layers: Sequence[int] | None = None,
    labels: Tensor | None = None,
    seed: int = 0,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress = no_progress,
) -> Rows:
    """Skip every block, and its parts, in all versions, on windows (W, T); see `skip_effects` for what is measured.

    Takes about 5 L forward passes for each part and 5 L for the local version, each from the skipped block on. Rows are
    `skips/NAME` at layer s, with NAME beginning with the part ("mlp_", "attention_", nothing for the block, "local_")
    and the version ("future_", "current_"):

        ..._mean, ..._max       mean over later blocks l of E[s, l], its mean or its largest value over tokens
        ..._next                mean over tokens of E[s, s + 1]
        ..._output_mean, _max   the same of O[s]
        loss_increase           loss without block s less the full loss, in nats (positions from 1 on; not for parts)
        depth_score_output, depth_score_propagated (no layer; means), with ..._max as the source has them: needs all
                                layers. Chance, all blocks alike: (L - 1) / 2, and (L - 2) / 2 for the propagated.

    Arrays `skips.NAME.mean` and `.largest` (S, L), `skips.NAME.output` (W, S), `skips.loss_increase` (W, S); `skips.
    layers` (S,). Raises InputError for a model without blocks or output layer, or windows shorter than 13 tokens.
    """
    require_blocks(adapter, "skips")
    cuts = len(cut_points(1, tokens.shape[1]))
    depth = len(adapter.blocks)
    wanted = chosen_layers(layers, depth, "skips")
    rows = Rows("")
    runs = _runs(adapter, parts, rows)
    common = {"layers": wanted, "seed": seed, "batch_tokens": batch_tokens}
    passes = len(batches(tokens, batch_tokens)) * len(wanted)
    ends = list(accumulate(passes * (cuts if "future" in name else 1) for name, _ in runs))
    for (name, measure), end in zip(runs, ends, strict=True):
        options = common if name.startswith("local") else {**common, "labels": labels}
        found = measure(adapter, tokens, **options, progress=_part_of(progress, end, ends[-1]))
        _add_effects(rows, name, found, depth)
        if name == "current" and found.scores is not None and found.clean is not None:
            _add_losses(rows, wanted, found.scores, found.clean)
        if name == "future" and len(wanted) == depth and depth > 1:
            _add_depth_scores(rows, found, seed)
    rows.keep({"skips.layers": torch.tensor(wanted)})
    return rows


def _runs(adapter: Adapter, parts: Sequence[Part], rows: Rows) -> list[tuple[str, Callable[..., SkipEffects]]]:
    """Return what to run, by the name its rows begin with; a part that the model lacks gives a line instead."""
    runs: list[tuple[str, Callable[..., SkipEffects]]] = []
    for part in parts:
        try:
            modules_of(adapter, part)
        except InputError as error:
            rows.lines.append(str(error))
            continue
        prefix = "" if part == "layer" else f"{part}_"
        runs += [(f"{prefix}{version}", partial(skip_effects, version=version, part=part)) for version in VERSIONS]
        if part == "layer":
            runs += [(f"local_{version}", partial(local_effects, version=version)) for version in VERSIONS]
    return runs


def _add_effects(rows: Rows, name: str, found: SkipEffects, depth: int) -> None:
    local = name.startswith("local")
    for place, layer in enumerate(found.layers):
        later = depth - 1 - layer
        if later:
            sums = found.sums[:, place]
            add_estimate(rows, f"skips/{name}_mean", mean_over_windows(sums.sum(1) / later, found.counts), layer)
            rows.add(f"skips/{name}_max", float(found.largest[place].sum() / later), layer=layer)
            add_estimate(rows, f"skips/{name}_next", mean_over_windows(sums[:, layer + 1], found.counts), layer)
        if not local:
            output = mean_over_windows(found.output_sums[:, place], found.counts)
            add_estimate(rows, f"skips/{name}_output_mean", output, layer)
            rows.add(f"skips/{name}_output_max", float(found.output_largest[place]), layer=layer)
    rows.keep({f"skips.{name}.mean": found.mean, f"skips.{name}.largest": found.largest})
    if not local:
        rows.keep({f"skips.{name}.output": found.output_sums / found.counts[:, None]})


def _add_losses(rows: Rows, layers: Sequence[int], scores: Tensor, clean: Tensor) -> None:
    """Add the paired differences of losses: the same windows with and without the block."""
    counts = clean[:, 2]
    increase = scores[:, :, 0] - clean[:, None, 0]
    for place, layer in enumerate(layers):
        add_estimate(rows, "skips/loss_increase", mean_over_windows(increase[:, place], counts), layer)
    add_estimate(rows, "skips/loss", mean_over_windows(clean[:, 0], counts))
    rows.keep({"skips.loss_increase": increase / counts[:, None]})


def _add_depth_scores(rows: Rows, found: SkipEffects, seed: int) -> None:
    counts = found.counts[:, None]
    output = found.output_sums / counts
    if float(output.sum()) > 0:
        add_estimate(rows, "skips/depth_score_output", depth_score_interval(output, seed=seed))
        rows.add("skips/depth_score_output_max", depth_score(found.output_largest))
        rows.chance("skips/depth_score_output", (len(found.layers) - 1) / 2)
    propagated = torch.stack([propagated_effects(window) for window in found.sums / counts[..., None]])
    if float(propagated.sum()) > 0:
        add_estimate(rows, "skips/depth_score_propagated", depth_score_interval(propagated, seed=seed))
        rows.add("skips/depth_score_propagated_max", depth_score(propagated_effects(found.largest)))
        rows.chance("skips/depth_score_propagated", (len(found.layers) - 2) / 2)


def _part_of(progress: Progress, end: int, total: int) -> Progress:
    """Return a callback for one of several runs, which ends when `end` of all `total` passes are done."""
    return lambda done, own: progress(end - own + done, total)
