"""What follows each distinct context of a text, learned from soft labels and scored against its entropy."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from geomem.batch import Batch
from geomem.contexts.build import ContextCounter
from geomem.contexts.files import is_saved, open_contexts
from geomem.contexts.matrix import ContextMatrix
from geomem.contexts.origin import Contexts, limit
from geomem.contexts.statistics import unigram, unigram_entropy
from geomem.contexts.texts import TextSettings, text_contexts
from geomem.decoding.reader import Reader
from geomem.errors import InputError
from geomem.tasks.scoring import rows_per_chunk, score_contexts
from geomem.tasks.streams import ContextStream
from geomem.tasks.task import Evidence, Split, Stream, Task
from geomem.tasks.vocabulary import Numbered, TextVocabulary, Tokens

if TYPE_CHECKING:
    from geomem.tasks.specs import ContextsSpec


class ContextsTask(Task):
    """Distinct contexts with soft labels. Streams: "contexts".

    contexts: the matrix that is trained on, with where it comes from. floor: its entropy in nats, below which no loss
    can be. Chance is a guesser that knows the frequencies of next tokens and no context.
    """

    def __init__(self, spec: ContextsSpec, seed: int) -> None:
        self.name = spec.kind
        self.contexts = _contexts(spec)
        self.matrix: ContextMatrix = self.contexts.matrix
        if self.matrix.padded:
            raise InputError(f"{spec.text}: holds prefixes of several lengths, no rows of tokens to train on; "
                             "save contexts of a fixed length")  # fmt: skip
        self.tokenizer = self.contexts.tokenizer
        self.vocabulary: Tokens = (
            Numbered(self.matrix.vocabulary) if self.tokenizer is None else TextVocabulary(self.tokenizer)
        )
        self.floor = float(self.matrix.entropy())
        loss = unigram_entropy(self.matrix)
        self.chance = {
            "contexts/accuracy": float(unigram(self.matrix).max()),
            "contexts/loss": loss,
            "contexts/entropy_gap": loss - self.floor,
        }

    def streams(self, split: Split = "train") -> dict[str, Stream]:
        """Return the contexts; all of them are trained on, so nothing is held out."""
        return {"contexts": ContextStream(self.matrix)} if split == "train" else {}

    def default_mix(self) -> dict[str, float]:
        """One stream has the whole loss."""
        return {"contexts": 1.0}

    def score(
        self,
        model: nn.Module,
        *,
        device: torch.device | str = "cpu",
        parts: Collection[str] | None = None,
        reader: Reader | None = None,
    ) -> dict[str, float]:
        """Return arg-max accuracy, mean loss in nats, and its gap to the entropy, over all samples."""
        if parts is not None and "contexts" not in parts:
            return {}
        loss, accuracy = score_contexts(model, self.matrix, self.vocabulary.size, device)
        return {
            "contexts/accuracy": accuracy,
            "contexts/loss": loss,
            "contexts/entropy_gap": loss - self.floor,
        }

    def evidence(self) -> dict[str, Evidence]:
        """Return nothing: a text has no graph to measure."""
        return {}


def task_contexts(
    task: Task, length: int | None = None, *, split: Split = "train", streams: Iterable[str] | None = None
) -> ContextMatrix:
    """Return the context matrix of a task: for each labelled place of its examples, the tokens before it.

    length: take the last `length` tokens and leave out places with fewer; by default the whole prefix, padded on the
    left to the longest. streams: by name; by default all. Every example counts once; the shares of a mix do not count.
    Raises InputError for an unknown stream, or batches with weights a place.
    """
    known = task.streams(split)
    chosen = list(known) if streams is None else list(streams)
    for name in chosen:
        if name not in known:
            raise InputError(f"task {task.name}: no stream '{name}'; choose from: {', '.join(sorted(known))}")
    longest = max((_longest(known[name]) for name in chosen), default=0)
    counter = ContextCounter(task.vocabulary.size, longest if length is None else length, prefixes=length is None)
    for name in chosen:
        _count_stream(counter, known[name])
    return counter.matrix()


def _count_stream(counter: ContextCounter, stream: Stream) -> None:
    if isinstance(stream, ContextStream):
        counter.add_matrix(stream.matrix)
        return
    for index in torch.arange(stream.size).split(rows_per_chunk(1, 1)):
        batch = stream.batch(index)
        if not isinstance(batch, Batch) or batch.weights is not None:
            raise InputError("examples with weights a place cannot be counted")
        counter.add_rows(batch.tokens.numpy(), batch.labels.numpy())


def _longest(stream: Stream) -> int:
    """Return the most tokens that stand before a labelled place: one less than a row has, or a context's own."""
    columns = int(stream.batch(torch.arange(1)).tokens.shape[1])
    return columns if isinstance(stream, ContextStream) else columns - 1


def _contexts(spec: ContextsSpec) -> Contexts:
    given = {name: getattr(spec, name) for name in ("context", "tokenizer", "vocabulary", "max_tokens")}
    if not is_saved(Path(spec.text)):
        return text_contexts(spec.text, TextSettings(**given), least=spec.least, most=spec.most)
    useless = [name for name, value in given.items() if value is not None]
    if useless:
        raise InputError(f"{spec.text}: holds counts that are made already; {useless[0]} belongs to a text")
    return limit(open_contexts(Path(spec.text)), least=spec.least, most=spec.most)
