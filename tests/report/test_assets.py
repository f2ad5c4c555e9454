from __future__ import annotations

import base64

import pytest
from jinja2 import UndefinedError

from geomem.report.assets import INLINE_CSV_LIMIT, csv_uri, render

COMPARISON = {"title": "<b>", "kicker": "k", "finding": "f & g", "runs": [], "differences": [], "claims": [],
              "curves": [], "shared": []}  # fmt: skip


def test_words_are_escaped() -> None:
    page = render("comparison.html.j2", **COMPARISON)
    assert "<h1>&lt;b&gt;</h1>" in page
    assert "f &amp; g" in page


def test_plotly_is_inside_once_and_only_where_there_is_a_live_map() -> None:
    assert len(render("comparison.html.j2", **COMPARISON)) < 100_000
    page = render("comparison.html.j2", live_maps=True, **COMPARISON)
    assert len(page) > 1_000_000
    assert page.count("plotly.js v") == 1


def test_a_forgotten_value_is_an_error_not_a_blank() -> None:
    with pytest.raises(UndefinedError):
        render("comparison.html.j2", title="only")


def test_csv_comes_back_and_a_large_one_stays_outside() -> None:
    head, _, data = csv_uri("a,ü\n1,2\n").partition(",")
    assert head == "data:text/csv;charset=utf-8;base64"
    assert base64.b64decode(data).decode() == "a,ü\n1,2\n"
    assert csv_uri("x" * (INLINE_CSV_LIMIT + 1)) == ""
