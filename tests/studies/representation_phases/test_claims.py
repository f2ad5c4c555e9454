from __future__ import annotations

from geomem.studies.representation_phases.claims import CLAIMS


def test_no_claim_rests_on_what_is_only_reported() -> None:
    assert {claim.experiment for claim in CLAIMS} == {"language-model", "toy", "metrics"}
    assert not any("uniform" in claim.id for claim in CLAIMS)
