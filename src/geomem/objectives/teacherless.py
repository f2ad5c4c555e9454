"""Teacherless training: all target tokens in one shot, none of them shown (arXiv 2403.06963, section 5)."""

from __future__ import annotations

from torch import Tensor, nn

from geomem.batch import Alphabet, AnyBatch, ContextBatch, hide_answers
from geomem.decoding.reader import OneShot
from geomem.objectives.next_token import NextToken, hidden_input_loss


class Teacherless:
    """Mean cross-entropy in nats when every labelled token's input is replaced by the filler (an `Objective`).

    The filler is the task's own; a task without one is lent a token of its own. Contexts with soft labels have a single
    target, which no input shows; for them this is next-token prediction.
    """

    def __init__(self, alphabet: Alphabet) -> None:
        self.size = alphabet.size
        self.filler, self.extra_tokens = own_filler(alphabet)

    def __call__(self, model: nn.Module, batch: AnyBatch) -> Tensor:
        """Return the scalar loss."""
        if isinstance(batch, ContextBatch):
            return NextToken(self.size)(model, batch)
        return hidden_input_loss(model, batch, hide_answers(batch, self.filler), self.size)

    def reader(self) -> OneShot:
        """Return all answers in one pass."""
        return OneShot(self.filler, self.size)


def own_filler(alphabet: Alphabet) -> tuple[int, int]:
    """Return the id that hides tokens, and how many tokens that adds to the task's."""
    return (alphabet.size, 1) if alphabet.filler is None else (alphabet.filler, 0)
