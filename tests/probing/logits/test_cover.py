"""A cover holds every future once, and no sequence that begins another."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geomem.probing.logits.cover import cover


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 2), max_size=5), min_size=1, max_size=12), st.integers(1, 20))
def test_every_future_is_found_where_it_ends(words: list[list[int]], most: int) -> None:
    found = cover([torch.tensor(one, dtype=torch.int64) for one in words])
    for one, sequence, place in zip(words, found.sequence.tolist(), found.place.tolist(), strict=True):
        if sequence < 0:
            assert one == []
        else:
            assert list(found.sequences[sequence][: place + 1]) == one
    for one in found.sequences:
        assert not any(other != one and other[: len(one)] == one for other in found.sequences)
    seen: dict[int, list[int]] = {}
    for block in found.blocks(most):
        assert block.tokens.numel() <= most or len(block.tokens) == 1
        for future, row, position in zip(
            block.futures.tolist(), block.row.tolist(), block.position.tolist(), strict=True
        ):
            seen[future] = block.tokens[row, : position + 1].tolist()
    assert seen == {number: one for number, one in enumerate(words) if one}


def test_prefixes_cost_nothing() -> None:
    long = torch.arange(16)
    found = cover([long[:size] for size in range(17)])
    assert found.tokens == 16
    assert found.longest == 16
    assert cover([long[:0]]).longest == 0
