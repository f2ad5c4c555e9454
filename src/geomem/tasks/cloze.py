"""Masked tokens of a text, filled in from both sides; the end of the text is held out and scored beside the unigram."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from geomem.batch import IGNORE, Alphabet, Batch, random_places
from geomem.decoding.evaluating import evaluating
from geomem.decoding.reader import Reader
from geomem.seeding import torch_generator
from geomem.tasks.scoring import rows_per_chunk
from geomem.tasks.text import TextTask
from geomem.tasks.vocabulary import TextVocabulary
from geomem.texts.tokens import mask_token
from geomem.texts.windows import next_token_counts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from geomem.tasks.specs import ClozeSpec


class ClozeTask(TextTask):
    """A text to fill gaps in. Streams: "text". Its alphabet names the mask token as the filler.

    mask: id of the token that stands for a masked one. A window's first token is never masked.
    """

    def __init__(self, spec: ClozeSpec, seed: int, tokenizer: PreTrainedTokenizerBase | None = None) -> None:
        super().__init__(spec, seed, tokenizer)
        assert self.tokenizer is not None
        self.mask = mask_token(self.tokenizer)
        self.vocabulary = TextVocabulary(self.tokenizer)
        self.uniform_loss = math.log(self.vocabulary.size)
        self._share = spec.share
        self.chance = self._unigram_of_masked()

    def alphabet(self) -> Alphabet:
        """Return the tokenizer's tokens, with the one that masks."""
        return Alphabet(self.vocabulary.size, filler=self.mask)

    def score(
        self,
        model: nn.Module,
        *,
        device: torch.device | str = "cpu",
        parts: Collection[str] | None = None,
        reader: Reader | None = None,
    ) -> dict[str, float]:
        """Return arg-max accuracy and mean loss in nats on the masked tokens of held-out windows, always the same.

        One pass over both sides of every gap, whatever the reader.
        """
        if parts is not None and "text" not in parts:
            return {}
        batch = self.held_out()
        loss = torch.zeros((), dtype=torch.float64, device=device)
        right = torch.zeros((), dtype=torch.int64, device=device)
        rows = rows_per_chunk(batch.tokens.shape[1], self.vocabulary.size)
        with evaluating(model):
            for part in torch.arange(batch.examples).split(rows):
                labels = batch.labels[part].to(device)
                logits = model(input_ids=batch.tokens[part].to(device)).logits[labels != IGNORE].float()
                true = labels[labels != IGNORE]
                loss += nn.functional.cross_entropy(logits, true, reduction="none").double().sum()
                right += (logits.argmax(-1) == true).sum()
        count = int((batch.labels != IGNORE).sum())
        return {"cloze/held_out/accuracy": int(right) / count, "cloze/held_out/loss": float(loss) / count}

    def held_out(self) -> Batch:
        """Return the held-out windows to score on, their chosen tokens masked; labels are given there alone."""
        tokens = self.windows["held_out"].batch(self.scored)
        masked = cloze_places(len(tokens), tokens.shape[1], self._share)
        return Batch(
            tokens.masked_fill(masked, self.mask), tokens.masked_fill(~masked, IGNORE), columns=tokens.shape[1] - 1
        )

    def _unigram_of_masked(self) -> dict[str, float]:
        """Return what the frequencies of tokens alone give: one is added to each count, so that none is impossible."""
        size, train = self.vocabulary.size, self.windows["train"]
        seen = next_token_counts(train, torch.arange(len(train)), size).double() + 1
        labels = self.held_out().labels
        share = torch.bincount(labels[labels != IGNORE], minlength=size).double()
        share /= share.sum()
        return {
            "cloze/held_out/accuracy": max(float(share[seen.argmax()]), 1 / size),
            "cloze/held_out/loss": -float((share * (seen / seen.sum()).log()).sum()),
        }


def cloze_places(windows: int, context: int, share: float, seed: int = 0) -> Tensor:
    """Return (W, T) bool: in each window a share of its tokens, at least one, to be masked; never the first."""
    count = max(1, round(share * (context - 1)))
    allowed = (torch.arange(context) > 0).expand(windows, -1)
    return random_places(allowed, torch.full((windows,), count), torch_generator(seed, "cloze"))
