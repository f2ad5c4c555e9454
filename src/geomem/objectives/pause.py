"""Pause tokens in training: a fixed run of them before the answer, or some strewn over a text (arXiv 2310.02226)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from geomem.batch import IGNORE, Batch, random_places
from geomem.decoding.paused import insert_pauses
from geomem.errors import InputError


def pauses_before_answer(batch: Batch, pause: int, counts: Sequence[int]) -> Batch:
    """Return the batch with pauses before its first label, their number drawn from `counts` for the whole batch.

    Drawn from torch's global generator, as dropout is; a single count draws nothing.
    """
    chosen = counts[0] if len(counts) == 1 else counts[int(torch.randint(len(counts), ()))]
    return insert_pauses(batch, pause, chosen)


def strew_pauses(batch: Batch, pause: int, share: float) -> Batch:
    """Return the batch with pauses at random places, cut back to its length T (section 3.1 of the paper).

    round(share * T) pauses go into each row, every choice of places equally likely, none of them before its first
    token; places come from torch's global generator. Predictions of a pause are dropped; a pause itself predicts the
    token after it. What the cut takes away is lost to this step: at equal length there is less of the text.
    Raises InputError when no label is left.
    """
    length = batch.tokens.shape[1]
    count = round(share * length)
    if count == 0:
        return batch
    allowed = torch.ones(batch.examples, length + count, dtype=torch.bool, device=batch.tokens.device)
    allowed[:, 0] = False
    places = random_places(allowed, torch.full((batch.examples,), count, device=batch.tokens.device))[:, :length]
    source = (~places).cumsum(1) - 1

    def strewn(rows: Tensor, value: float) -> Tensor:
        return rows.gather(1, source).masked_fill(places, value)

    labels = strewn(batch.labels, IGNORE)
    # Tokens only move to the right, so the last columns hold all labels if they did before.
    columns = batch.columns if isinstance(batch.columns, int) else None
    if columns != length - 1 and not bool((labels[:, 1:] != IGNORE).any()):
        raise InputError("objective pause: the pauses pushed all labels out of the sequence; use mode=answer here")
    weights = None if batch.weights is None else strewn(batch.weights, 0.0)
    return replace(batch, tokens=strewn(batch.tokens, pause), labels=labels, weights=weights, columns=columns)
