from __future__ import annotations

import csv
import io
import math
import re
import xml.etree.ElementTree as ET

import pytest

from geomem.report.examples import rows, views
from geomem.report.figures import data_csv, write_figures
from geomem.report.items import page_item
from geomem.runs.examples import ELSEWHERE, Example, Examples
from tests.report.sample_run import EVIL, walks


def one(**changes: object) -> Example:
    return walks().examples[0].model_copy(update=changes)


def drawn(example: Example) -> ET.Element:
    return ET.fromstring(str(views(Examples(id="w", title="w", examples=(example,)))[0].svg))


def kinds(svg: ET.Element, tag: str) -> list[str]:
    return [element.attrib["class"] for element in svg.iter(tag)]


def test_the_right_path_is_a_band_and_the_models_an_arrow():
    svg = drawn(one())
    # A star of two arms with three edges each; the model went down the other arm and leapt to the goal.
    lines = kinds(svg, "line")
    assert [lines.count(kind) for kind in ("edge", "true", "said off", "said off leap")] == [6, 3, 2, 1]
    assert kinds(svg, "polygon") == ["said off", "said off", "said off leap"]
    circles = list(svg.iter("circle"))
    names = {text.text: circle.attrib["class"] for circle, text in zip(circles, svg.iter("text"), strict=True)}
    assert names["7"] == "node wrong"
    assert names["4"] == "node said marked"
    assert names["2"] == "node"
    assert svg.attrib["aria-label"] == "prompt 1: wrong arm"


def test_a_right_answer_has_nothing_wrong():
    svg = drawn(one(path=(0, 1, 2, 3), wrong=None, right=True))
    assert [kind for kind in kinds(svg, "line") if "said" in kind] == ["said"] * 3
    assert not any("wrong" in kind for kind in kinds(svg, "circle"))


def test_a_token_that_is_no_node_breaks_the_arrow():
    svg = drawn(one(path=(0, ELSEWHERE, 2, 2), wrong=1))
    assert kinds(svg, "polygon") == []
    assert not any("wrong" in kind for kind in kinds(svg, "circle"))


def test_nodes_keep_apart_and_inside_the_picture():
    svg = drawn(one())
    _, _, width, height = map(float, svg.attrib["viewBox"].split())
    spots = [(float(circle.attrib["cx"]), float(circle.attrib["cy"])) for circle in svg.iter("circle")]
    assert all(15 <= x <= width - 15 and 15 <= y <= height - 15 for x, y in spots)
    assert min(math.dist(a, b) for place, a in enumerate(spots) for b in spots[:place]) >= 2 * 15
    # Upwards in the data is upwards on the page.
    assert spots[1][1] < spots[4][1]


def test_one_node_alone_is_drawn():
    example = Example(title="t", verdict="v", right=True, labels=("a",), positions=((5, 5),), path=(0, 0))
    assert len(list(drawn(example).iter("circle"))) == 1


def test_words_say_where_it_went_wrong():
    view = views(walks())[0]
    assert view.note == "The first wrong token is number 2, 7 instead of 9."
    assert [token.text for token in view.answer if token.wrong] == ["7"]
    assert views(Examples(id="w", title="w", examples=(one(expected=()),)))[0].note.endswith("number 2, 7.")
    assert views(Examples(id="w", title="w", examples=(one(wrong=None),)))[0].note == ""


def test_names_are_escaped():
    view = views(Examples(id="w", title="w", examples=(one(labels=(EVIL, *"bcdefg"), title=EVIL),)))[0]
    assert "<script" not in view.svg
    assert "&lt;script&gt;" in view.svg
    assert not re.search(r"<text[^>]*><", str(view.svg))


def test_the_data_has_a_row_an_example(tmp_path: object):
    table = list(csv.DictReader(io.StringIO(data_csv(walks()))))
    assert len(table) == len(walks().examples) == len(rows(walks())) - 1
    assert table[0]["answer"] == "4 7 5 3"
    assert table[0]["first_wrong"] == "2"
    assert table[0]["edges"].split()[0] == "4>9"
    assert table[1]["first_wrong"] == ""


def test_only_data_is_written_beside_the_page(tmp_path: pytest.TempPathFactory):
    assert [path.name for path in write_figures(tmp_path, walks())] == ["walks.csv"]  # type: ignore[arg-type]
    item = page_item(walks())
    assert (item.kind, len(item.examples), item.map) == ("examples", 3, "")
