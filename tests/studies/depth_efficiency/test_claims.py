from __future__ import annotations

from geomem.studies.depth_efficiency.claims import CLAIMS
from geomem.studies.depth_efficiency.predicates import FALLS, LENS_HEIGHT, LENS_TREND, STANDS


def test_the_thresholds_are_those_of_the_card() -> None:
    assert (FALLS, STANDS, LENS_TREND, LENS_HEIGHT) == (0.6, 0.75, -0.9, 0.3)


def test_our_own_control_is_not_put_in_the_papers_mouth() -> None:
    own = [claim.id for claim in CLAIMS if claim.source.startswith("geomem")]
    assert (
        own == [claim.id for claim in CLAIMS if claim.reported.startswith("not in the paper")] == ["D3-without-first"]
    )
