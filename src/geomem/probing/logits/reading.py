"""Sequences that a language model has read and can read on, token by token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from geomem.probing.logits.caches import copied
from geomem.probing.logits.limits import check_lengths, check_tokens

if TYPE_CHECKING:
    from geomem.probing.logits.language import LanguageModel


class Part:
    """A batch of sequences: all their tokens, the states after the last of each, and their cache."""

    def __init__(self, tokens: Tensor, states: Tensor, cache: Any) -> None:
        self.tokens, self.states, self.cache = tokens, states, cache


class LanguageReading:
    """Sequences read by a language model, in batches; with a cache a further token costs one position each."""

    def __init__(self, source: LanguageModel, parts: list[Part]) -> None:
        self.source, self.parts = source, parts

    @torch.no_grad()
    def logits(self) -> Tensor:
        """Return centred logits (n, V)."""
        return torch.cat([self.source.head.centred(part.states).cpu() for part in self.parts])

    @torch.no_grad()
    def combined(self, weights: Tensor) -> Tensor:
        """Return the weighted sum (V,) of the rows, float64."""
        states = torch.cat([part.states for part in self.parts])
        return self.source.head.combined(states, weights)

    def read(self, tokens: Tensor) -> None:
        """Read one more token each.

        Raises InputError, before anything is read, when the model's context is full or it does not have a token.
        """
        check_tokens(tokens, self.source.vocabulary)
        check_lengths(self.source.adapter, self.parts[0].tokens.shape[1], 1)
        wanted = tokens.split([len(part.tokens) for part in self.parts])
        for part, token in zip(self.parts, wanted, strict=True):
            part.tokens = torch.cat([part.tokens, token[:, None]], 1)
            new = token[:, None] if part.cache is not None else part.tokens
            states, part.cache = self.source._read(new, part.cache, keep=part.cache is not None)  # pyright: ignore[reportPrivateUsage]
            part.states = states[:, -1]

    def copy(self) -> LanguageReading:
        """Return a reading at the same place that goes on by itself."""
        parts = [Part(part.tokens, part.states, None if part.cache is None else copied(part.cache, len(part.tokens)))
                 for part in self.parts]  # fmt: skip
        return LanguageReading(self.source, parts)
