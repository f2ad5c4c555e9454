from __future__ import annotations

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from geomem.tasks.packed import PackedTokens


@given(st.integers(2, 5), st.integers(2, 5), st.integers(1, 3), st.integers(0, 3))
def test_names_are_different_and_say_what_a_token_holds(keys: int, values: int, packed: int, cues: int) -> None:
    tokens = PackedTokens(keys, values, packed, cues)
    names = tokens.names(range(tokens.size))
    assert len(set(names)) == tokens.size
    packs = 0 if packed == 1 else keys**packed + values**packed
    assert tokens.size == keys + values + packs + cues + 3
    assert names[-3:] == ["?", "~", "[PAUSE]"]
    for wrong in (-1, tokens.size):
        with pytest.raises(IndexError):
            tokens.name(wrong)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 99))
def test_a_table_can_be_read_back_from_its_names(packed: int, packs: int, seed: int) -> None:
    tokens = PackedTokens(4, 5, packed)
    generator = torch.Generator().manual_seed(seed)
    keys = torch.randint(4, (3, packed * packs), generator=generator)
    values = torch.randint(5, (3, packed * packs), generator=generator)
    table = tokens.table(keys, values)
    assert table.shape == (3, 2 * packs)
    for row in range(3):
        names = tokens.names(table[row].tolist())
        read = [[int(digit) for digit in re.findall(r"\d+", "".join(names[start::2]))] for start in (0, 1)]
        assert read == [keys[row].tolist(), values[row].tolist()]
        assert all(name.startswith("kv"[place % 2]) for place, name in enumerate(names))
