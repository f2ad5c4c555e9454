"""How depth is used: depth scores, where updates turn from writing to reinforcing, halves, convergence.

Source: arXiv 2505.13898 (depth score as in its released code). Which layers are needed is read from effects of skipping
them; where the stream settles, from update cosines and the logit lens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.updates import random_cosine
from geomem.geometry.windows import Estimate, bootstrap_interval, bootstrap_means, percentile_interval

Role = Literal["erase", "neutral", "reinforce"]


def depth_score(effects: Float[Tensor, " l"]) -> float:
    """Return d = sum_l l e_l / sum_l e_l, in layers from 0: the centre of mass of the effects.

    effects: not negative; the output effects O[l], or `propagated_effects`. Chance level, all effects equal:
    (len(effects) - 1) / 2. Raises InputError when an effect is negative or none is positive.
    """
    values = effects.double()
    if bool((values < 0).any()) or float(values.sum()) <= 0:
        raise InputError("depth score: effects must not be negative, and one must be positive")
    return float(torch.arange(len(values), dtype=values.dtype, device=values.device) @ values / values.sum())


def propagated_effects(effect: Float[Tensor, "l l"]) -> Float[Tensor, " k"]:
    """Return e_s = sum_{l>s} E[s, l] / (L - 1 - s) for s = 0..L-2: mean effect of skipping s on later blocks.

    effect: E[s, l]. The last block has no later one, and so no number (k = L - 1).
    """
    depth = len(effect)
    later = torch.arange(depth - 1, 0, -1, dtype=torch.float64, device=effect.device)
    return effect.double().triu(1).sum(1)[:-1] / later


def depth_score_interval(examples: Float[Tensor, "n l"], *, seed: int = 0) -> Estimate:
    """Return the depth score of the mean effects with its 95 % bootstrap interval over examples (prompts).

    The paper's own score takes the largest effect over examples: `depth_score(examples.amax(0))`. A maximum has no
    honest bootstrap interval, so here it is the mean.
    """
    return bootstrap_interval(examples, depth_score, seed=seed)


def depth_trend(levels: Sequence[float], examples: Sequence[Float[Tensor, "_ l"]], *, seed: int = 0) -> Estimate:
    """Return the slope of the depth score against the level (hops, difficulty), in layers a level, least squares.

    levels: one number a level. examples: for each level its (n, L) effects. Interval: bootstrap of examples within
    levels. A model that spends more depth on harder questions has a positive slope; chance is 0.
    Raises InputError with fewer than two different levels, or numbers of levels and of examples that differ.
    """
    if len(set(levels)) < 2 or len(levels) != len(examples):
        raise InputError(f"depth trend: needs two different levels with examples each, got {list(levels)}")
    scores = [depth_score(rows.double().mean(0)) for rows in examples]
    drawn = np.array([
        [depth_score(row) for row in bootstrap_means(rows, seed=seed, name=f"level {place}")]
        for place, rows in enumerate(examples)
    ])  # fmt: skip
    slopes = torch.from_numpy(_slopes(levels, drawn))
    fewest = min(len(rows) for rows in examples)
    return percentile_interval(float(_slopes(levels, np.array(scores)[:, None])[0]), slopes, fewest)


@dataclass(frozen=True)
class ErasureProfile:
    """What each block's update does to its stream.

    roles: "erase" (cosine clearly negative), "reinforce" (clearly positive) or "neutral", by the central 95 % of random
    directions. turn: the first block of the reinforcing part, 0..L. misfits: blocks on the wrong side of the turn
    (0 is a clean change from erasing to reinforcing).
    """

    roles: tuple[Role, ...]
    turn: int
    misfits: int


def erasure_profile(cosines: Float[Tensor, " l"], width: int) -> ErasureProfile:
    """Read where cos(update, stream) turns from <= 0 (erase, write) to > 0 (reinforce).

    cosines: mean over tokens at each block. width: d, for the chance band. The turn is the split with the fewest blocks
    of the wrong sign, the earliest of equals.
    """
    band = random_cosine(width)
    values: list[float] = cosines.tolist()
    roles: list[Role] = ["erase" if v < -band else "reinforce" if v > band else "neutral" for v in values]
    misfits = [
        sum(value > 0 for value in values[:turn]) + sum(value <= 0 for value in values[turn:])
        for turn in range(len(values) + 1)
    ]
    turn = misfits.index(min(misfits))
    return ErasureProfile(tuple(roles), turn, misfits[turn])


def half_weights(layers: int) -> tuple[Float[Tensor, " l"], Float[Tensor, " l"]]:
    """Return weights (second, first) that average the second half of the layers, and the first half without layer 0.

    The second half starts at layer ceil(L / 2). For `windows.window_ratio`. Raises InputError below 3 layers.
    """
    if layers < 3:
        raise InputError(f"halves: layer 0 is left out of the first half, so 3 layers are needed, got {layers}")
    middle = (layers + 1) // 2
    second, first = torch.zeros(2, layers, dtype=torch.float64)
    second[middle:] = 1 / (layers - middle)
    first[1:middle] = 1 / (middle - 1)
    return second, first


def half_ratio(values: Float[Tensor, " l"]) -> float:
    """Return the mean of the second half of the layers over that of the first half without layer 0.

    With its interval, from streamed sums: `window_ratio(metric.gram_of("update_ratio"), *half_weights(layers))`.
    """
    second, first = half_weights(len(values))
    row = values.double().cpu()
    return float(second @ row / (first @ row))


def convergence_depth(divergence: Float[Tensor, " l"]) -> float:
    """Return the relative depth from which a divergence stays at most half its value at the second stream, in [0, 1].

    divergence: the logit lens' KL, or 1 - overlap, at streams 0..L. The second stream (the input of block 1) is the
    reference because the embedding alone says little. 1: it halves only at the end. 0: there is nothing to halve.
    Raises InputError for fewer than three streams.
    """
    if len(divergence) < 3:
        raise InputError(f"convergence depth: at least 3 streams are needed, got {len(divergence)}")
    values = divergence.double()
    above = torch.nonzero(values[1:] > values[1] / 2).flatten()
    return 0.0 if len(above) == 0 else min(1.0, (int(above[-1]) + 2) / (len(values) - 1))


def _slopes(levels: Sequence[float], scores: np.ndarray) -> np.ndarray:
    x = np.asarray(levels, dtype=np.float64)
    x = x - x.mean()
    return x @ scores / (x @ x)
