from __future__ import annotations

from geomem.studies.linguistic_collapse.claims import CLAIMS


def test_what_is_only_reported_has_no_claim() -> None:
    assert [claim.id for claim in CLAIMS] == ["NC1", "NC4", "NC1-loss", "G1", "G2", "G3"]
    assert not any("GNC2" in claim.statement or "UNC3" in claim.statement for claim in CLAIMS)
