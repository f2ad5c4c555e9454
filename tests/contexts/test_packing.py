from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomem.contexts.packing import Counted, Packing, Runs, count_keys, merge_counted, sort_order
from geomem.errors import InputError

VOCABULARIES = st.sampled_from([1, 2, 3, 255, 256, 50_000, (1 << 31) - 1, (1 << 62) + 1])


def packed(packing: Packing, rows: np.ndarray) -> np.ndarray:
    keys = packing.empty(len(rows))
    for place in range(packing.length + 1):
        packing.put(keys, place, rows[:, place])
    return keys


@given(VOCABULARIES, st.integers(1, 9), st.data())
def test_keys_give_back_their_tokens_and_sort_as_rows_do(vocabulary: int, length: int, data: st.DataObject):
    packing = Packing(vocabulary, length)
    token = st.integers(-1, vocabulary - 1)
    row = st.tuples(*[token] * length, st.integers(0, vocabulary - 1))
    rows = sorted(set(data.draw(st.lists(row, min_size=1, max_size=20))))
    keys = packed(packing, np.array(rows, dtype=np.int64))
    taken = np.stack([packing.take(keys, place) for place in range(length + 1)], 1)
    assert taken.tolist() == [list(row) for row in rows]
    assert packing.words == keys.shape[0] <= length + 1
    assert sort_order(keys).tolist() == list(range(len(rows)))


WORD = st.one_of(st.integers(0, 3), st.integers(0, (1 << 64) - 1), st.sampled_from([0, (1 << 64) - 1]))


@given(st.integers(1, 4), st.data())
def test_any_keys_are_ordered_as_lexsort_does(words: int, data: st.DataObject):
    rows = data.draw(st.lists(st.tuples(*[WORD] * words), max_size=30))
    keys = np.array(rows, np.uint64).reshape(-1, words).T.copy()
    expected = keys[:, np.lexsort(keys[::-1])]
    assert keys[:, sort_order(keys)].tolist() == expected.tolist()


def test_a_short_context_of_few_tokens_is_one_word():
    assert Packing(1023, 5).words == 1
    assert Packing(1024, 5).words == 2


@pytest.mark.parametrize(("vocabulary", "length", "said"), [(5, 0, "at least 1 token, got 0"), (0, 5, "vocabulary")])
def test_nothing_cannot_be_packed(vocabulary: int, length: int, said: str):
    with pytest.raises(InputError, match=said):
        Packing(vocabulary, length)


KEYS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=40)


def counted(keys: list[tuple[int, int]], words: int = 2) -> Counted:
    return count_keys(np.array(keys, np.uint64).reshape(-1, 2).T[:words].copy())


@given(KEYS, st.sampled_from([1, 2]))
def test_equal_keys_are_added_up(keys: list[tuple[int, int]], words: int):
    found = counted(keys, words)
    unique, counts = np.unique(np.array(keys, int).reshape(-1, 2)[:, :words], axis=0, return_counts=True)
    assert found.keys.T.tolist() == unique.tolist()
    assert found.counts.tolist() == counts.tolist()


@given(st.lists(KEYS, max_size=12), st.sampled_from([1, 2]))
def test_runs_in_any_chunks_are_one_count(chunks: list[list[tuple[int, int]]], words: int):
    runs = Runs()
    for chunk in chunks:
        runs.add(counted(chunk, words))
    whole = counted([key for chunk in chunks for key in chunk], words)
    found = runs.merged()
    if found is None:
        assert len(whole) == 0
    else:
        assert found.keys.tolist() == whole.keys.tolist()
        assert found.counts.tolist() == whole.counts.tolist()


def test_memory_is_bounded_by_the_different_keys():
    generator = np.random.default_rng(0)
    runs, most = Runs(), 0
    for _ in range(200):
        runs.add(count_keys(generator.integers(0, 3000, (1, 500), dtype=np.uint64)))
        held = [len(run) for run in runs._runs]
        assert all(first >= 2 * second for first, second in pairwise(held))
        most = max(most, sum(held))
    assert len(runs.merged() or ()) == 3000
    assert most <= 2 * 3000


def test_merging_adds_masses_of_any_kind():
    one = Counted(np.array([[1, 3]], np.uint64), np.array([0.5, 2.0]))
    two = Counted(np.array([[2, 3]], np.uint64), np.array([0.25, 0.125]))
    both = merge_counted(one, two)
    assert both.keys.tolist() == [[1, 2, 3]]
    assert both.counts.tolist() == [0.5, 0.25, 2.125]
