"""Linear maps between the streams of two models: which depth of one says what a depth of the other says.

Source: arXiv 2505.13898. For each source stream one affine map predicts all target streams at once; here in closed form
(ridge 1e-2) from sums over training windows, judged by the relative error |ŷ - y| / |y| on other windows. Position 0 is
left out. Claim there: the best source stream lies on the diagonal of relative depth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.linear_maps import RIDGE, AffineFit, AffineMap, relative_errors
from geomem.geometry.windows import bootstrap_means, percentile_interval
from geomem.probing.rerun import (
    BATCH_TOKENS,
    Steps,
    add_estimate,
    batches,
    mean_over_windows,
    no_progress,
    require_blocks,
)
from geomem.probing.rows import Rows

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter
    from geomem.probing.rerun import Progress

HELD_BYTES = 1 << 30
"""Memory for sums and maps held at once; more source streams than fit are taken in several passes."""


@dataclass(frozen=True)
class ModelMap:
    """Errors of mapping streams 0..L1 of one model to streams 0..L2 of another.

    sums: (W, L1 + 1, L2 + 1) float64, relative errors summed over the tokens of each held-out window.
    tokens: tokens of a window that count.
    """

    sums: Tensor
    tokens: int

    @property
    def errors(self) -> Tensor:
        """(L1 + 1, L2 + 1): mean relative error over held-out tokens."""
        return self.sums.mean(0) / self.tokens

    @property
    def best(self) -> Tensor:
        """(L2 + 1,) int64: the source stream with the smallest error for each target stream."""
        return self.errors.argmin(0)


@torch.no_grad()
def map_models(
    source: Adapter,
    target: Adapter,
    train_tokens: Tensor,
    test_tokens: Tensor,
    *,
    penalty: float = RIDGE,
    batch_tokens: int = BATCH_TOKENS,
    held_bytes: int = HELD_BYTES,
    progress: Progress = no_progress,
) -> ModelMap:
    """Fit and judge the maps from every stream of `source` to every stream of `target`.

    train_tokens, test_tokens: windows (W, T) and (W', T), which both models must read alike (one tokenizer). Takes one
    forward pass of all windows through both models, or several when the sums (d1 (L2 + 1) d2 numbers for each source
    stream) exceed `held_bytes`. Raises InputError for models without blocks or that do not know all tokens, and windows
    of one token.
    """
    for adapter in (source, target):
        require_blocks(adapter, "map", logits=False)
    largest = int(max(train_tokens.max(), test_tokens.max()))
    if largest >= min(len(source.embedding), len(target.embedding)):
        raise InputError(
            f"map: token {largest} is unknown to one of the models, which know {len(source.embedding)} and "
            f"{len(target.embedding)}; both must read the same tokens"
        )
    if min(train_tokens.shape[1], test_tokens.shape[1]) < 2:
        raise InputError("map: windows of at least 2 tokens are needed; the first is left out")
    widths = source.embedding.shape[1], (len(target.blocks) + 1) * target.embedding.shape[1]
    groups = _groups(len(source.blocks) + 1, 8 * widths[0] * (widths[0] + 2 * widths[1]), held_bytes)
    parts = batches(train_tokens, batch_tokens), batches(test_tokens, batch_tokens)
    steps = Steps(len(groups) * sum(map(len, parts)), progress)
    found = torch.zeros(len(test_tokens), len(source.blocks) + 1, len(target.blocks) + 1, dtype=torch.float64)
    for group in groups:
        fits = {layer: AffineFit(*widths).to(source.device) for layer in group}
        for part in parts[0]:
            streams = _streams(source, train_tokens[part], group)
            goal = torch.cat([stream.to(source.device) for stream in _streams(target, train_tokens[part])], dim=1)
            for layer, fit in fits.items():
                fit.update(streams[group.index(layer)], goal)
            steps.step()
        maps: dict[int, AffineMap] = {}
        for layer in group:
            maps[layer] = fits.pop(layer).fitted(penalty)
        for part in parts[1]:
            streams = _streams(source, test_tokens[part], group)
            goals = torch.stack([stream.to(source.device) for stream in _streams(target, test_tokens[part])], dim=1)
            for layer, mapping in maps.items():
                predicted = mapping(streams[group.index(layer)]).view(goals.shape)
                errors = relative_errors(predicted, goals.to(predicted))
                found[part, layer] = errors.view(-1, test_tokens.shape[1] - 1, goals.shape[1]).sum(1).cpu()
            steps.step()
    return ModelMap(found, test_tokens.shape[1] - 1)


def measure_model_map(
    source: Adapter,
    target: Adapter,
    train_tokens: Tensor,
    test_tokens: Tensor,
    *,
    seed: int = 0,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress = no_progress,
) -> Rows:
    """Map one model's streams to another's; see `map_models`.

    Rows at target stream l, with intervals over windows: `map/best_source` (index of the source stream),
    `map/best_depth` (the same over L1) and `map/error` (with that one); without a layer `map/monotone`, the share of
    steps up the target's depth at which the best source does not move back. Array `map.errors` (L1 + 1, L2 + 1).
    """
    found = map_models(source, target, train_tokens, test_tokens, batch_tokens=batch_tokens, progress=progress)
    rows = Rows("")
    depth = len(source.blocks)
    best = found.best
    drawn = bootstrap_means(found.sums, seed=seed, name="map").argmin(1).double()  # (R, L2 + 1)
    windows = len(found.sums)
    for layer, place in enumerate(best.tolist()):
        chosen = percentile_interval(place, drawn[:, layer], windows)
        add_estimate(rows, "map/best_source", chosen, layer)
        relative = percentile_interval(place / depth, drawn[:, layer] / depth, windows)
        add_estimate(rows, "map/best_depth", relative, layer)
        counts = torch.full((windows,), found.tokens)
        add_estimate(rows, "map/error", mean_over_windows(found.sums[:, place, layer], counts), layer)
    add_estimate(rows, "map/monotone", percentile_interval(float(_monotone(best)), _monotone(drawn).double(), windows))
    rows.keep({"map.errors": found.errors})
    return rows


def _monotone(best: Tensor) -> Tensor:
    return (best.diff(dim=-1) >= 0).double().mean(-1)


def _groups(count: int, each: int, held_bytes: int) -> list[tuple[int, ...]]:
    size = max(1, held_bytes // each)
    return [tuple(range(start, min(start + size, count))) for start in range(0, count, size)]


def _streams(adapter: Adapter, tokens: Tensor, layers: Sequence[int] | None = None) -> list[Tensor]:
    """Return streams (n, d) at all positions but the first of windows (B, T)."""
    with adapter.record(streams=True, parts=False) as record:
        adapter.run(tokens)
    wanted = range(len(record.streams)) if layers is None else layers
    return [record.streams[layer][:, 1:].flatten(0, 1) for layer in wanted]
