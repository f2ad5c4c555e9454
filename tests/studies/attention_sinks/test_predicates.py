from __future__ import annotations

import math

import pytest

from geomem.studies.attention_sinks import predicates
from geomem.studies.attention_sinks.claims import CLAIMS
from geomem.studies.claim import Claim, Verdict, judge
from tests.studies.attention_sinks import samples
from tests.studies.written import Written


def verdict(id: str, evidence: Written) -> Verdict:
    return judge(claim(id), evidence)[0]


def claim(id: str) -> Claim:
    (found,) = (one for one in CLAIMS if one.id == id)
    return found


def test_what_was_planted_must_be_found_exactly() -> None:
    right = samples.streams()
    assert {verdict(id, right) for id in ("A-range", "A-weak", "A-strong")} == {"supported"}
    assert verdict("A-range", samples.streams(range_off={10: 1.0})) == "contradicted"
    assert verdict("A-weak", samples.streams(flagged={20: 1.0})) == "contradicted"
    assert verdict("A-weak", samples.streams(flagged={30: 5.0})) == "supported"
    assert verdict("A-strong", samples.streams(missed={30: 1.0})) == "contradicted"
    assert verdict("A-strong", samples.streams(missed={20: 2.0})) == "supported"
    assert verdict("A-strong", samples.streams(false={0: 1.0})) == "contradicted"


def test_a_draw_of_several_that_fails_leaves_it_open() -> None:
    both = samples.streams()
    bad = samples.streams(seeds=1, flagged={20: 1.0})
    both.written["streams", 1] = bad.written["streams", 0]
    assert verdict("A-weak", both) == "inconclusive"


def test_the_planted_network_must_grow_in_both() -> None:
    assert verdict("A-network", samples.network()) == "supported"
    assert verdict("A-network", samples.network(lifetime=0.89)) == "contradicted"
    assert verdict("A-network", samples.network(score=0.5)) == "contradicted"


def test_gate_b_is_about_large_models_and_has_an_untrained_control() -> None:
    assert verdict("B", samples.model()) == "supported"
    assert verdict("B", samples.model(attention=0.29)) == "contradicted"
    assert verdict("B", samples.model(share=0.49)) == "contradicted"
    assert verdict("B", samples.model(untrained=0.4)) == "inconclusive"
    assert verdict("B", samples.model(attention=math.nan)) == "inconclusive"


@pytest.mark.parametrize("weights", [0.8e6, 123.9e6])
def test_a_small_model_leaves_gate_b_open_and_says_why(weights: float) -> None:
    found, tests, note = judge(claim("B"), samples.model(weights=weights, attention=0.9))
    assert (found, tests) == ("inconclusive", [])
    assert "124 million and more; name such a checkpoint with --set model=PATH" in note
    assert "million weights" in note


@pytest.mark.parametrize("name", ["rank", "cosine"])
def test_masking_is_judged_where_there_is_a_sink(name: str) -> None:
    id = f"C-{name}"
    assert verdict(id, samples.model(**{name: 0.21})) == "supported"
    assert verdict(id, samples.model(**{name: 0.2})) == "contradicted"
    assert verdict(id, samples.model(**{name: 0.0}, attention=0.1)) == "inconclusive"
    assert verdict(id, samples.model(**{name: 0.9}, share=0.1)) == "inconclusive"
    assert verdict(id, samples.model(**{name: math.nan})) == "inconclusive"


def test_the_model_that_has_a_sink_is_one_of_124_million_weights() -> None:
    assert predicates.LEAST == 124e6
