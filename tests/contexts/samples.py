"""What the tests of contexts share: counting by plain Python, and comparing matrices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch

from geomem.contexts.matrix import PAD, ContextMatrix

Pairs = Counter[tuple[tuple[int, ...], int]]


def count_by_hand(documents: Sequence[Sequence[int]], length: int, *, prefixes: bool = False) -> Pairs:
    """Count (context, next token) pairs with a dictionary, contexts padded on the left to `length`."""
    found: Pairs = Counter()
    for document in documents:
        step = length + 1 if prefixes else max(1, len(document))
        for start in range(0, len(document), step):
            window = document[start : start + step]
            for place in range(1 if prefixes else length, len(window)):
                before = tuple(window[max(0, place - length) : place])
                found[(PAD,) * (length - len(before)) + before, window[place]] += 1
    return found


def pairs_of(matrix: ContextMatrix) -> Pairs:
    rows = [tuple(row) for row in matrix.contexts.tolist()]
    entries = zip(matrix.rows.tolist(), matrix.indices.tolist(), matrix.counts.tolist(), strict=True)
    return Counter({(rows[row], token): int(count) for row, token, count in entries})


def assert_equal(first: ContextMatrix, second: ContextMatrix) -> None:
    """Two matrices are the same to the last bit, types included."""
    for name in ("contexts", "indptr", "indices", "counts"):
        one, other = getattr(first, name), getattr(second, name)
        assert one.dtype == other.dtype, name
        assert torch.equal(one, other), name
    assert first.vocabulary == second.vocabulary
