from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geomem.errors import InputError
from geomem.texts.windows import choose_windows, cut_windows, next_token_counts, sample_plan, shard


def tokens(count: int) -> torch.Tensor:
    return torch.arange(count, dtype=torch.int32)


@pytest.mark.parametrize(("start", "first"), [(None, 0), (None, 3), (99, 0), (99, 2)])
def test_windows_follow_one_another(start: int | None, first: int) -> None:
    windows = cut_windows(tokens(32), 6, start=start, first=first)
    found = windows.batch(torch.arange(len(windows)))
    assert found.dtype == torch.int64
    assert found.shape[1] == 6
    own = found if start is None else found[:, 1:]
    assert start is None or found[:, 0].tolist() == [99] * len(windows)
    assert own.flatten().tolist() == list(range(first, first + len(windows) * own.shape[1]))
    assert 0 <= 32 - first - own.numel() < own.shape[1], "all but a short last window is there"
    assert torch.equal(windows.batch(torch.tensor([2, 0])), found[[2, 0]])
    assert torch.equal(windows.to("cpu").batch(torch.tensor([1])), found[1:2])


@pytest.mark.parametrize(
    ("count", "context", "start", "complaint"),
    [
        (40, 64, None, "the text has 40 tokens, fewer than one window of 64; a --context of 40 or less would fit"),
        (40, 64, 7, "the text has 40 tokens, fewer than one window of 64; a --context of 41 or less would fit"),
        (1, 64, None, r"the text has 1 token\(s\), too few to predict one from another"),
        (40, 1, None, "context: a window has at least 2 tokens, got 1"),
    ],
)
def test_a_text_that_is_too_short_says_what_would_fit(
    count: int, context: int, start: int | None, complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        cut_windows(tokens(count), context, start=start)
    if context == 64 and count > 1:
        fits = cut_windows(tokens(count), count + (start is not None), start=start)
        assert len(fits) == 1


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 500), st.integers(1, 20), st.integers(1, 4000), st.integers(0, 5))
def test_chosen_windows_are_spread_evenly(count: int, context: int, limit: int, seed: int) -> None:
    chosen = choose_windows(count, context, limit, seed)
    assert torch.equal(chosen, choose_windows(count, context, limit, seed))
    assert len(chosen) == min(count, max(1, limit // context))
    assert bool((chosen.diff() > 0).all())
    assert 0 <= int(chosen[0]) <= int(chosen[-1]) < count
    # One of each stretch of count / m windows: gaps are shorter than two stretches.
    assert all(gap < 2 * count / len(chosen) + 1 for gap in chosen.diff().tolist())
    assert choose_windows(count, context, None, seed).tolist() == list(range(count))


def test_the_seed_chooses() -> None:
    assert choose_windows(1000, 10, 500, 0).tolist() != choose_windows(1000, 10, 500, 1).tolist()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 60), st.integers(1, 9))
def test_shards_are_contiguous_and_together_the_whole(count: int, shards: int) -> None:
    index = 7 + 2 * torch.arange(count)
    parts = [shard(index, number, shards) for number in range(shards)]
    assert torch.equal(torch.cat(parts), index)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    with pytest.raises(ValueError, match=f"shard {shards} is outside"):
        shard(index, shards, shards)


def test_next_tokens_are_counted_in_windows() -> None:
    text = torch.randint(0, 5, (1000,), generator=torch.Generator().manual_seed(0)).int()
    for start in (None, 4):
        windows = cut_windows(text, 7, start=start)
        index = torch.arange(0, len(windows), 2)
        expected = Counter(token for row in windows.batch(index).tolist() for token in row[1:])
        assert next_token_counts(windows, index, 6).tolist() == [expected[token] for token in range(6)]
    with pytest.raises(InputError, match="the text has token 4, outside the vocabulary of 4; the tokenizer does not"):
        next_token_counts(windows, index, 4)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 40), st.integers(2, 12), st.integers(0, 600), st.integers(0, 1), st.integers(1, 7))
def test_a_sample_plan_does_not_depend_on_shards(count: int, context: int, total: int, skip: int, shards: int) -> None:
    plan = sample_plan(count, context, total, seed=3, skip=skip)
    places = list(zip(plan.rows.tolist(), plan.columns.tolist(), strict=True))
    assert len(places) == len(set(places)) == min(total, count * (context - skip)) == len(plan)
    assert places == sorted(places)
    assert all(0 <= row < count and skip <= column < context for row, column in places)
    pieces: list[tuple[int, int]] = []
    for number in range(shards):
        begin, end = count * number // shards, count * (number + 1) // shards
        rows, columns = plan.within(begin, end)
        pieces += zip((rows + begin).tolist(), columns.tolist(), strict=True)
    assert pieces == places


def test_a_sample_is_spread_over_the_text_and_uniform_in_the_window() -> None:
    plan = sample_plan(1000, 16, 4000, seed=0)
    assert torch.bincount(plan.rows // 100).tolist() == pytest.approx([400] * 10, abs=2)
    counts = torch.bincount(plan.columns, minlength=16).double()
    assert float(((counts - 250) ** 2 / 250).sum()) < 40  # chi-squared with 15 degrees of freedom: p > 0.0005
    assert plan.columns.tolist() != sample_plan(1000, 16, 4000, seed=1).columns.tolist()
