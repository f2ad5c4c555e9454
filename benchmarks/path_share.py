"""The knob that decides: how much of the joint loss the paths have, from 0.1 to 0.75, all else equal, on G(1000,5)."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.reach import FIELDS, reach, recipe
from benchmarks.star_1000 import EDGES, JOINT, short
from benchmarks.timing import Row

SHARES = (0.1, 0.25, 0.5, 0.75)

__all__ = ["FIELDS", "run"]


def run(quick: bool) -> Iterator[Row]:
    """Train once a share: what is learned matters here, not how fast."""
    for share in SHARES[:2] if quick else SHARES:
        spec = recipe(1000, 5, edges=EDGES, joint=JOINT, share=share, every=10)
        yield reach(short(0, share) if quick else spec)
