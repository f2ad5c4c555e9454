"""Contexts as sortable keys: the tokens of a context and the one that follows, packed into a few 64-bit words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from geomem.contexts.matrix import ContextMatrix
from geomem.errors import InputError

Words = NDArray[np.uint64]
Counts = NDArray[np.float64]


@dataclass(frozen=True)
class Packing:
    """How contexts of up to `length` tokens and the token after them become words; ids are below `vocabulary`.

    A token is packed as its id plus one, `PAD` as zero, so that keys sort as rows of ids do. The next token has the
    lowest bits of the last word.
    """

    vocabulary: int
    length: int

    def __post_init__(self) -> None:
        if self.length < 1:
            raise InputError(f"context: a context has at least 1 token, got {self.length}")
        if self.vocabulary < 1:
            raise InputError(f"vocabulary: there is at least 1 token, got {self.vocabulary}")

    @cached_property
    def bits(self) -> int:
        """Bits of one token."""
        return self.vocabulary.bit_length()

    @cached_property
    def places(self) -> tuple[tuple[int, int], ...]:
        """For each of the length + 1 tokens, oldest first: its word and how far left it is shifted there."""
        each = 64 // self.bits
        found: list[tuple[int, int]] = []
        for place in range(self.length + 1):
            word, position = divmod(place, each)
            held = min(each, self.length + 1 - word * each)
            found.append((word, (held - 1 - position) * self.bits))
        return tuple(found)

    @property
    def words(self) -> int:
        """64-bit words of one key."""
        return self.places[-1][0] + 1

    def empty(self, size: int) -> Words:
        """Return (words, size) zeros, to which `put` adds one token at a time."""
        return np.zeros((self.words, size), np.uint64)

    def put(self, keys: Words, place: int, tokens: NDArray[np.int64]) -> None:
        """Add the tokens (n,) that stand at `place` (0 the oldest, `length` the next token); `PAD` adds nothing."""
        word, shift = self.places[place]
        keys[word] |= (tokens + 1).astype(np.uint64) << np.uint64(shift)

    def take(self, keys: Words, place: int) -> NDArray[np.int64]:
        """Return the tokens (n,) at `place`."""
        word, shift = self.places[place]
        mask = np.uint64((1 << self.bits) - 1)
        return ((keys[word] >> np.uint64(shift)) & mask).astype(np.int64) - 1


@dataclass(frozen=True)
class Counted:
    """Different keys in ascending order, keys (words, n), and how often each occurs, counts (n,)."""

    keys: Words
    counts: Counts

    def __len__(self) -> int:
        return len(self.counts)


def count_keys(keys: Words, counts: Counts | None = None) -> Counted:
    """Sort keys (words, n) and add up the counts (n,) of equal ones; each counts once where none are given."""
    if len(keys) == 1 and counts is None:
        # Nothing has to move with the keys, which is the fastest sort there is.
        ordered, moved = np.sort(keys, axis=1), None
    else:
        order = sort_order(keys)
        ordered, moved = keys[:, order], None if counts is None else counts[order]
    starts = np.flatnonzero(_changes(ordered))
    if moved is None:
        sums = np.diff(starts, append=ordered.shape[1]).astype(np.float64)
    else:
        sums = np.add.reduceat(moved, starts) if len(starts) else moved
    return Counted(ordered[:, starts], sums)


def sort_order(keys: Words) -> NDArray[np.int64]:
    """Return the order (n,) in which keys (words, n) ascend, first word first; equal keys in any order.

    Word after word is joined to the rank of those before it, which together need 64 bits at most. So every sort is one
    of plain 64-bit numbers, which numpy does many times faster than the stable sorts of `lexsort`.
    """
    joined = keys[0]
    for word in keys[1:]:
        rank, low = _ranks(joined), word
        bits = int(low.max()).bit_length() if len(low) else 0
        if bits + len(low).bit_length() > 64:
            low = _ranks(low)
            bits = len(low).bit_length()
        joined = (rank << np.uint64(bits)) | low
    return np.argsort(joined)


def _ranks(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return how many different values lie below each, (n,)."""
    order = np.argsort(values)
    ordered = values[order]
    found = np.zeros(len(values), np.uint64)
    found[order[1:]] = np.cumsum(ordered[1:] != ordered[:-1], dtype=np.uint64)
    return found


def merge_counted(first: Counted, second: Counted) -> Counted:
    """Merge two sets of counts."""
    return count_keys(np.concatenate([first.keys, second.keys], 1), np.concatenate([first.counts, second.counts]))


class Runs:
    """Counts that arrive in chunks, held as sorted runs of falling size: in all at most twice the different keys.

    A run is merged with the one before it as soon as that is not twice as large, so that every key takes part in a
    number of merges that grows with the logarithm of the text's length only.
    """

    def __init__(self) -> None:
        self._runs: list[Counted] = []

    def add(self, run: Counted) -> None:
        """Take in one more sorted run."""
        if len(run):
            self._runs.append(run)
        while len(self._runs) > 1 and len(self._runs[-2]) < 2 * len(self._runs[-1]):
            self._merge_last()

    def merged(self) -> Counted | None:
        """Return all counts as one run; None when there are none."""
        while len(self._runs) > 1:
            self._merge_last()
        return self._runs[0] if self._runs else None

    def _merge_last(self) -> None:
        last = self._runs.pop()
        self._runs[-1] = merge_counted(self._runs[-1], last)


def to_matrix(counted: Counted, packing: Packing) -> ContextMatrix:
    """Turn counted keys into the context matrix; its contexts are in ascending order, `PAD` first."""
    keys = counted.keys
    masked = keys.copy()
    masked[-1] >>= np.uint64(packing.bits)
    starts = np.flatnonzero(_changes(masked))
    del masked
    firsts = keys[:, starts]
    contexts = np.empty((len(starts), packing.length), np.int64)
    for place in range(packing.length):
        contexts[:, place] = packing.take(firsts, place)
    indptr = np.append(starts, len(counted))
    return ContextMatrix(
        torch.from_numpy(contexts),
        torch.from_numpy(indptr),
        torch.from_numpy(packing.take(keys, packing.length)),
        torch.from_numpy(counted.counts.copy()),
        packing.vocabulary,
    )


def _changes(keys: Words) -> NDArray[np.bool_]:
    """Return (n,) whether each key of ascending keys (words, n) differs from the one before it; the first does."""
    found = np.ones(keys.shape[1], np.bool_)
    if keys.shape[1] > 1:
        found[1:] = (keys[:, 1:] != keys[:, :-1]).any(0)
    return found
