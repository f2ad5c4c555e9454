"""The hybrid of teacher-forced and teacherless training, read one token after another (arXiv 2504.15266)."""

from __future__ import annotations

from torch import Tensor, nn

from geomem.batch import Alphabet, AnyBatch, ContextBatch, hide_answers
from geomem.decoding.reader import Autoregressive
from geomem.objectives.next_token import NextToken, hidden_input_loss
from geomem.objectives.teacherless import own_filler


class Hybrid:
    """share * next-token loss + (1 - share) * teacherless loss, of the same examples (an `Objective`).

    The model reads every example twice, once with its answer and once with the filler in its place: at equal steps it
    sees twice the sequences. share 1 is next-token prediction, bit for bit; share 0
    is the teacherless loss. Contexts with soft labels have one target, for which both are the same.
    """

    def __init__(self, alphabet: Alphabet, share: float = 0.5) -> None:
        self.size, self.share = alphabet.size, share
        self.filler, self.extra_tokens = own_filler(alphabet)

    def __call__(self, model: nn.Module, batch: AnyBatch) -> Tensor:
        """Return the scalar loss."""
        if isinstance(batch, ContextBatch) or self.share == 1.0:
            return NextToken(self.size)(model, batch)
        hidden = hide_answers(batch, self.filler)
        if self.share == 0.0:
            return hidden_input_loss(model, batch, hidden, self.size)
        shown = hidden_input_loss(model, batch, batch.tokens, self.size)
        return self.share * shown + (1 - self.share) * hidden_input_loss(model, batch, hidden, self.size)

    def reader(self) -> Autoregressive:
        """Return one token after another: answers of which every position is chosen by itself do not hold together."""
        return Autoregressive(self.size)
