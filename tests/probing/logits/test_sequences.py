"""Sequences come from different places of a text, the same for the same seed."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geomem.errors import InputError
from geomem.probing.logits.sequences import cut_sequences, nonsense, random_futures

TEXT = torch.arange(1000, dtype=torch.int32)
"""Every token is its own place."""


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(1, 9), st.integers(2, 11), st.integers(1, 8), st.integers(0, 5), st.booleans())
def test_no_token_is_used_twice(n: int, f: int, t: int, u: int, m: int, begins: bool) -> None:
    start = 5000 if begins else None
    sizes = {"histories": n, "futures": f, "history_tokens": t, "future_tokens": u, "targets": m}
    found = cut_sequences(TEXT, **sizes, start=start, seed=n)
    assert found.histories.shape == (n, t)
    assert found.targets.shape == (m, t)
    assert len(found.futures) == f
    assert len(found.futures[0]) == 0
    assert all(1 <= len(one) <= u for one in found.futures[1:])
    used = torch.cat([found.histories[:, begins:].flatten(), found.targets[:, begins:].flatten(), *found.futures])
    assert len(used.unique()) == len(used)
    if begins:
        assert (found.histories[:, 0] == 5000).all()
    for one in [*found.histories[:, begins:], *found.futures[1:]]:
        assert (one.diff() == 1).all()  # as in the text
    again = cut_sequences(TEXT, **sizes, start=start, seed=n)
    assert torch.equal(again.histories, found.histories)


def test_nonsense_keeps_the_tokens_and_loses_their_order() -> None:
    found = cut_sequences(TEXT, histories=4, futures=6, history_tokens=20, future_tokens=9, targets=2, start=7777)
    for which, changed in (("histories", (True, False)), ("futures", (False, True)), ("both", (True, True))):
        other = nonsense(found, which, start=True)
        assert (other.histories[:, 0] == 7777).all()
        assert torch.equal(other.histories.sort(1).values, found.histories.sort(1).values)
        assert all(
            torch.equal(a.sort().values, b.sort().values) for a, b in zip(other.futures, found.futures, strict=True)
        )
        assert torch.equal(other.histories, found.histories) != changed[0]
        assert all(torch.equal(a, b) for a, b in zip(other.futures, found.futures, strict=True)) != changed[1]
        assert torch.equal(other.targets, found.targets)
    assert nonsense(found, "none").histories is found.histories


def test_random_futures_have_the_same_lengths() -> None:
    found = cut_sequences(TEXT, histories=4, futures=6, history_tokens=20, future_tokens=9)
    drawn = random_futures(found.futures, 5)
    assert [len(one) for one in drawn] == [len(one) for one in found.futures]
    assert max(int(one.max()) for one in drawn[1:]) <= 4


def test_too_short_a_text_is_one_line() -> None:
    with pytest.raises(InputError, match="1000 tokens, too few for 100 histories and 20 futures"):
        cut_sequences(TEXT, histories=100, futures=20, history_tokens=20, future_tokens=5)
    with pytest.raises(InputError, match="at least 1"):
        cut_sequences(TEXT, histories=0, futures=2, history_tokens=4, future_tokens=4)
