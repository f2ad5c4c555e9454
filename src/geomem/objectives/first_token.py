"""The control that learns one token of every answer and nothing else (arXiv 2403.06963)."""

from __future__ import annotations

from dataclasses import replace

import torch

from geomem.batch import IGNORE, Batch, answer_length
from geomem.errors import InputError


def one_label(batch: Batch, position: int) -> Batch:
    """Return the batch with the label of the answer's token `position` (from 1) alone; what follows it is cut off.

    Raises InputError when the answers are shorter.
    """
    length = answer_length(batch, "objective first-token")
    if position > length:
        raise InputError(f"objective first-token: position {position} is behind the end of answers of {length} tokens")
    end = batch.tokens.shape[1] - length + position
    labels = torch.full_like(batch.labels[:, :end], IGNORE)
    labels[:, -1] = batch.labels[:, end - 1]
    weights = None if batch.weights is None else batch.weights[:, :end]
    return replace(batch, tokens=batch.tokens[:, :end], labels=labels, weights=weights, columns=1)
