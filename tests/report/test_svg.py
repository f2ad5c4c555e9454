from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from geomem.report.figures import page_svg
from geomem.report.svg import for_page
from tests.report.sample_run import EVIL, accuracy_curves, country_map, leaf_heatmap

FILE = """<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
 width="10pt" viewBox="0 0 10 10"><metadata>when</metadata><defs><style>*{fill:red}</style>
 <path id="m1" d="M 0.123456 -1.5"/><clipPath id="p1"><path d="M 0 0"/></clipPath></defs>
 <g id="axes_1" clip-path="url(#p1)"><use xlink:href="#m1" x="1.239999" style="fill: #1d1d21; stroke: #123456"/>
 <text style="font: 9px 'DejaVu Sans', sans-serif">&lt;b&gt; #1d1d21 url(#p1)</text></g></svg>"""


def test_the_element_fits_a_page() -> None:
    svg = for_page(FILE, "fig", 'a "quoted" <name>')
    root = ET.fromstring(svg)
    assert root.attrib["aria-label"] == 'a "quoted" <name>'
    assert "width" not in root.attrib
    assert "metadata" not in svg
    assert "*{" not in svg
    use = next(root.iter("use"))
    group = next(element for element in root.iter("g") if "clip-path" in element.attrib)
    ids = {element.attrib["id"] for element in root.iter() if "id" in element.attrib}
    assert use.attrib["href"].removeprefix("#") in ids
    assert group.attrib["clip-path"][5:-1] in ids
    assert "id" not in group.attrib
    assert use.attrib["style"] == "fill: var(--ink); stroke: #123456"
    assert use.attrib["x"] == "1.23"
    text = next(root.iter("text"))
    assert text.text == "<b> #1d1d21 url(#p1)"
    assert "var(--sans)" in text.attrib["style"]


def test_pictures_of_one_page_share_no_id_and_no_class() -> None:
    pictures = [
        page_svg(accuracy_curves(), "wide"),
        page_svg(accuracy_curves(), "narrow"),
        page_svg(leaf_heatmap(), "wide"),
    ]
    ids = [found for svg in pictures for found in re.findall(r'\bid="([^"]+)"', svg)]
    assert ids
    assert len(ids) == len(set(ids))


def test_every_reference_is_answered() -> None:
    svg = page_svg(country_map(80), "wide")
    ids = set(re.findall(r'\bid="([^"]+)"', svg))
    used = set(re.findall(r'href="#([^"]+)"', svg)) | set(re.findall(r"url\(#([^)]+)\)", svg))
    assert used
    assert used <= ids
    assert EVIL not in svg
