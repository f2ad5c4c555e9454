from __future__ import annotations

from geomem.studies.bands import band


def test_several_seeds_have_a_range_and_one_has_none() -> None:
    both = band("both", (1, 2), {1: (3.0, 0.0), 0: (1.0, 2.0)}, dashed=True)
    assert (both.x, both.y, both.low, both.high, both.dashed) == ((1, 2), (2, 1), (1, 0), (3, 2), True)
    alone = band("one", (1, 2), {4: (3.0, 0.0)})
    assert (alone.y, alone.low, alone.high, alone.dashed) == ((3, 0), None, None, False)
