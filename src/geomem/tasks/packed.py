"""Tokens that stand for several keys or values at once, so that a table of pairs fills few positions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class PackedTokens:
    """Single values, single keys, packs of keys, packs of values, cues, then `?`, `~` and `[PAUSE]`, in that order.

    keys, values: how many there are of each. packed: how many a pack holds; with 1 there are no packs, the single
    tokens serve. cues: tokens with a meaning of their own.
    """

    keys: int
    values: int
    packed: int
    cues: int = 0

    @property
    def first_pack(self) -> int:
        """Id of the first pack; single values and keys come before it."""
        return self.values + self.keys

    @property
    def first_cue(self) -> int:
        """Id of the first cue; everything before it is content of a table."""
        packs = 0 if self.packed == 1 else self.keys**self.packed + self.values**self.packed
        return self.first_pack + packs

    @property
    def query(self) -> int:
        """Id of `?`, which asks."""
        return self.first_cue + self.cues

    @property
    def noise(self) -> int:
        """Id of `~`, which announces that nothing can be known."""
        return self.query + 1

    @property
    def pause(self) -> int:
        """Id of the token that says nothing."""
        return self.query + 2

    @property
    def size(self) -> int:
        """Number of tokens."""
        return self.query + 3

    def key(self, keys: Tensor) -> Tensor:
        """Return the tokens of single keys 0..A-1."""
        return self.values + keys

    def table(self, keys: Tensor, values: Tensor) -> Tensor:
        """Return (B, 2 n / P) tokens that state pairs: a pack of P keys, the pack of their values, the next P keys, ...

        keys, values: (B, n) int64, n a multiple of P.
        """
        return torch.stack([self._pack_keys(keys), self._pack_values(values)], dim=2).flatten(1)

    def name(self, token: int) -> str:
        """Return the name of one token. Raises IndexError outside the vocabulary."""
        if not 0 <= token < self.size:
            raise IndexError(f"token {token} is outside 0..{self.size - 1}")
        if token < self.values:
            return f"v{token}"
        if token < self.first_pack:
            return f"k{token - self.values}"
        if token >= self.first_cue:
            place = token - self.first_cue
            return f"c{place}" if place < self.cues else ("?", "~", "[PAUSE]")[place - self.cues]
        place, letter, base = token - self.first_pack, "k", self.keys
        if place >= self.keys**self.packed:
            place, letter, base = place - self.keys**self.packed, "v", self.values
        return "".join(f"{letter}{place // base**power % base}" for power in reversed(range(self.packed)))

    def names(self, tokens: Iterable[int]) -> list[str]:
        """Return the names of tokens."""
        return [self.name(int(token)) for token in tokens]

    def _pack_keys(self, keys: Tensor) -> Tensor:
        return self.key(keys) if self.packed == 1 else self.first_pack + self._number(keys, self.keys)

    def _pack_values(self, values: Tensor) -> Tensor:
        first = self.first_pack + self.keys**self.packed
        return values if self.packed == 1 else first + self._number(values, self.values)

    def _number(self, digits: Tensor, base: int) -> Tensor:
        """Read each P digits (B, n) as one number (B, n / P), the first digit the highest."""
        powers = torch.tensor([base**power for power in reversed(range(self.packed))], device=digits.device)
        return (digits.unflatten(1, (-1, self.packed)) * powers).sum(-1)
