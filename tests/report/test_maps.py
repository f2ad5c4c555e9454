from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from geomem.report import maps
from geomem.report.figures import draw
from geomem.report.style import MUTED
from tests.report.sample_run import country_map, star_map


@pytest.mark.parametrize("shape", ["wide", "narrow"])
def test_names_do_not_touch_and_most_are_there(shape: str) -> None:
    figure = draw(country_map(), "wide" if shape == "wide" else "narrow")
    texts = [text for text in figure.axes[0].texts if text.get_text()]
    boxes = [text.get_window_extent() for text in texts]
    assert len(boxes) >= (60 if shape == "wide" else 25)
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))


def test_every_node_is_drawn_where_it_is_and_space_is_not_stretched() -> None:
    exhibit = country_map(50)
    axes = draw(exhibit).axes[0]
    drawn = np.concatenate([np.asarray(part.get_offsets()) for part in axes.collections])
    expected = np.asarray(exhibit.panels[0].positions)
    assert sorted(map(tuple, drawn)) == sorted(map(tuple, expected))
    (x0, y0), (x1, y1) = axes.transData.transform([(0, 0), (1, 1)])
    assert x1 - x0 == pytest.approx(y1 - y0, rel=0.02)


def test_a_large_map_names_only_what_is_emphasised() -> None:
    figure = draw(star_map())
    assert [[text.get_text() for text in axes.texts] for axes in figure.axes] == [["root"], ["root"]]


def test_eight_strands_of_many_are_followed() -> None:
    exhibit = star_map()
    strands = maps.strands(exhibit)
    assert len(strands) == 8
    assert len({tone for tone, _ in strands}) == 8
    assert all(tuple(nodes) in exhibit.paths for _, nodes in strands)
    assert maps.node_colours(exhibit).count(MUTED) == 751 - 8 * 3


def test_marks_and_legend() -> None:
    exhibit = star_map(arms=4)
    assert maps.node_marks(exhibit)[:5] == [0, 1, 2, 3, 1]
    words = [words for _, _, words in maps.legend(exhibit)]
    assert words == ["arm 0", "arm 1", "arm 2", "arm 3", "root", "first hop", "inner", "leaf"]
    assert [words for _, _, words in maps.legend(country_map())][-1] == "true place"
    assert maps.legend(exhibit.model_copy(update={"groups": None, "marks": None})) == []
