"""Token arrays to context matrices: one pass, in memory that grows with the distinct contexts and not with the text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from geomem.contexts.matrix import PAD, ContextMatrix
from geomem.contexts.packing import Packing, Runs, Words, count_keys, to_matrix
from geomem.errors import InputError

CHUNK = 1 << 22
"""Most 64-bit words that are sorted at once."""

SMALLEST_CHUNK = 1 << 14
"""Fewest samples that are sorted at once, however long their contexts are."""

Ids = NDArray[np.integer]


class ContextCounter:
    """Counts what follows each context, piece by piece.

    vocabulary: every id is below it. length: T, tokens of a context; with `prefixes`, of the longest one.
    prefixes: a context is everything before a token in its document, 1 to T tokens, instead of the last T exactly; a
    document longer than T + 1 tokens is cut into windows of that many, which count as documents.
    boundary: the id that ends a document, or None. No context reaches over it; it is itself predicted.
    """

    def __init__(self, vocabulary: int, length: int, *, prefixes: bool = False, boundary: int | None = None) -> None:
        self.packing = Packing(vocabulary, length)
        self.prefixes, self.boundary = prefixes, boundary
        self.seen = 0
        """Tokens taken in that have a token before them in their document; those without a whole context too."""
        self._runs = Runs()
        self._waiting: list[Words] = []
        self._samples_waiting = 0
        self._chunk = max(SMALLEST_CHUNK, CHUNK // self.packing.words)
        # The last T tokens, in which later ones find what stood before them, and how many their document has so far.
        self._tail = np.full(length, PAD)
        self._age = 0

    def add_text(self, tokens: Ids) -> None:
        """Take in the next tokens (n,) of one stream. Raises InputError for an id outside the vocabulary."""
        for part in _split(tokens, self._chunk):
            first = np.zeros(len(part), np.bool_)
            if self.boundary is not None:
                first[1:] = part[:-1] == self.boundary
                first[0] = self._tail[-1] == self.boundary
            self._add(part, part, first)

    def add_rows(self, tokens: Ids, targets: Ids | None = None) -> None:
        """Take in rows (B, N), each a document of its own.

        targets: (B, N), what is predicted at each place from the tokens before it, as `Batch.labels` has it: negative
        where nothing is. By default every token. Raises InputError for an id outside the vocabulary.
        """
        wanted = tokens if targets is None else targets
        if tokens.ndim != 2 or tokens.shape != wanted.shape:
            raise InputError(f"tokens {tokens.shape} and targets {wanted.shape} must be one shape (rows, tokens)")
        rows = max(1, self._chunk // max(1, tokens.shape[1]))
        for start in range(0, len(tokens), rows):
            part, aim = tokens[start : start + rows], wanted[start : start + rows]
            first = np.zeros(part.shape, np.bool_)
            first[:, :1] = True
            self._add(part.ravel(), aim.ravel(), first.ravel())
        self.end()

    def add_matrix(self, matrix: ContextMatrix) -> None:
        """Take in counts that are there already; of contexts longer than T the last T tokens.

        Shorter ones are padded with `prefixes` and left out without. Raises InputError for an id outside the
        vocabulary, or, with `prefixes`, a context longer than T.
        """
        length = self.packing.length
        if matrix.vocabulary > self.packing.vocabulary or (self.prefixes and matrix.length > length):
            raise InputError(f"contexts of {matrix.length} tokens out of {matrix.vocabulary} do not fit into those of "
                             f"{length} tokens out of {self.packing.vocabulary}")  # fmt: skip
        contexts, rows = matrix.contexts.numpy(), matrix.rows.numpy()
        _check(contexts.clip(min=0), matrix.indices.numpy(), self.packing.vocabulary)
        self.seen += round(matrix.samples)
        keys = self.packing.empty(len(rows))
        whole = np.ones(len(rows), np.bool_)
        for place in range(length):
            back = length - place
            old = contexts[rows, -back] if back <= matrix.length else np.full(len(rows), PAD)
            whole &= old != PAD
            self.packing.put(keys, place, old)
        self.packing.put(keys, length, matrix.indices.numpy())
        kept = slice(None) if self.prefixes else whole
        self._runs.add(count_keys(keys[:, kept], matrix.counts.numpy()[kept]))

    def end(self) -> None:
        """End the document: the next tokens begin a new one."""
        self._tail, self._age = np.full(self.packing.length, PAD), 0

    def matrix(self) -> ContextMatrix:
        """Return what was counted, contexts in ascending order. Raises InputError when no context was followed."""
        self._sort_waiting()
        counted = self._runs.merged()
        if counted is None:
            raise InputError(f"no token has {1 if self.prefixes else self.packing.length} token(s) before it: "
                             "the text is shorter than one context and the token after it")  # fmt: skip
        return to_matrix(counted, self.packing)

    def _sort_waiting(self) -> None:
        """Make a sorted run of the samples that came in; small pieces of text are not sorted one by one."""
        if self._waiting:
            self._runs.add(count_keys(np.concatenate(self._waiting, 1)))
        self._waiting, self._samples_waiting = [], 0

    def _add(self, tokens: Ids, targets: Ids, first: NDArray[np.bool_]) -> None:
        if len(tokens) == 0:
            return
        _check(tokens, targets, self.packing.vocabulary)
        length = self.packing.length
        line = np.concatenate([self._tail, tokens.astype(np.int64)])
        # How many tokens of its document stand before each token.
        places = np.arange(len(tokens))
        begun = np.maximum.accumulate(np.where(first, places, -1))
        ages = np.where(begun >= 0, places - begun, self._age + places)
        inside = ages % (length + 1) if self.prefixes else ages
        counts = (inside >= 1) & (targets >= 0)
        self.seen += int(counts.sum())
        at = np.flatnonzero(counts if self.prefixes else counts & (inside >= length))
        keys = self.packing.empty(len(at))
        for place in range(length):
            back = length - place
            old = line[at + (length - back)]
            self.packing.put(keys, place, np.where(inside[at] >= back, old, PAD) if self.prefixes else old)
        self.packing.put(keys, length, targets[at].astype(np.int64))
        self._waiting.append(keys)
        self._samples_waiting += len(at)
        if self._samples_waiting >= self._chunk:
            self._sort_waiting()
        self._tail, self._age = line[-length:], int(ages[-1]) + 1


def count_tokens(
    chunks: Iterable[Ids], vocabulary: int, length: int, *, prefixes: bool = False, boundary: int | None = None
) -> ContextMatrix:
    """Count the contexts of token arrays, in one pass.

    chunks: arrays (n,), which continue one another, or (B, N), whose rows are documents. length, prefixes, boundary:
    as in `ContextCounter`. Raises InputError for an id outside the vocabulary, or when no token has a whole context
    before it.
    """
    counter = ContextCounter(vocabulary, length, prefixes=prefixes, boundary=boundary)
    for chunk in chunks:
        if chunk.ndim == 1:
            counter.add_text(chunk)
        else:
            counter.add_rows(chunk)
    return counter.matrix()


@dataclass(frozen=True)
class Kept:
    """The contexts that were kept: their matrix, and the share of contexts and of samples it has of the whole."""

    matrix: ContextMatrix
    contexts: float
    samples: float


def keep_contexts(matrix: ContextMatrix, *, least: float = 1, most: int | None = None) -> Kept:
    """Keep the contexts that occur at least `least` times, and of those the `most` most frequent ones.

    Their order stays; of equally frequent contexts the first are kept. Raises InputError when none would be left.
    """
    if most is not None and most < 1:
        raise InputError(f"most: at least 1 context is kept, got {most}")
    chosen = (matrix.totals >= least).nonzero().flatten()
    if len(chosen) == 0:
        raise InputError(f"least: no context occurs {least:g} times; the most frequent occurs "
                         f"{float(matrix.totals.max()):g} times")  # fmt: skip
    if most is not None and len(chosen) > most:
        order = torch.sort(matrix.totals[chosen], descending=True, stable=True).indices
        chosen = chosen[order[:most]].sort().values
    if len(chosen) == len(matrix):
        return Kept(matrix, 1.0, 1.0)
    kept = matrix.select(chosen)
    return Kept(kept, len(kept) / len(matrix), kept.samples / matrix.samples)


def _split(tokens: Ids, size: int) -> Iterable[Ids]:
    return (tokens[start : start + size] for start in range(0, len(tokens), size))


def _check(tokens: Ids, targets: Ids, vocabulary: int) -> None:
    low, high = int(tokens.min()), max(int(tokens.max()), int(targets.max()))
    if low < 0 or high >= vocabulary:
        raise InputError(f"token {low if low < 0 else high} is outside the vocabulary of {vocabulary}")
