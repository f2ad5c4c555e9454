from __future__ import annotations

from geomem.studies.representation_comparison.claims import CLAIMS
from geomem.studies.representation_comparison.study import STUDY


def test_every_experiment_settles_a_claim() -> None:
    assert {claim.experiment for claim in CLAIMS} == {one.name for one in STUDY.experiments}
    for claim in CLAIMS:
        assert claim.source.startswith("arXiv")
        assert len(claim.statement) < 140
