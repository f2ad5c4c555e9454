"""What is held for tokens that were read: the same attention, whatever is moved, added or asked."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from geomem.decoding.cache import Room


def states(batch: int, heads: int, tokens: int, size: int, seed: int) -> Tensor:
    return torch.randn(batch, heads, tokens, size, generator=torch.Generator().manual_seed(seed))


@given(
    heads=st.integers(1, 3),
    size=st.sampled_from([2, 6, 16, 64]),
    room=st.integers(1, 20),
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5),
    rows=st.lists(st.integers(0, 2), min_size=1, max_size=5),
)
@settings(max_examples=60, deadline=None)
@torch.no_grad()
def test_asking_is_attention_to_all_that_was_read(
    heads: int, size: int, room: int, lengths: list[int], rows: list[int]
) -> None:
    """Beyond the room that was set apart, too, and after sequences were moved."""
    held = Room(room)
    keys, values = states(3, heads, 0, size, 0), states(3, heads, 0, size, 0)
    for turn, length in enumerate(lengths):
        new = (states(len(keys), heads, length, size, 2 * turn), states(len(keys), heads, length, size, 2 * turn + 1))
        keys, values = torch.cat([keys, new[0]], dim=2), torch.cat([values, new[1]], dim=2)
        found = held.update(*new)
        assert torch.equal(found[0], keys)
        assert torch.equal(found[1], values)
        query = states(len(keys), 1, heads, size, 99)
        expected = F.scaled_dot_product_attention(query.transpose(1, 2), keys, values).transpose(1, 2)
        torch.testing.assert_close(held.ask(query), expected, atol=1e-5, rtol=1e-5)
        if turn == 0:
            order = torch.tensor(rows)
            held.reorder_cache(order)
            keys, values = keys[order], values[order]


@torch.no_grad()
def test_what_is_not_written_yet_is_not_seen() -> None:
    """A key of another sequence that stood there before, and anything else, has a weight of exactly 0."""
    held = Room(5)
    held.update(states(2, 1, 3, 16, 0), states(2, 1, 3, 16, 1))
    before = held.ask(states(2, 1, 1, 16, 2))
    keys, values = held._held or ()
    assert keys.shape[2] > 5
    keys[:, :, 3:], values[:, :, 3:] = 1e3, 1e3
    assert torch.equal(held.ask(states(2, 1, 1, 16, 2)), before)


@pytest.mark.parametrize("tokens", [1, 3])
def test_room_is_made_where_there_is_too_little(tokens: int) -> None:
    held = Room(tokens)
    one = states(1, 2, 4, 8, 0)
    assert torch.equal(held.update(one, one)[0], one)
    assert held.get_seq_length() == 4
