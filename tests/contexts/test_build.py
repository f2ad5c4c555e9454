from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geomem.contexts import build
from geomem.contexts.build import ContextCounter, count_tokens, keep_contexts
from geomem.contexts.matrix import PAD, ContextMatrix
from geomem.errors import InputError
from tests.contexts.samples import assert_equal, count_by_hand, pairs_of

TEXT = st.lists(st.integers(0, 3), min_size=1, max_size=60)
LENGTH = st.integers(1, 6)


def ids(values: list[int]) -> np.ndarray:
    return np.array(values, np.int32)


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few tokens be many chunks."""
    monkeypatch.setattr(build, "CHUNK", 7)
    monkeypatch.setattr(build, "SMALLEST_CHUNK", 7)


@settings(deadline=None)
@given(TEXT, LENGTH, st.booleans(), st.lists(st.integers(0, 60), max_size=4), st.sampled_from([4, 1000, 1 << 40]))
def test_a_text_in_any_pieces_is_counted_as_a_dictionary_would(
    text: list[int], length: int, prefixes: bool, cuts: list[int], vocabulary: int
):
    expected = count_by_hand([text], length, prefixes=prefixes)
    pieces = np.split(ids(text), sorted(min(cut, len(text)) for cut in cuts))
    if not expected:
        with pytest.raises(InputError, match="shorter than one context"):
            count_tokens(pieces, vocabulary, length, prefixes=prefixes)
        return
    matrix = count_tokens(pieces, vocabulary, length, prefixes=prefixes)
    assert pairs_of(matrix) == expected
    assert matrix.contexts.tolist() == sorted(matrix.contexts.tolist())
    assert_equal(matrix, count_tokens([ids(text)], vocabulary, length, prefixes=prefixes))


@settings(deadline=None)
@given(TEXT, LENGTH, st.booleans())
def test_no_context_reaches_over_the_end_of_a_document(text: list[int], length: int, prefixes: bool):
    documents: list[list[int]] = [[]]
    for token in text:
        documents[-1].append(token)
        if token == 0:
            documents.append([])
    expected = count_by_hand(documents, length, prefixes=prefixes)
    counter = ContextCounter(4, length, prefixes=prefixes, boundary=0)
    for token in text:
        counter.add_text(ids([token]))
    if expected:
        assert pairs_of(counter.matrix()) == expected
        assert counter.seen >= sum(expected.values())


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), min_size=5, max_size=5), min_size=1, max_size=9), LENGTH, st.booleans())
def test_rows_are_documents(rows: list[list[int]], length: int, prefixes: bool):
    expected = count_by_hand(rows, length, prefixes=prefixes)
    if expected:
        assert pairs_of(count_tokens([np.array(rows)], 4, length, prefixes=prefixes)) == expected


def test_the_order_is_that_of_pairs_grouped_by_torch():
    text = torch.randint(0, 3, (200,), generator=torch.Generator().manual_seed(0))
    windows = text.unfold(0, 4, 1)
    assert_equal(
        count_tokens([text.numpy()], 3, 3), ContextMatrix.from_pairs(windows[:, :3].contiguous(), windows[:, 3], 3)
    )


def test_only_labelled_places_count_and_the_first_column_never():
    counter = ContextCounter(9, 2, prefixes=True)
    counter.add_rows(np.array([[1, 2, 3], [1, 2, 4]]), np.array([[7, -100, 5], [-100, 8, -100]]))
    assert pairs_of(counter.matrix()) == {((1, 2), 5): 1, ((PAD, 1), 8): 1}
    assert counter.seen == 2


def test_a_row_after_a_text_is_a_document_of_its_own():
    counter = ContextCounter(9, 1)
    counter.add_text(ids([1, 2]))
    counter.add_rows(np.array([[3, 4]]))
    counter.add_text(ids([5, 6]))
    assert pairs_of(counter.matrix()) == {((1,), 2): 1, ((3,), 4): 1, ((5,), 6): 1}


def test_counts_that_are_there_already_are_taken_in():
    whole = count_tokens([np.array([[1, 2, 3, 1, 2, 4]])], 9, 5, prefixes=True)
    last = ContextCounter(9, 2)
    last.add_matrix(whole)
    assert pairs_of(last.matrix()) == {((1, 2), 3): 1, ((2, 3), 1): 1, ((3, 1), 2): 1, ((1, 2), 4): 1}
    longer = ContextCounter(9, 7, prefixes=True)
    longer.add_matrix(whole)
    assert pairs_of(longer.matrix()) == {
        ((PAD, PAD, *context), token): count for (context, token), count in pairs_of(whole).items()
    }
    with pytest.raises(InputError, match="contexts of 5 tokens out of 9 do not fit"):
        ContextCounter(9, 4, prefixes=True).add_matrix(whole)


@pytest.mark.parametrize(
    ("tokens", "said"),
    [([1, 9], "token 9 is outside the vocabulary of 9"), ([-3, 1], "token -3"), ([1], "shorter than"), ([], "shorter")],
)
def test_bad_tokens_are_refused(tokens: list[int], said: str):
    with pytest.raises(InputError, match=said):
        count_tokens([ids(tokens)], 9, 1)


def test_labels_of_another_shape_are_refused():
    with pytest.raises(InputError, match="must be one shape"):
        ContextCounter(9, 1).add_rows(np.zeros((2, 3), int), np.zeros((2, 2), int))


@settings(deadline=None)
@given(TEXT.filter(lambda text: len(text) > 1), st.integers(1, 5), st.integers(1, 9))
def test_what_is_kept_is_the_most_frequent_in_their_order(text: list[int], least: int, most: int):
    matrix = count_tokens([ids(text)], 4, 1)
    totals = matrix.totals.tolist()
    often = [row for row, total in enumerate(totals) if total >= least]
    if not often:
        with pytest.raises(InputError, match=f"no context occurs {least} times; the most frequent"):
            keep_contexts(matrix, least=least, most=most)
        return
    chosen = sorted(sorted(often, key=lambda row: -totals[row])[:most])
    kept = keep_contexts(matrix, least=least, most=most)
    assert kept.matrix.contexts.tolist() == matrix.contexts[chosen].tolist()
    expected = {key: count for key, count in pairs_of(matrix).items() if list(key[0]) in kept.matrix.contexts.tolist()}
    assert pairs_of(kept.matrix) == expected
    assert kept.samples == pytest.approx(sum(totals[row] for row in chosen) / sum(totals))
    assert kept.contexts == len(chosen) / len(matrix)


def test_keeping_nothing_is_refused():
    with pytest.raises(InputError, match="at least 1 context is kept, got 0"):
        keep_contexts(count_tokens([ids([1, 2])], 9, 1), most=0)
