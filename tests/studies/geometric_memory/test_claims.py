from __future__ import annotations

import re

from geomem.studies.geometric_memory.claims import CLAIMS
from geomem.studies.geometric_memory.experiments import EXPERIMENTS


def test_every_claim_of_the_paper_is_there() -> None:
    numbers = {int(found[1]) for claim in CLAIMS if (found := re.match(r"C(\d+)", claim.id))}
    assert numbers == set(range(1, 21))


def test_claims_say_where_they_come_from_and_which_experiment_settles_them() -> None:
    known = {experiment.name for experiment in EXPERIMENTS}
    for claim in CLAIMS:
        assert claim.experiment in known
        assert claim.source.startswith(("arXiv 2510.26745", "geomem"))
        assert len(claim.statement) < 200
    assert known == {claim.experiment for claim in CLAIMS} | known
    unsettled = known - {claim.experiment for claim in CLAIMS}
    assert not unsettled, f"experiments that settle no claim: {unsettled}"
