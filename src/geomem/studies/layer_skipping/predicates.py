"""The predicates behind the claims: evidence to tests. The thresholds are the card's and were fixed before any run."""

from __future__ import annotations

import math

from geomem.errors import RunError
from geomem.studies.claim import Bound, Test
from geomem.studies.evidence import Evidence
from geomem.studies.layer_skipping.settings import Settings
from geomem.studies.layer_skipping.twin import BAG, DIFFUSION, UNIGRAM

MODEL, PAIR = "model", "pair"
"""Conditions of the cells of a causal model, and of those of two networks with different objectives."""
NO_MORE = 1e-12


def _settings(evidence: Evidence) -> Settings:
    return evidence.settings


def no_neighbours(evidence: Evidence) -> list[Test]:
    """Ask that no plan, of the model or of random similarity, holds neighbours or misses a layer it had room for."""
    words = {
        "plan/neighbours": "pairs of neighbours in the model's plans",
        "rule/neighbours": "pairs of neighbours in plans on random similarity",
        "rule/missed": "plans on random similarity with room for a further candidate",
    }
    return [Test(Bound(text, NO_MORE, "at most"), evidence.measured(MODEL, name)) for name, text in words.items()]


def better_than_neighbours(evidence: Evidence, condition: str = MODEL, control: str = "") -> list[Test]:
    """Ask, for every size of at least two, how often a plan keeps as much accuracy as a run of neighbours.

    Sizes for which most restarts find no plan are left out. Raises RunError when none is left.
    """
    tests: list[Test] = []
    for size in _settings(evidence).plans.budgets:
        metric = f"restarts/skip{size}_share"
        try:
            found = evidence.measured(condition, metric, control=control)
        except RunError:
            continue
        if size >= 2 and not any(math.isnan(value) for value in found.values()):
            words = f"restarts in which {size} layers without neighbours keep as much"
            tests.append(Test(Bound(words, 0.8, "at least"), found))
    if not tests:
        raise RunError(
            "no two layers pass their input on with a cosine above the threshold, so there is no plan to judge"
        )
    return tests


def likeness_says_damage(evidence: Evidence, condition: str = MODEL, control: str = "") -> list[Test]:
    """Ask whether layers that change the stream least are missed least."""
    rho = evidence.measured(condition, "damage/spearman", control=control)
    return [Test(Bound("Spearman of similarity and minus the loss increase", 0.7, "at least"), rho)]


def cache_agrees(evidence: Evidence) -> list[Test]:
    """Ask that decoding without layers gives the same tokens with a cache as without one."""
    return [Test(Bound("tokens the same with and without a cache", 1 - NO_MORE, "at least"),
                 evidence.measured(MODEL, "decoding/cached_same"))]  # fmt: skip


def recent_tokens_count_more(evidence: Evidence) -> list[Test]:
    """Ask whether the token just before moves a prediction more than one further back, and more than untrained."""
    own = evidence.measured(MODEL, "influence/ratio")
    fresh = evidence.measured(MODEL, "influence/ratio", control="untrained")
    more = {seed: own[seed] / fresh[seed] for seed in own if seed in fresh}
    return [
        Test(Bound("influence of the nearest token over that of the furthest", 1.0, "above"), own),
        Test(Bound("the same over that of an untrained network", 1.0, "above"), more),
    ]


def equally_able(evidence: Evidence) -> list[Test]:
    """Return the matching rule, all of it needed: without it the two networks are not compared.

    Cloze accuracies within 10 % of each other, and a masked network that knows more than frequencies and a bag.
    """
    ratio = evidence.measured(PAIR, "pair/accuracy_ratio")
    loss = {name: evidence.measured(PAIR, "match/loss", control=name) for name in (DIFFUSION, BAG, UNIGRAM)}
    tests = [Test(Bound("cloze accuracies apart", 0.1, "at most"),
                  {seed: abs(value - 1) for seed, value in ratio.items()}, needed=True)]  # fmt: skip
    for name, words in ((UNIGRAM, "that of frequencies"), (BAG, "that of a bag of words")):
        share = {seed: loss[DIFFUSION][seed] / loss[name][seed] for seed in loss[name]}
        tests.append(Test(Bound(f"the masked network's cloze loss over {words}", 1.0, "below"), share, needed=True))
    return tests


def comparable(evidence: Evidence) -> bool:
    """Return whether the matching rule holds for every seed; False where the pair was not measured."""
    try:
        return all(test.verdict() == "supported" for test in equally_able(evidence))
    except RunError:
        return False


def masked_better_than_neighbours(evidence: Evidence) -> list[Test]:
    """Ask the masked network what `better_than_neighbours` asks, if it may be compared."""
    return [*better_than_neighbours(evidence, PAIR, DIFFUSION), *equally_able(evidence)]


def masked_likeness_says_damage(evidence: Evidence) -> list[Test]:
    """Ask the masked network what `likeness_says_damage` asks, if it may be compared."""
    return [*likeness_says_damage(evidence, PAIR, DIFFUSION), *equally_able(evidence)]
