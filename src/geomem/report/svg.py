"""Turn a matplotlib SVG file into an SVG element that lives well inside an HTML page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter

from geomem.report.style import HAIR, INK, MUTED, PALETTE, PAPER, SOFT

_DATA = {tone: f"var(--c{slot})" for slot, tone in enumerate(PALETTE)}
_INKS = {
    **_DATA,
    INK: "var(--ink)",
    SOFT: "var(--soft)",
    HAIR: "var(--hair)",
    PAPER: "var(--paper)",
    MUTED: "var(--muted)",
}
_LONG = re.compile(r"(-?\d+\.\d\d)\d+(?![\de])")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_NUMBERS = ("d", "x", "y", "x1", "x2", "y1", "y2", "transform", "width", "height", "points")
_FONT = re.compile(r"'DejaVu Sans'(, [^;]*)?")


def for_page(svg: str, prefix: str, label: str) -> str:
    """Return the <svg> element alone: inks as CSS variables, ids made unique by `prefix`, no styles for the whole page.

    label: what a screen reader says for the picture.
    """
    root = ET.fromstring(svg)
    for element in root.iter():
        element.tag = _local(element.tag)
        element.attrib = {_local(name): value for name, value in element.attrib.items()}
    _drop(root, {"metadata", "style", "title"})
    names = _short_names(root, prefix)
    for element in root.iter():
        _rewrite(element, names)
    _share_styles(root, prefix)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.attrib |= {"role": "img", "aria-label": label}
    return ET.tostring(root, encoding="unicode")


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _drop(root: ET.Element, names: set[str]) -> None:
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in names:
                parent.remove(child)


def _short_names(root: ET.Element, prefix: str) -> dict[str, str]:
    """Return a short, unique id for every id something may refer to."""
    referable = ("path", "clipPath", "image", "symbol")
    found = [element.attrib["id"] for element in root.iter() if element.tag in referable and "id" in element.attrib]
    return {name: f"{prefix}-{index}" for index, name in enumerate(dict.fromkeys(found))}


def _share_styles(root: ET.Element, prefix: str) -> None:
    """Say a style that many marks share once, as a class whose name holds the prefix, so that it stays inside."""
    counts = Counter(element.attrib.get("style", "") for element in root.iter())
    classes = {
        style: f"{prefix}-s{index}" for index, (style, count) in enumerate(counts.items()) if style and count > 9
    }
    if not classes:
        return
    for element in root.iter():
        name = classes.get(element.attrib.get("style", ""))
        if name is not None:
            del element.attrib["style"]
            element.set("class", name)
    sheet = ET.Element("style")
    sheet.text = "".join(f".{name}{{{style}}}" for style, name in classes.items())
    root.insert(0, sheet)


def _rewrite(element: ET.Element, names: dict[str, str]) -> None:
    attributes = element.attrib
    identifier = attributes.pop("id", None)
    if identifier in names:
        attributes["id"] = names[identifier]
    if attributes.get("href", "").startswith("#"):
        attributes["href"] = f"#{names[attributes['href'][1:]]}"
    if "clip-path" in attributes:
        attributes["clip-path"] = f"url(#{names[attributes['clip-path'][5:-1]]})"
    for name in _NUMBERS:
        if name in attributes:
            attributes[name] = _LONG.sub(r"\1", attributes[name])
    style = attributes.get("style")
    if style is not None:
        style = _COLOUR.sub(lambda match: _INKS.get(match.group(), match.group()), style)
        attributes["style"] = _LONG.sub(r"\1", _FONT.sub("var(--sans)", style))
    for name in ("fill", "stroke"):
        if attributes.get(name) in _INKS:
            attributes["style"] = f"{name}: {_INKS[attributes.pop(name)]}; {attributes.get('style', '')}"
