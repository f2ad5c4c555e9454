from __future__ import annotations

import pytest

from geomem.studies.claim import Verdict, judge
from geomem.studies.representation_comparison.claims import CLAIMS
from geomem.studies.representation_comparison.predicates import DIGITS, noise
from tests.studies.representation_comparison import samples
from tests.studies.written import Written


def verdict(id: str, evidence: Written) -> Verdict:
    (found,) = (claim for claim in CLAIMS if claim.id == id)
    return judge(found, evidence)[0]


def test_noise_is_read_from_most_stimuli_to_fewest() -> None:
    assert noise(samples.digits(seeds=2), DIGITS, "svcca") == {0: [0.17, 0.39], 1: [0.17, 0.39]}


def test_a_seed_that_diverged_is_lost_and_leaves_the_claim_open() -> None:
    evidence = samples.words()
    evidence.ended = {("model", 0): None, ("model", 1): None}  # type: ignore[dict-item]
    assert verdict("L-null", evidence) == "inconclusive"


def test_what_the_card_measured_is_supported() -> None:
    assert {verdict(id, samples.digits()) for id in ("D-null", "D-biased", "D-svcca")} == {"supported"}
    assert verdict("L-null", samples.words()) == "supported"


@pytest.mark.parametrize("metric", ["cka_unbiased", "rsa"])
def test_a_null_off_zero_at_any_size_contradicts(metric: str) -> None:
    for values in ((0.031, 0.0), (0.0, -0.031)):
        assert verdict("D-null", samples.digits(**{metric: values})) == "contradicted"
        assert verdict("L-null", samples.words(**{metric: values})) == "contradicted"
    assert verdict("D-null", samples.digits(**{metric: (0.03, -0.03)})) == "supported"


def test_biased_cka_must_grow_and_svcca_be_inflated() -> None:
    assert verdict("D-biased", samples.digits(cka=(0.1, 0.1))) == "contradicted"
    assert verdict("D-svcca", samples.digits(svcca=(0.149, 0.4))) == "contradicted"
    assert verdict("D-svcca", samples.digits(svcca=(0.15, 0.4))) == "supported"
