from __future__ import annotations

from geomem.studies.attention_sinks.claims import CLAIMS
from geomem.studies.attention_sinks.study import STUDY


def test_every_experiment_settles_a_claim_and_every_claim_has_one() -> None:
    assert {claim.experiment for claim in CLAIMS} == {one.name for one in STUDY.experiments}
    assert [claim.id for claim in CLAIMS] == ["A-range", "A-weak", "A-strong", "A-network", "B", "C-rank", "C-cosine"]


def test_claims_say_whose_they_are() -> None:
    for claim in CLAIMS:
        assert claim.source.startswith(("arXiv 2512.22213", "geomem"))
        assert len(claim.statement) < 140
