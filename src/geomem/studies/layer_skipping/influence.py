"""Influence recency: how much a prediction changes when one token, k places before what is predicted, is resampled.

Source: arXiv 2603.07475 compares recency of causal and diffusion models; the operational definition is ours. Distance
is counted from the token that is predicted: a causal model predicts it one place earlier, a masked one at its own place
from both sides. Both are asked about the same tokens, with the same ones put in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.batch import random_places
from geomem.geometry.recency import influence_recency, total_variation
from geomem.probing.rerun import add_estimate, batches, mean_over_windows
from geomem.seeding import torch_generator

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter
    from geomem.probing.rows import Rows

TRIES = 50
"""Draws after which a token may be replaced by itself: the text then hardly has another one."""


@dataclass(frozen=True)
class Questions:
    """One question for every window. lags: k, ascending.

    targets: (W,), the place of the token to predict. others: (W, K), what the token k before it becomes. hidden:
    (W, T), what a masked model does not see: the target and a share of the tokens that are at none of the lags.
    """

    lags: tuple[int, ...]
    targets: Tensor
    others: Tensor
    hidden: Tensor


def draw_questions(tokens: Tensor, lags: Sequence[int], share: float, seed: int) -> Questions:
    """Draw a target and replacements for each window (W, T): tokens of the text as often as it has them.

    The first token is neither hidden nor replaced: it may be a sink. Needs windows of more than max(lags) + 1 tokens.
    """
    generator = torch_generator(seed, "influence")
    windows, length = tokens.shape
    targets = torch.randint(max(lags) + 1, length, (windows,), generator=generator)
    places = targets[:, None] - torch.tensor(lags)
    before = tokens.gather(1, places)
    others = before.clone()
    text = tokens[:, 1:].flatten()
    for _ in range(TRIES):
        same = others == before
        if not same.any():
            break
        others[same] = text[torch.randint(len(text), (int(same.sum()),), generator=generator)]
    seen = torch.zeros_like(tokens, dtype=torch.bool).scatter(1, places, True)
    target = torch.zeros_like(seen).scatter(1, targets[:, None], True)
    allowed = ~(seen | target) & (torch.arange(length) > 0)
    count = torch.full((windows,), max(0, round(share * (length - 1)) - 1)).clamp(max=allowed.sum(1))
    return Questions(tuple(lags), targets, others, random_places(allowed, count, generator) | target)


@torch.no_grad()
def influences(adapter: Adapter, tokens: Tensor, questions: Questions, mask: int | None, batch_tokens: int) -> Tensor:
    """Return (W, K) float64: total variation of the prediction of each window's target, for each lag.

    mask: the mask token of a model that looks ahead; None for a causal one, which sees everything before the target.
    """
    shown = tokens if mask is None else tokens.masked_fill(questions.hidden, mask)
    asked = questions.targets - int(mask is None)
    found = torch.zeros(questions.others.shape, dtype=torch.float64)

    def predictions(part: slice, windows: Tensor) -> Tensor:
        stream = adapter.run(windows)
        return adapter.logits(stream[torch.arange(len(windows)), asked[part]])

    for part in batches(tokens, batch_tokens):
        clean = predictions(part, shown[part])
        for number, lag in enumerate(questions.lags):
            place = (questions.targets[part] - lag)[:, None]
            changed = shown[part].scatter(1, place, questions.others[part, number : number + 1])
            found[part, number] = total_variation(clean, predictions(part, changed)).cpu().double()
    return found


def add_influences(rows: Rows, found: Tensor, lags: Sequence[int], seed: int) -> None:
    """Add the mean change at every lag k (`influence/lag_K`) and its ratio between nearest and furthest."""
    ones = torch.ones(len(found))
    for lag, values in zip(lags, found.T, strict=True):
        add_estimate(rows, f"influence/lag_{lag}", mean_over_windows(values, ones))
    add_estimate(rows, "influence/ratio", influence_recency(found[:, 0], found[:, -1], seed=seed))
