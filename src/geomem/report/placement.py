"""Place labels beside points so that no two touch and few points are covered; what finds no room stays unnamed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Anchors around a point, best first: (horizontal, vertical) side of the point the label lies on.
_SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))


@dataclass(frozen=True)
class Box:
    """A rectangle in points of the page."""

    left: float
    bottom: float
    right: float
    top: float

    def touches(self, other: Box, margin: float = 0.0) -> bool:
        """Return whether two rectangles come nearer than `margin`."""
        return not (
            self.right + margin <= other.left
            or other.right + margin <= self.left
            or self.top + margin <= other.bottom
            or other.top + margin <= self.bottom
        )

    def inside(self, other: Box) -> bool:
        """Return whether this rectangle lies within another."""
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.bottom >= other.bottom
            and self.top <= other.top
        )


def place(
    points: NDArray[np.float64],
    sizes: dict[int, tuple[float, float]],
    order: Iterable[int],
    frame: Box,
    *,
    must: frozenset[int] = frozenset(),
    gap: float = 4.0,
    margin: float = 1.5,
) -> dict[int, Box]:
    """Choose a rectangle for each label that finds room, greedily in `order`.

    points: (n, 2) of all markers. sizes: width and height of the label of a node; all in the same units as `frame`.
    A label in `must` may cover markers (but never another label); the others may not.
    """
    taken: list[Box] = []
    placed: dict[int, Box] = {}
    for node in order:
        best: tuple[int, Box] | None = None
        for box in _candidates(points[node], sizes[node], gap):
            if not box.inside(frame) or any(box.touches(other, margin) for other in taken):
                continue
            covered = _covered(points, box, node)
            if best is None or covered < best[0]:
                best = (covered, box)
            if covered == 0:
                break
        if best is not None and (best[0] == 0 or node in must):
            taken.append(best[1])
            placed[node] = best[1]
    return placed


def _candidates(point: NDArray[np.float64], size: tuple[float, float], gap: float) -> list[Box]:
    width, height = size
    boxes: list[Box] = []
    for across, up in _SIDES:
        reach = gap if 0 in (across, up) else gap * 0.6
        x = float(point[0]) + across * (reach + width / 2)
        y = float(point[1]) + up * (reach + height / 2)
        boxes.append(Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2))
    return boxes


def _covered(points: NDArray[np.float64], box: Box, own: int) -> int:
    inside = (points[:, 0] > box.left) & (points[:, 0] < box.right)
    inside &= (points[:, 1] > box.bottom) & (points[:, 1] < box.top)
    inside[own] = False
    return int(inside.sum())
