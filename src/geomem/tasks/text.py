"""The next token of a text, in windows; the end of the text is held out and scored beside the unigram."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from geomem.batch import Batch
from geomem.decoding.evaluating import evaluating
from geomem.decoding.reader import Autoregressive, Reader
from geomem.errors import InputError
from geomem.seeding import stream_seed
from geomem.tasks.scoring import rows_per_chunk
from geomem.tasks.task import Evidence, Split, Stream, Task
from geomem.tasks.vocabulary import TextVocabulary
from geomem.texts.bpe import train_bpe
from geomem.texts.reading import find_text, read_text, span
from geomem.texts.tokens import open_tokenizer, start_token, tokenise
from geomem.texts.windows import Windows, choose_windows, cut_windows, next_token_counts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from geomem.tasks.specs import TextSpec


class WindowStream:
    """Windows of a text; every token but a window's first is to be predicted, from those before it or around it."""

    def __init__(self, windows: Windows) -> None:
        self.windows = windows

    @property
    def size(self) -> int:
        """Number of windows."""
        return len(self.windows)

    def batch(self, index: Tensor) -> Batch:
        """Return the windows `index` (B,) int64."""
        tokens = self.windows.batch(index)
        return Batch(tokens, tokens, columns=self.windows.context - 1, index=index)

    def full(self) -> Batch:
        """Return all windows."""
        return self.batch(torch.arange(self.size, device=self.windows.tokens.device))

    def to(self, device: torch.device | str) -> WindowStream:
        """Return the same stream on another device."""
        return WindowStream(self.windows.to(device))


class TextTask(Task):
    """A text as next-token prediction. Streams: "text".

    tokenizer: takes the place of the one that the spec names. Every window begins with the token that the tokenizer
    puts before a text, if it does.
    windows: the cut text by split. scored: which held-out windows are scored on. uniform_loss: nats of a guess that
    finds all V tokens equally likely, log V.
    """

    def __init__(self, spec: TextSpec, seed: int, tokenizer: PreTrainedTokenizerBase | None = None) -> None:
        self.name = spec.kind
        path = find_text(spec.text)
        border = int(sum(map(len, read_text(path))) * (1 - spec.held_out))
        if tokenizer is None and spec.tokenizer is not None:
            tokenizer = open_tokenizer(spec.tokenizer)
        elif tokenizer is None:
            tokenizer = train_bpe(span(read_text(path), 0, border), spec.vocabulary)
        self.tokenizer, self.vocabulary = tokenizer, TextVocabulary(tokenizer)
        start = start_token(tokenizer)

        def cut(split: str, begin: int, end: int | None) -> Windows:
            try:
                tokens = tokenise(span(read_text(path), begin, end), tokenizer)
                return cut_windows(tokens, spec.context, start=start, first=_first(spec, split, seed, len(tokens)))
            except InputError as error:
                raise InputError(f"{path}, {split.replace('_', '-')} part: {error}") from None

        self.windows: dict[Split, Windows] = {
            "train": cut("train", 0, border),
            "held_out": cut("held_out", border, None),
        }
        held_out = self.windows["held_out"]
        self.scored = choose_windows(len(held_out), spec.context, spec.score_tokens, seed=0)
        self.uniform_loss = math.log(self.vocabulary.size)
        self.chance = self._unigram()

    def streams(self, split: Split = "train") -> dict[str, Stream]:
        """Return the windows of a split."""
        return {"text": WindowStream(self.windows[split])}

    def default_mix(self) -> dict[str, float]:
        """One stream has the whole loss."""
        return {"text": 1.0}

    def score(
        self,
        model: nn.Module,
        *,
        device: torch.device | str = "cpu",
        parts: Collection[str] | None = None,
        reader: Reader | None = None,
    ) -> dict[str, float]:
        """Return arg-max accuracy and mean loss in nats a token on held-out windows."""
        if parts is not None and "text" not in parts:
            return {}
        loss = torch.zeros((), dtype=torch.float64, device=device)
        right = torch.zeros((), dtype=torch.int64, device=device)
        windows, asked = self.windows["held_out"], reader or Autoregressive(self.vocabulary.size)
        rows = rows_per_chunk(windows.context - 1, self.vocabulary.size)
        with evaluating(model):
            for index in self.scored.split(rows):
                tokens = windows.batch(index).to(device)
                batch = Batch(tokens, tokens, columns=windows.context - 1)
                logits, true = asked.logits(model, batch).float(), tokens[:, 1:]
                at_true = logits.gather(-1, true[..., None])[..., 0]
                loss += (torch.logsumexp(logits, dim=-1) - at_true).double().sum()
                right += (logits.argmax(-1) == true).sum()
        count = len(self.scored) * (windows.context - 1)
        return {"text/held_out/accuracy": int(right) / count, "text/held_out/loss": float(loss) / count}

    def evidence(self) -> dict[str, Evidence]:
        """Return nothing: a text has no graph to measure."""
        return {}

    def _unigram(self) -> dict[str, float]:
        """Return what the frequencies of tokens alone give: one is added to each count, so that none is impossible."""
        size, train = self.vocabulary.size, self.windows["train"]
        seen = next_token_counts(train, torch.arange(len(train)), size).double() + 1
        asked = next_token_counts(self.windows["held_out"], self.scored, size).double()
        share = asked / asked.sum()
        # A most frequent token that the held-out part lacks still leaves a guesser one in V.
        accuracy = max(float(share[seen.argmax()]), 1 / size)
        return {
            "text/held_out/accuracy": accuracy,
            "text/held_out/loss": -float((share * (seen / seen.sum()).log()).sum()),
        }


def _first(spec: TextSpec, split: str, seed: int, tokens: int) -> int:
    """Return where the first window begins: for training anywhere in the first window's length, as the seed says."""
    room = min(spec.context, tokens - spec.context + 1)
    return stream_seed(seed, "data", "first window") % room if split == "train" and room > 0 else 0
