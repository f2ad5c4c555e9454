"""Teacherless training: all target tokens in one shot, none of them shown (arXiv 2403.06963, section 5)."""

from __future__ import annotations

from torch import Tensor, nn

from geomem.batch import IGNORE, AnyBatch, ContextBatch
from geomem.errors import InputError
from geomem.objectives.next_token import NextToken, hidden_input_loss


class Teacherless:
    """Mean cross-entropy in nats when every labelled token's input is replaced by the filler (an `Objective`).

    Contexts with soft labels have a single target, which no input shows; for them this is next-token prediction.
    """

    def __call__(self, model: nn.Module, batch: AnyBatch) -> Tensor:
        """Return the scalar loss. Raises InputError when the batch's task has no filler token."""
        if isinstance(batch, ContextBatch):
            return NextToken()(model, batch)
        if batch.filler is None:
            raise InputError("objective teacherless: this task's batches name no filler token; use next-token")
        return hidden_input_loss(model, batch, batch.tokens.masked_fill(batch.labels != IGNORE, batch.filler))
