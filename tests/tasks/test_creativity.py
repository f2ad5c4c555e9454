from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from geomem.tasks.creativity import (
    Outputs,
    Space,
    count_distinct,
    expected_distinct,
    first_of_each,
    occurs_in,
    renamed,
    row_keys,
)

small_rows = st.integers(1, 6).flatmap(
    lambda length: st.lists(st.lists(st.integers(0, 3), min_size=length, max_size=length), min_size=1, max_size=30)
)


def judged(coherent: list[int], canonical: list[list[int]], known: list[list[int]]) -> Outputs:
    """Outputs whose raw form is their place: no two are alike."""
    good, forms = torch.tensor(coherent).bool(), torch.tensor(canonical)
    raw = torch.arange(len(forms))[:, None]
    return Outputs(good, raw, forms, good & occurs_in(forms, torch.tensor(known)))


# -- comparing rows --------------------------------------------------------------------------------------------------


@given(small_rows)
def test_keys_are_equal_where_rows_are(rows: list[list[int]]) -> None:
    keys = row_keys(torch.tensor(rows))[0].tolist()
    for (one, key), (two, other) in itertools.combinations(zip(map(tuple, rows), keys, strict=True), 2):
        assert (one == two) == (key == other)


def test_keys_stay_exact_where_one_number_would_overflow() -> None:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randint(10**9, (200, 40), generator=generator)
    changed = rows.clone()
    changed[torch.arange(200), torch.randint(40, (200,), generator=generator)] += 1
    first, second = row_keys(torch.cat([rows, rows]), changed)
    assert torch.equal(first[:200], first[200:])
    assert len(torch.cat([first, second]).unique()) == 400


@given(small_rows)
def test_first_places_and_counts_are_those_of_python(rows: list[list[int]]) -> None:
    tuples = [tuple(row) for row in rows]
    assert first_of_each(torch.tensor(rows)).tolist() == sorted({row: tuples.index(row) for row in tuples}.values())
    counted = torch.arange(len(rows)) % 2 == 0
    assert count_distinct(torch.tensor(rows), counted) == len(set(tuples[::2]))


@pytest.mark.parametrize("width", [1, 2, 6, 40])
def test_first_places_of_wide_rows(width: int) -> None:
    """Keys from a few bits to more than leave room for a place, once without and once with rows that come again."""
    rows = torch.randint(10**9, (200, width), generator=torch.Generator().manual_seed(width))
    assert first_of_each(rows).tolist() == list(range(200))
    again = torch.cat([rows[:50], rows.flip(0), rows])
    assert first_of_each(again).tolist() == list(range(200))
    assert first_of_each(rows[:0]).tolist() == []


def test_nothing_is_in_an_empty_set() -> None:
    assert occurs_in(torch.tensor([[1, 2]]), torch.empty(0, 2, dtype=torch.int64)).tolist() == [False]
    assert count_distinct(torch.tensor([[1, 2]]), torch.tensor([False])) == 0


# -- canonical forms -------------------------------------------------------------------------------------------------


def test_renaming_goes_by_first_appearance() -> None:
    assert renamed(torch.tensor([[7, 3, 3, 7, 0], [1, 1, 1, 1, 1]])).tolist() == [[0, 1, 1, 0, 2], [0, 0, 0, 0, 0]]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.permutations(range(6)))
def test_a_new_naming_has_the_same_pattern(row: list[int], names: list[int]) -> None:
    one, two = renamed(torch.tensor([row])), renamed(torch.tensor([[names[node] for node in row]]))
    assert torch.equal(one, two)


@given(st.lists(st.integers(0, 2), min_size=4, max_size=4), st.lists(st.integers(0, 2), min_size=4, max_size=4))
def test_equal_patterns_are_one_naming_apart(one: list[int], two: list[int]) -> None:
    same = torch.equal(renamed(torch.tensor([one])), renamed(torch.tensor([two])))
    assert same == any([names[node] for node in one] == two for names in itertools.permutations(range(3)))


# -- the numbers -----------------------------------------------------------------------------------------------------


def test_two_copies_of_one_output_count_once() -> None:
    found = judged([1, 1, 1, 1, 0], [[1], [1], [2], [3], [4]], known=[[3], [9]]).numbers()
    assert found == {
        "creativity": 2 / 5,  # 1 and 2
        "creativity_raw": 3 / 5,  # the two ways of writing 1 are two
        "diversity": 3 / 5,  # 1, 2 and 3
        "coherence": 4 / 5,
        "memorisation": 1 / 5,
    }


def test_an_incoherent_output_counts_nowhere() -> None:
    found = judged([0, 0], [[1], [2]], known=[[1]]).numbers()
    assert set(found.values()) == {0.0}


def test_one_string_for_ever_has_one_over_the_samples() -> None:
    coherent = torch.ones(50, dtype=torch.bool)
    same = torch.ones(50, 3, dtype=torch.int64)
    assert Outputs(coherent, same, same, ~coherent).numbers()["creativity"] == 1 / 50


# -- expectations ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "draws"), [(1, 1), (2, 3), (3, 4), (4, 2)])
def test_expected_distinct_is_the_mean_over_all_draws(size: int, draws: int) -> None:
    counts = [len(set(drawn)) for drawn in itertools.product(range(size), repeat=draws)]
    assert expected_distinct(size, 1 / size, draws) == pytest.approx(sum(counts) / len(counts))


def test_expected_distinct_of_rare_outcomes_is_not_rounded_away() -> None:
    assert expected_distinct(10**20, 1e-30, 1000) == pytest.approx(1e-7)


def test_the_ceiling_is_that_of_the_published_sizes() -> None:
    """5 parents, 500 children of each type, 50 000 triples, 3000 samples: about .96."""
    space = Space(objects=1_250_000, spellings=1, known=50_000, guesses=5 * 2500**2)
    assert space.ceiling(3000) == pytest.approx(0.96, abs=0.002)
    assert space.ceiling(3000) == pytest.approx(0.96 * 1_250_000 * (1 - (1 - 1 / 1_250_000) ** 3000) / 3000)
    assert space.ceiling_raw(3000) == space.ceiling(3000)


def test_ceilings_and_guesses_are_means_over_all_outputs() -> None:
    """Three objects, each written in two ways, one known, among eight guesses: against every pair of draws."""
    space = Space(objects=3, spellings=2, known=1, guesses=8)

    def mean(outputs: int) -> dict[str, float]:
        pairs = list(itertools.product(range(outputs), repeat=2))
        rows = [
            Outputs(drawn < 6, drawn[:, None], drawn[:, None] // 2, drawn < 2).numbers()
            for drawn in (torch.tensor(pair) for pair in pairs)
        ]
        return {name: math.fsum(row[name] for row in rows) / len(rows) for name in rows[0]}

    assert space.guessed(2) == pytest.approx(mean(8))
    assert space.ceiling(2) == pytest.approx(mean(6)["creativity"])
    assert space.ceiling_raw(2) == pytest.approx(mean(6)["creativity_raw"])


def test_uniform_draws_reach_the_ceiling() -> None:
    space, generator = Space(200, 1, 50, 200), torch.Generator().manual_seed(0)
    found: list[float] = []
    for _ in range(200):
        drawn: Tensor = torch.randint(200, (100, 1), generator=generator)
        found.append(Outputs(drawn[:, 0] >= 0, drawn, drawn, drawn[:, 0] < 50).numbers()["creativity"])
    values = torch.tensor(found)
    assert abs(float(values.mean()) - space.ceiling(100)) < 4 * float(values.std()) / math.sqrt(200)
