from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from geomem.report.placement import Box, place

FRAME = Box(0, 0, 100, 100)


@given(st.integers(0, 10_000), st.integers(1, 60))
def test_labels_never_touch_each_other_nor_a_marker_nor_the_frame(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    points = random.uniform(0, 100, (count, 2))
    sizes = {node: (float(random.uniform(5, 30)), 9.0) for node in range(count)}
    placed = place(points, sizes, range(count), FRAME)
    assert all(box.inside(FRAME) for box in placed.values())
    assert not any(a.touches(b) for a, b in combinations(placed.values(), 2))
    for node, box in placed.items():
        for other, (x, y) in enumerate(points):
            assert other == node or not (box.left < x < box.right and box.bottom < y < box.top)


def test_a_lone_label_stands_right_of_its_point() -> None:
    placed = place(np.array([[50.0, 50.0]]), {0: (20.0, 10.0)}, [0], FRAME, gap=4.0)
    assert placed[0] == Box(54, 45, 74, 55)


def test_only_what_must_be_named_may_cover_a_marker() -> None:
    grid = np.stack(np.meshgrid(np.arange(0, 101, 4.0), np.arange(0, 101, 4.0)), axis=-1).reshape(-1, 2)
    middle = int(np.argmin(((grid - 50) ** 2).sum(axis=1)))
    sizes = {middle: (20.0, 9.0)}
    assert place(grid, sizes, [middle], FRAME) == {}
    assert list(place(grid, sizes, [middle], FRAME, must=frozenset({middle}))) == [middle]


def test_boxes_that_only_share_an_edge_do_not_touch_without_margin() -> None:
    assert not Box(0, 0, 1, 1).touches(Box(1, 0, 2, 1))
    assert Box(0, 0, 1, 1).touches(Box(1, 0, 2, 1), margin=0.1)
