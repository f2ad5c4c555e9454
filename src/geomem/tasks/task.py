"""What every task is: it states knowledge as token sequences and scores a model on it, beside chance."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Literal, Union

import torch
from torch import Tensor, nn

from geomem.batch import Alphabet, AnyBatch
from geomem.decoding.reader import Reader
from geomem.errors import InputError
from geomem.tasks.streams import ENDLESS, ContextStream, SequenceStream, Stream
from geomem.tasks.vocabulary import Tokens, Vocabulary

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["ContextStream", "Evidence", "SequenceStream", "Split", "Stream", "Task", "Tokens", "Vocabulary"]

Split = Literal["train", "held_out"]
Evidence = Union[Tensor, int, str]


class Task(ABC):
    """Knowledge as sequences, with a score.

    name: the task's registered name.
    vocabulary: its tokens.
    chance: what a guesser gets in each number that `score` returns (the same keys).
    tokenizer: what turns text into the tokens, kept beside the model in its checkpoint; None for a task without text.
    """

    name: str
    vocabulary: Tokens
    chance: dict[str, float]
    tokenizer: PreTrainedTokenizerBase | None = None

    @abstractmethod
    def streams(self, split: Split = "train") -> dict[str, Stream]:
        """Return the kinds of example of a split, by name."""

    @abstractmethod
    def default_mix(self) -> dict[str, float]:
        """Return the share of each training stream in the loss; the shares sum to 1."""

    def alphabet(self) -> Alphabet:
        """Return the tokens an objective may use: how many, and which of them stand in where the vocabulary has any."""
        tokens = self.vocabulary
        return Alphabet(tokens.size, filler=getattr(tokens, "filler", None), pause=getattr(tokens, "pause", None))

    @abstractmethod
    def score(
        self,
        model: nn.Module,
        *,
        device: torch.device | str = "cpu",
        parts: Collection[str] | None = None,
        reader: Reader | None = None,
    ) -> dict[str, float]:
        """Score a language model that lies on `device`.

        parts: names of streams to score, all of them by default. reader: how the model is asked, which its objective
        knows; None for one token after another. Train or eval mode is left as it was found.
        """

    @abstractmethod
    def evidence(self) -> dict[str, Evidence]:
        """Return what the task knows that measurements read, under the names of their arguments."""

    def edge_prefix_tokens(self) -> Tensor | None:
        """Return the (N, T) int64 prefix that stands before the neighbours of each node; None without stated edges."""
        return None

    def batches(
        self, split: Split, generator: torch.Generator, sizes: Mapping[str, int]
    ) -> Iterator[dict[str, AnyBatch]]:
        """Yield batches, one of each stream named in `sizes`, until every stream has been seen whole at least once.

        Each pass over a stream is a fresh shuffle by `generator`; a short last batch is filled up from the next pass.
        Raises InputError for an unknown stream, an endless one, or a size below 1.
        """
        streams = self.streams(split)
        for name, size in sizes.items():
            if name not in streams:
                raise InputError(f"task {self.name}: no stream '{name}'; choose from: {', '.join(sorted(streams))}")
            if streams[name].size == ENDLESS:
                raise InputError(f"task {self.name}: stream '{name}' has no end; give it a train_size")
            if size < 1:
                raise InputError(f"task {self.name}: batch size of '{name}' must be at least 1, got {size}")
        order = {name: torch.empty(0, dtype=torch.int64) for name in sizes}
        steps = max((-(-streams[name].size // size) for name, size in sizes.items()), default=0)
        for _ in range(steps):
            step: dict[str, AnyBatch] = {}
            for name, size in sizes.items():
                while len(order[name]) < size:
                    order[name] = torch.cat([order[name], torch.randperm(streams[name].size, generator=generator)])
                step[name] = streams[name].batch(order[name][:size])
                order[name] = order[name][size:]
            yield step
