from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from geomem.tasks.star_metrics import arm_confusion, star_chance, star_metrics

ARMS = torch.tensor([[[0, 1, 2, 3], [0, 4, 5, 6]]])


def summary(free: list[int], forced: list[int]) -> dict[str, float]:
    return star_metrics(torch.tensor([free]), torch.tensor([forced]), ARMS)


def test_answers_by_hand():
    right = [0, 1, 2, 3]
    assert summary(right, right) == {"decision": 1, "arm": 1, "arm_but_last": 1, "cheat": 1, "gap": 0}
    # Down the other arm: wrong, and an arm. The cheat is right where the true node is shown, and lost without.
    assert summary([0, 4, 5, 6], [0, 4, 2, 3]) == {"decision": 0, "arm": 1, "arm_but_last": 1, "cheat": 1, "gap": 1}
    # Down the other arm, and then the goal of the prompt: no arm.
    assert summary([0, 4, 5, 3], [0, 4, 2, 3]) == {"decision": 0, "arm": 0, "arm_but_last": 1, "cheat": 1, "gap": 1}
    assert summary([9, 9, 9, 9], [9, 9, 9, 9]) == {"decision": 0, "arm": 0, "arm_but_last": 0, "cheat": 0, "gap": 0}


@pytest.mark.parametrize(("arms", "length"), [(2, 4), (3, 5), (4, 3), (5, 2)])
def test_chance_is_that_of_an_arm_at_random(arms: int, length: int):
    star = torch.cat([torch.zeros(arms, 1, dtype=torch.int64), 1 + torch.arange(arms * (length - 1)).view(arms, -1)], 1)
    stars = star.expand(arms, arms, length)
    found = star_metrics(star, star, stars)  # one answer down every arm, each once
    chance = star_chance(arms, length)
    assert found.keys() == chance.keys()
    assert found["arm"] == chance["arm"] == 1.0
    if length > 2:  # else the goal, which the prompt names, is the decision
        assert found["decision"] == pytest.approx(chance["decision"])
    if length > 3:
        assert found["cheat"] == pytest.approx(chance["cheat"])
        assert found["gap"] == chance["gap"] == 0.0


@given(st.integers(2, 6), st.integers(1, 3), st.integers(1, 6), st.data())
def test_numbers_are_their_definitions(length: int, count: int, rows: int, data: st.DataObject):
    """Token by token, for answers of any tokens: forced ones decide, free ones follow arms."""
    names = st.permutations(range(count * (length - 1) + 1))
    stars: list[list[list[int]]] = []
    for _ in range(rows):
        root, *others = data.draw(names)
        stars.append([[root, *others[arm * (length - 1) : (arm + 1) * (length - 1)]] for arm in range(count)])
    token = st.integers(0, count * (length - 1) + 3)
    answers = [
        data.draw(st.lists(st.lists(token, min_size=length, max_size=length) | st.sampled_from(star), min_size=2,
                           max_size=2))
        for star in stars
    ]  # fmt: skip
    found = star_metrics(*(torch.tensor([pair[which] for pair in answers]) for which in (0, 1)), torch.tensor(stars))

    def right(which: int, place: int) -> float:
        return sum(pair[which][place] == star[0][place] for pair, star in zip(answers, stars, strict=True)) / rows

    both = list(zip(answers, stars, strict=True))
    expected = {
        "decision": right(1, 1),
        "arm": sum(pair[0] in star for pair, star in both) / rows,
        "arm_but_last": sum(pair[0][:-1] in [arm[:-1] for arm in star] for pair, star in both) / rows,
    }
    inner = range(2, length - 1)  # nodes 3 to l - 1, counted from 1
    if inner:
        expected["cheat"] = sum(right(1, place) for place in inner) / len(inner)
        expected["gap"] = expected["cheat"] - sum(right(0, place) for place in inner) / len(inner)
    assert found == pytest.approx(expected)


@given(st.data())
def test_confusion_counts_like_a_loop(data: st.DataObject):
    count, length, rows = data.draw(st.integers(1, 4)), data.draw(st.integers(2, 4)), data.draw(st.integers(1, 6))
    nodes = 1 + count * (length - 1)
    arms, places, free = [], [], []
    for _ in range(rows):
        names = data.draw(st.permutations(range(nodes)))
        rest = iter(names[1:])
        arms.append([[names[0], *itertools.islice(rest, length - 1)] for _ in range(count)])
        places.append(data.draw(st.permutations(range(3, 3 + 2 * count)))[:count])
        free.append([data.draw(st.integers(0, nodes)) for _ in range(length)])
    expected = [[0] * (count + 1) for _ in range(count)]
    for star, place, said in zip(arms, places, free, strict=True):
        listed = sorted(range(count), key=lambda arm: place[arm])
        hops = [star[arm][1] for arm in listed]
        column = hops.index(said[1]) if said[0] == star[0][0] and said[1] in hops else count
        expected[listed.index(0)][column] += 1
    found = arm_confusion(torch.tensor(free), torch.tensor(arms), torch.tensor(places))
    assert found.tolist() == expected
