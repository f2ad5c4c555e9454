from __future__ import annotations

import math

import pytest

from geomem.studies.evidence import Evidence
from geomem.studies.layer_skipping.predicates import PAIR
from geomem.studies.layer_skipping.settings import SMOKE
from geomem.studies.layer_skipping.twin import BAG, CAUSAL, DIFFUSION, UNIGRAM


def test_both_networks_are_measured_alike(skipping_evidence: dict[str, Evidence]) -> None:
    found = skipping_evidence[PAIR]
    for name in (CAUSAL, DIFFUSION):
        layers, values = found.profile(PAIR, 0, "similarity/cosine", control=name)
        assert layers == list(range(SMOKE.lm.layers))
        assert all(-1 <= value <= 1 for value in values)
        for metric in ("damage/spearman", "restarts/skip1_share", "influence/ratio", "plan/loss", "match/step"):
            assert set(found.measured(PAIR, metric, control=name)) == {0}
    for name in (BAG, UNIGRAM):
        assert 0 < found.measured(PAIR, "match/loss", control=name)[0] < 2 * math.log(300)


def test_what_lies_between_them_is_their_difference(skipping_evidence: dict[str, Evidence]) -> None:
    found = skipping_evidence[PAIR]

    def of(metric: str, name: str) -> float:
        return found.measured(PAIR, metric, control=name)[0]

    ratio = of("match/accuracy", DIFFUSION) / of("match/accuracy", CAUSAL)
    assert found.measured(PAIR, "pair/accuracy_ratio")[0] == pytest.approx(ratio)
    apart = of("influence/ratio", CAUSAL) - of("influence/ratio", DIFFUSION)
    assert found.measured(PAIR, "pair/influence_difference")[0] == pytest.approx(apart)
    early = [sum(found.profile(PAIR, 0, "similarity/cosine", control=name)[1][:3]) / 3 for name in (CAUSAL, DIFFUSION)]
    assert found.measured(PAIR, "pair/likeness_difference")[0] == pytest.approx(early[0] - early[1], abs=1e-6)
