from __future__ import annotations

from geomem.studies.layer_updates.claims import CLAIMS
from geomem.studies.layer_updates.predicates import ABSOLUTE, GAP, RELATIVE, RELATIVE_LOW, RELATIVE_MEDIAN


def test_the_thresholds_are_those_of_the_card() -> None:
    assert (GAP, RELATIVE, RELATIVE_MEDIAN, RELATIVE_LOW, ABSOLUTE) == (0.15, 0.4, 0.55, 0.3, 0.65)


def test_our_own_control_is_not_put_in_the_papers_mouth() -> None:
    for claim in CLAIMS:
        own = claim.source.startswith("geomem")
        assert own == (claim.reported == "not in the paper")
        assert own or claim.source.startswith("arXiv 2604.02459")


def test_every_claim_is_made_of_both_architectures() -> None:
    first, second = CLAIMS[:5], CLAIMS[5:]
    assert [f"{claim.id}-mamba" for claim in first] == [claim.id for claim in second]
    assert {claim.experiment for claim in first} == {"model"}
    assert {claim.experiment for claim in second} == {"mamba"}
    assert [claim.why for claim in first] == [claim.why for claim in second]
