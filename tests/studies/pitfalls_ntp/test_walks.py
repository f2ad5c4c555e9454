from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from geomem.runs.examples import ELSEWHERE
from geomem.studies.pitfalls_ntp.walks import verdict, walks
from geomem.tasks.specs import InContextPathSpec

ARMS = [[5, 1, 2, 3], [5, 6, 7, 8]]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ([5, 1, 2, 3], "right"),
        ([5, 6, 7, 8], "another arm to its end"),
        ([5, 6, 7, 3], "another arm, then the goal"),
        ([5, 6, 2, 3], "no arm"),
        ([5, 6, 7, 2], "no arm"),
        ([1, 1, 2, 3], "no arm"),
    ],
)
def test_an_answer_is_named(answer: list[int], words: str) -> None:
    assert verdict(answer, ARMS[0], ARMS) == words


def test_walks_are_the_stars_of_the_prompts() -> None:
    stars = InContextPathSpec(arms=3, length=4, num_nodes=14).build(0).stream("held_out").stars(torch.arange(5))
    free = stars.arms[:, 0].clone()
    free[1] = stars.arms[1, 1]
    free[2, 2] = 14  # a bar, which is no node
    kept = {"prompts": stars.prompts, "arms": stars.arms, "places": stars.places, "free": free}
    found = walks({name: value.numpy() for name, value in kept.items()}, 14, 4)
    assert [one.right for one in found] == [True, False, False, True]
    assert [one.wrong for one in found] == [None, 1, 2, None]
    assert found[1].verdict == "another arm to its end"
    assert found[2].path[2] == ELSEWHERE
    assert found[2].answer[2] == "|"
    for number, one in enumerate(found):
        listed = one.prompt[: one.prompt.index("/")]
        edges = {(listed[k], listed[k + 1]) for k in range(0, len(listed), 3)}
        assert {(one.labels[a], one.labels[b]) for a, b in one.edges} == edges
        assert [one.labels[node] for node in one.true_path] == [str(node) for node in stars.arms[number, 0].tolist()]
        assert [one.labels[node] for node in one.marked] == list(one.prompt[-3:-1])
        assert all((a, b) in one.edges for a, b in pairwise(one.true_path))
        # Arms are drawn from the top in the order in which the prompt lists their first edges.
        hops = [one.labels[1 + 3 * arm] for arm in range(3)]
        starts = [listed[k + 1] for k in range(0, len(listed), 3) if listed[k] == one.labels[0]]
        assert hops == starts
        heights = [one.positions[1 + 3 * arm][1] for arm in range(3)]
        assert heights == sorted(heights, reverse=True)
        assert np.ptp([row[1] for row in one.positions[1:4]]) == 0
