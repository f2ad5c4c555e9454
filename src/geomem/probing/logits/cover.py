"""Futures that are the beginning of others are read with them: the fewest sequences that hold every future."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Cover:
    """sequences: the futures that begin no other, shortest first. sequence, place: (F,), where each future ends.

    The empty future has sequence -1: it ends where the history does.
    """

    sequences: tuple[tuple[int, ...], ...]
    sequence: Tensor
    place: Tensor

    @property
    def longest(self) -> int:
        """Tokens of the longest future."""
        return max(map(len, self.sequences), default=0)

    @property
    def tokens(self) -> int:
        """Tokens to read for each history."""
        return sum(map(len, self.sequences))

    def blocks(self, most: int) -> Iterator[Block]:
        """Yield the sequences in blocks of at most `most` tokens, padding counted, at least one sequence each."""
        start = 0
        while start < len(self.sequences):
            stop = start + 1
            while stop < len(self.sequences) and (stop + 1 - start) * len(self.sequences[stop]) <= most:
                stop += 1
            yield self._block(start, stop)
            start = stop

    def _block(self, start: int, stop: int) -> Block:
        length = len(self.sequences[stop - 1])
        # Padded on the right with a token of its own: a causal model does not see it from where it is looked at.
        padded = torch.tensor([[*one, *[one[-1]] * (length - len(one))] for one in self.sequences[start:stop]])
        futures = ((self.sequence >= start) & (self.sequence < stop)).nonzero()[:, 0]
        return Block(padded, futures, self.sequence[futures] - start, self.place[futures])


@dataclass(frozen=True)
class Block:
    """tokens (B, L) int64, padded. futures: which futures end here, and in which row and at which position."""

    tokens: Tensor
    futures: Tensor
    row: Tensor
    position: Tensor


def cover(futures: Sequence[Tensor]) -> Cover:
    """Return the cover of futures (t,) int64; equal ones are read once."""
    words = [tuple(future.tolist()) for future in futures]
    ordered = sorted(set(words))
    # In lexicographic order what a sequence begins comes right after it.
    last = [one for one, after in zip(ordered, [*ordered[1:], None], strict=True)
            if one and (after is None or after[: len(one)] != one)]  # fmt: skip
    kept = sorted(sorted(last), key=len)
    holder = {one[:length]: number for number, one in enumerate(kept) for length in range(1, len(one) + 1)}
    sequence = torch.tensor([holder.get(one, -1) for one in words], dtype=torch.int64)
    return Cover(tuple(kept), sequence, torch.tensor([len(one) - 1 for one in words], dtype=torch.int64))
