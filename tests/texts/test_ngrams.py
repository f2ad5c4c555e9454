from __future__ import annotations

import math
from collections import Counter, defaultdict

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from geomem.errors import InputError
from geomem.texts.ngrams import count_ngrams, support_classes

V = 4
TEXTS = st.lists(st.integers(0, V - 1), min_size=5, max_size=60)
WINDOWS = st.lists(st.lists(st.integers(0, V), min_size=6, max_size=6), min_size=1, max_size=4)


def counted(text: list[int], n: int) -> Counter[tuple[int, ...]]:
    return Counter(tuple(text[place : place + n]) for place in range(len(text) - n + 1))


@given(TEXTS)
@settings(deadline=None, max_examples=30)
def test_counts_are_those_of_a_plain_loop(text: list[int]) -> None:
    ngrams = count_ngrams(torch.tensor(text, dtype=torch.int32), V, 4)
    assert (ngrams.order, ngrams.tokens) == (4, len(text))
    for n in range(1, 5):
        expected = counted(text, n)
        assert sorted(ngrams.counts[n - 1].tolist()) == sorted(expected.values())
        found = ngrams.numbers(torch.tensor([text]), n)[0].tolist()
        assert found[: n - 1] == [-1] * (n - 1), "nothing reaches back before the window"
        spelled = {number: tuple(text[place - n + 1 : place + 1]) for place, number in enumerate(found) if number >= 0}
        assert len(spelled) == len(expected)
        assert {spelled[number]: int(ngrams.counts[n - 1][number]) for number in spelled} == expected


def backed_off(text: list[int], window: list[int], place: int, order: int) -> float:
    """The same by dictionaries: the longest context that the text goes on from decides, whether or not it helps."""
    for n in range(min(order, place + 1), 0, -1):
        context = tuple(window[place - n + 1 : place])
        together = counted(text, n)
        total = sum(count for ngram, count in together.items() if ngram[:-1] == context)
        if total:
            share = together[(*context, window[place])] / total
            return math.log(share) if share else math.nan
    return math.nan


@given(TEXTS, WINDOWS, st.integers(1, 5))
@settings(deadline=None, max_examples=30)
def test_back_off_is_that_of_a_plain_loop(text: list[int], windows: list[list[int]], order: int) -> None:
    found = count_ngrams(torch.tensor(text), V + 1, 5).log_probabilities(torch.tensor(windows), order)
    for row, window in enumerate(windows):
        for place in range(len(window)):
            expected = backed_off(text, window, place, order)
            assert float(found[row, place]) == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_a_context_that_only_ends_the_text_is_no_context() -> None:
    ngrams = count_ngrams(torch.tensor([0, 1, 0, 2, 3]), V, 2)
    found = ngrams.log_probabilities(torch.tensor([[3, 0], [0, 2], [0, 3]])).exp()[:, 1]
    assert found[:2].tolist() == pytest.approx([2 / 5, 1 / 2]), "after 3 nothing is known but how frequent 0 is"
    assert math.isnan(float(found[2])), "0 is followed, and never by 3: probability 0, not smoothed"


def supports(text: list[int], length: int) -> dict[tuple[int, ...], list[int]]:
    found: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
    for place in range(len(text) - length):
        found[tuple(text[place : place + length])].append(text[place + length])
    return found


@given(TEXTS, st.integers(1, 3), st.integers(1, 3), st.integers(1, 2))
@settings(deadline=None, max_examples=30)
def test_contexts_share_a_class_when_the_same_tokens_follow(
    text: list[int], length: int, seen: int, share: int
) -> None:
    ngrams = count_ngrams(torch.tensor(text), V, 4)
    found = support_classes(ngrams, length, least_seen=seen, least_contexts=share)
    expected = {context: frozenset(after) for context, after in supports(text, length).items() if len(after) >= seen}
    shared = Counter(expected.values())
    expected = {context: support for context, support in expected.items() if shared[support] >= share}
    numbers = ngrams.numbers(torch.tensor([text]), length)
    classes = found.of(numbers)[0].tolist()
    by_class: dict[int, frozenset[int]] = {}
    for place, number in enumerate(classes):
        context = tuple(text[place - length + 1 : place + 1]) if place >= length - 1 else None
        assert (number >= 0) == (context in expected)
        if context in expected:
            assert by_class.setdefault(number, expected[context]) == expected[context]
    assert len(set(by_class.values())) == len(by_class) == len(found.sizes)
    assert {number: len(support) for number, support in by_class.items()} == dict(enumerate(found.sizes.tolist()))
    assert sorted(found.contexts.tolist()) == sorted(Counter(expected.values()).values())


def test_classes_of_a_text_written_out() -> None:
    ngrams = count_ngrams(torch.tensor([0, 3, 1, 3, 0, 3, 2, 3, 1, 3, 2]), V, 2)
    found = support_classes(ngrams, 1)
    numbers = ngrams.numbers(torch.tensor([[0, 1, 2, 3]]), 1)
    one, two, three, last = found.of(numbers)[0].tolist()
    assert one == two == three != last
    assert found.sizes.tolist() == [1, 3]
    assert found.contexts.tolist() == [3, 1]
    assert found.of(torch.tensor([-1])).tolist() == [-1]


def test_what_cannot_be_counted_is_one_line() -> None:
    text: Tensor = torch.tensor([0, 1, 2])
    with pytest.raises(InputError, match="the text has 3 tokens, fewer than an n-gram of 4"):
        count_ngrams(text, V, 4)
    with pytest.raises(InputError, match="n-grams have at least 1 token, got 0"):
        count_ngrams(text, V, 0)
    with pytest.raises(InputError, match="have contexts of 1 to 1 tokens, got 2"):
        support_classes(count_ngrams(text, V, 2), 2)
