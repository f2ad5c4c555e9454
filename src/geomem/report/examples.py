"""Examples for a page: each graph as an SVG with the right path and the model's, and its tokens with the wrong one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from geomem.runs.examples import ELSEWHERE, Example, Examples

_STEP, _LARGEST = 96.0, 620.0
"""Pixels between the nearest nodes, and at most between the farthest."""
_RADIUS, _SHORT, _LONG = 15.0, 3, 12
"""Pixels of a node that holds its name; letters of a name that fits, and of one that fits below a node."""


@dataclass(frozen=True)
class Token:
    """A token of an answer, and whether it is the first wrong one."""

    text: str
    wrong: bool = False


@dataclass(frozen=True)
class ExampleView:
    """One example, ready for a page. `note` says in words where the answer went wrong."""

    title: str
    verdict: str
    right: bool
    svg: Markup
    width: int
    prompt: str
    answer: list[Token]
    expected: str
    note: str


def views(exhibit: Examples) -> list[ExampleView]:
    """Return all examples ready for a page."""
    return [_view(one) for one in exhibit.examples]


def rows(exhibit: Examples) -> list[list[Any]]:
    """Return the data as a table: a header, then one row an example. Tokens are joined by blanks, edges written u>v."""
    table: list[list[Any]] = [
        ["example", "title", "right", "verdict", "prompt", "answer", "expected", "first_wrong", "edges"]
    ]
    for place, one in enumerate(exhibit.examples):
        edges = " ".join(f"{one.labels[start]}>{one.labels[end]}" for start, end in one.edges)
        words = [" ".join(tokens) for tokens in (one.prompt, one.answer, one.expected)]
        wrong = "" if one.wrong is None else one.wrong + 1
        table.append([place + 1, one.title, str(one.right).lower(), one.verdict, *words, wrong, edges])
    return table


def _view(one: Example) -> ExampleView:
    places, width, height = _places(one)
    return ExampleView(
        title=one.title,
        verdict=one.verdict,
        right=one.right,
        svg=_svg(one, places, width, height),
        width=round(width),
        prompt=" ".join(one.prompt),
        answer=[Token(token, place == one.wrong) for place, token in enumerate(one.answer)],
        expected=" ".join(one.expected),
        note=_note(one),
    )


def _note(one: Example) -> str:
    if one.wrong is None:
        return ""
    said = f"The first wrong token is number {one.wrong + 1}, {one.answer[one.wrong]}"
    return f"{said} instead of {one.expected[one.wrong]}." if one.wrong < len(one.expected) else f"{said}."


def _places(one: Example) -> tuple[list[tuple[float, float]], float, float]:
    """Return where nodes are drawn (y downwards), and the size of the picture."""
    spots = [(row[0], -row[1]) for row in one.positions]
    gaps = [math.dist(a, b) for place, a in enumerate(spots) for b in spots[:place]]
    scale = _STEP / min((gap for gap in gaps if gap > 0), default=1.0)
    left, top = (min(spot[axis] for spot in spots) for axis in (0, 1))
    across, down = (max(spot[axis] for spot in spots) - low for axis, low in ((0, left), (1, top)))
    scale = min(scale, _LARGEST / max(across, down, 1e-9))
    margin = 2 * _RADIUS if all(len(label) <= _SHORT for label in one.labels) else _STEP / 2
    placed = [(margin + (x - left) * scale, margin + (y - top) * scale) for x, y in spots]
    return placed, across * scale + 2 * margin, down * scale + 2 * margin


def _svg(one: Example, places: Sequence[tuple[float, float]], width: float, height: float) -> Markup:
    """Draw edges, over them the right path as a band, over it the model's as an arrow, and the nodes on top."""
    parts = [_line("edge", places[a], places[b]) for a, b in one.edges]
    parts += [_line("true", places[a], places[b]) for a, b in pairwise(one.true_path)]
    joined = {frozenset(edge) for edge in one.edges}
    for place, (a, b) in enumerate(pairwise(one.path)):
        if ELSEWHERE not in (a, b) and a != b:
            off = one.wrong is not None and place + 1 >= one.wrong
            leap = "" if frozenset((a, b)) in joined else " leap"
            parts.append(_arrow(f"said{' off' if off else ''}{leap}", places[a], places[b]))
    wrong = one.path[one.wrong] if one.wrong is not None and one.wrong < len(one.path) else None
    for node, (x, y) in enumerate(places):
        kind = " wrong" if node == wrong else " said" if node in one.path else ""
        kind += " marked" if node in one.marked else ""
        parts.append(_node(one.labels[node], kind, x, y))
    label = f"{one.title}: {one.verdict}"
    return Markup('<svg class="walk" viewBox="0 0 {:.0f} {:.0f}" role="img" aria-label="{}">{}</svg>').format(
        width, height, label, Markup("").join(parts)
    )


def _node(label: str, kind: str, x: float, y: float) -> Markup:
    """Draw a node with its name inside, or below where that is long; a pointer resting there sees all of it."""
    radius, below = (_RADIUS, 0.0) if len(label) <= _SHORT else (_RADIUS / 2, 20.0)
    words = label if len(label) <= _LONG else f"{label[: _LONG - 1]}…"
    spot = Markup('<circle class="node{}" cx="{:.1f}" cy="{:.1f}" r="{}"><title>{}</title></circle>')
    text = Markup('<text x="{:.1f}" y="{:.1f}" dy="0.35em">{}</text>')
    return spot.format(kind, x, y, radius, label) + text.format(x, y + below, words)


def _line(kind: str, start: tuple[float, float], end: tuple[float, float]) -> Markup:
    spot = Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>')
    return spot.format(kind, *start, *end)


def _arrow(kind: str, start: tuple[float, float], end: tuple[float, float]) -> Markup:
    """Draw a line that ends at the rim of a node, with a head of its own: markers would need ids."""
    length = math.dist(start, end)
    x, y = (end[0] - start[0]) / length, (end[1] - start[1]) / length
    tip = (end[0] - x * (_RADIUS + 2), end[1] - y * (_RADIUS + 2))
    back = (tip[0] - 9 * x, tip[1] - 9 * y)
    head = [tip, (back[0] - 4.5 * y, back[1] + 4.5 * x), (back[0] + 4.5 * y, back[1] - 4.5 * x)]
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in head)
    return _line(kind, start, back) + Markup('<polygon class="{}" points="{}"/>').format(kind, points)
