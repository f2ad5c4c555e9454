"""Which layers can be left out: the static plan by similarity of adjacent streams, and the controls it is held against.

Source: arXiv 2603.07475, selection algorithm: candidates are the layers with S_l = cos(h_l, h_{l+1}) > 0.95; they are
taken greedily by falling S, none beside one already taken; a layer left out passes its input through. The same set
serves every prompt. Here are the numbers only; running the model without its layers is an intervention's work.

S must be taken without sink tokens (massive activations inflate it), and it rises with the stream's norm whatever a
layer does, so it compares layers of one model, not models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.distance import spearman
from geomem.geometry.windows import (
    Estimate,
    bootstrap_means,
    percentile_interval,
    window_gram,
    window_ratio,
)
from geomem.seeding import torch_generator

THRESHOLD = 0.95


@dataclass(frozen=True)
class SkipPlan:
    """Layers to leave out, ascending. candidates: those above the threshold. depth: layers of the model.

    `layers` may be fewer than asked for: there were not enough candidates that are not neighbours.
    """

    layers: tuple[int, ...]
    candidates: tuple[int, ...]
    depth: int

    @property
    def flops_saved(self) -> float:
        """Share of the blocks' work saved, k / L."""
        return len(self.layers) / self.depth


def plan_skips(similarity: Float[Tensor, " l"], count: int, threshold: float = THRESHOLD) -> SkipPlan:
    """Return the plan of up to `count` layers, no two of them neighbours; equal similarities: the earlier layer first.

    similarity: S_l, mean over kept tokens. Raises InputError when `count` is not 1..L.
    """
    values = _checked(similarity, count)
    candidates = [layer for layer, value in enumerate(values) if value > threshold]
    taken: list[int] = []
    for layer in sorted(candidates, key=lambda layer: -values[layer]):
        if len(taken) < count and all(abs(layer - other) > 1 for other in taken):
            taken.append(layer)
    return SkipPlan(tuple(sorted(taken)), tuple(candidates), len(values))


def contiguous_set(similarity: Float[Tensor, " l"], count: int) -> tuple[int, ...]:
    """Return the run of `count` neighbouring layers with the highest mean similarity, the first of equals: a control.

    Raises InputError when `count` is not 1..L.
    """
    _checked(similarity, count)
    start = int(similarity.double().unfold(0, count, 1).mean(1).argmax())
    return tuple(range(start, start + count))


def random_sets(layers: Sequence[int], count: int, sets: int, seed: int = 0) -> list[tuple[int, ...]]:
    """Return `sets` random choices of `count` of the layers, no two neighbours: the control for choosing by similarity.

    Every such choice is equally likely; the same one may come again. layers: what may be chosen, ascending (the plan's
    candidates, or all). Raises InputError when there is no such choice.
    """
    # ways[i][k]: choices of k from layers[i:]. After taking layers[i] a neighbour in layers[i + 1] is passed over.
    step = [i + 2 if i + 1 < len(layers) and layers[i + 1] == layers[i] + 1 else i + 1 for i in range(len(layers))]
    ways = [[1] + [0] * count for _ in range(len(layers) + 1)]
    for i in reversed(range(len(layers))):
        for k in range(1, count + 1):
            ways[i][k] = ways[i + 1][k] + ways[step[i]][k - 1]
    if ways[0][count] == 0:
        raise InputError(f"skipping: no {count} of the layers {list(layers)} are without neighbours among them")
    generator = torch_generator(seed, "skipping", "random-sets")
    found: list[tuple[int, ...]] = []
    for _ in range(sets):
        taken: list[int] = []
        place, left = 0, count
        while left:
            with_it = ways[step[place]][left - 1]
            if float(torch.rand((), generator=generator, dtype=torch.float64)) * ways[place][left] < with_it:
                taken.append(layers[place])
                place, left = step[place], left - 1
            else:
                place += 1
        found.append(tuple(taken))
    return found


def retention(skipped: Float[Tensor, " w"], full: Float[Tensor, " w"]) -> Estimate:
    """Return score(skipped) / score(full) with a 95 % interval over windows, each scored by both (paired).

    Of a loss, where less is better, this is the loss ratio.
    """
    gram = window_gram(torch.stack([skipped, full], 1), torch.ones_like(full))
    return window_ratio(gram, gram.new_tensor([1, 0]), gram.new_tensor([0, 1]))


def similarity_by_window(
    cosines: Float[Tensor, "l b t"], keep: Bool[Tensor, "b t"] | None = None
) -> Float[Tensor, "b l"]:
    """Return S_l of each window from the token-wise map, over kept tokens; NaN for a window without any.

    keep: leave out flagged sink positions, whose massive activations inflate the cosine.
    """
    kept = cosines.new_ones(cosines.shape[1:], dtype=torch.bool) if keep is None else keep
    totals = cosines.masked_fill(~kept, 0).sum(-1, dtype=torch.float64)
    return (totals / kept.sum(-1)).T


@dataclass(frozen=True)
class DamageCorrelation:
    """Spearman's rho of S_l and -(loss increase of skipping l) over layers, with its interval over windows.

    chance_high: the 95 % point of rho when the layers are shuffled, which for few layers is far from 0.
    """

    rho: Estimate
    chance_high: float


def damage_correlation(
    similarity: Float[Tensor, "w l"], loss_increase: Float[Tensor, "k l"], *, seed: int = 0
) -> DamageCorrelation:
    """Ask whether layers that change the stream least are those that are missed least (rho near 1).

    similarity, loss_increase: for each window S_l, and the loss without layer l minus the full loss; the windows need
    not be the same. Interval: bootstrap of windows.
    """
    one, two = similarity.double().mean(0), -loss_increase.double().mean(0)
    pairs = zip(
        bootstrap_means(similarity, seed=seed, name="similarity"),
        -bootstrap_means(loss_increase, seed=seed, name="loss"),
        strict=True,
    )
    drawn = torch.tensor([spearman(first, second) for first, second in pairs], dtype=torch.float64)
    generator = torch_generator(seed, "skipping", "shuffled-layers")
    shuffled = [spearman(one, two[torch.randperm(len(two), generator=generator)]) for _ in range(1000)]
    chance = float(torch.tensor(shuffled, dtype=torch.float64).quantile(0.95))
    windows = min(len(similarity), len(loss_increase))
    return DamageCorrelation(percentile_interval(spearman(one, two), drawn, windows), chance)


def _checked(similarity: Tensor, count: int) -> list[float]:
    if not 1 <= count <= len(similarity):
        raise InputError(f"skipping: the number of layers to skip must be 1..{len(similarity)}, got {count}")
    return similarity.tolist()
