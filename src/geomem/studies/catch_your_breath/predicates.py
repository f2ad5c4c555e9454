"""The predicates behind the claims: evidence to tests. The thresholds are the card's and were fixed before any run."""

from __future__ import annotations

from scipy import stats

from geomem.studies.catch_your_breath.settings import Settings
from geomem.studies.claim import Bound, Test
from geomem.studies.evidence import Evidence

FORMS, TOY, PRICES, LOSSES = "closed-forms", "easy-hard", "prices", "losses"
"""Experiments; the first is the name of its condition, too."""

PLAIN = "next-token"
LEARNED = 0.8
"""Accuracy on look-ups from which on a model counts as able to look up."""


def anytime(gamma: float) -> str:
    """Return the condition of CYB-AP at a discount."""
    return f"ap-{gamma:g}"


def forms(evidence: Evidence) -> list[Test]:
    """Ask that descent on free odds ends at the closed forms, and that one slot is cross-entropy."""
    tests: list[Test] = []
    for name in ("ap", "va", "dp"):
        tests += [
            Test(Bound(f"largest error of q, {name}", 1e-2, "below"), evidence.measured(FORMS, f"{name}/error")),
            Test(Bound(f"one slot less cross-entropy, {name}", 1e-12, "below"),
                 evidence.measured(FORMS, f"{name}/one_slot")),
        ]  # fmt: skip
    return tests


def waits_where_it_is_hard(evidence: Evidence) -> list[Test]:
    """Ask for more don't-know at look-ups than at rules, of a model that has learned to look up."""
    return [_learned(evidence), _more(evidence, "easy")]


def does_not_wait_for_noise(evidence: Evidence) -> list[Test]:
    """Ask for more don't-know at look-ups than where no time helps."""
    return [_learned(evidence), _more(evidence, "noise")]


def time_has_a_price(evidence: Evidence) -> list[Test]:
    """Ask that fewer slots are used as the discount falls, at every step of it."""
    gammas = _settings(evidence).gammas
    used = [evidence.measured(anytime(gamma), "slots/mean") for gamma in gammas]
    ranks = {seed: _rank_correlation(gammas, [one[seed] for one in used]) for seed in used[0]}
    return [_learned(evidence), Test(Bound("rank correlation of gamma and slots used", 1 - 1e-9, "at least"), ranks)]


def costs_nothing(evidence: Evidence) -> list[Test]:
    """Ask for no more loss at the stopping slot than a model without slots has."""
    own = evidence.measured(anytime(_settings(evidence).gamma), "stop/loss")
    plain = evidence.measured(PLAIN, "stop/loss")
    words = "loss at the stopping slot less that of next-token prediction, nats"
    return [Test(Bound(words, 0.01, "at most"), {seed: own[seed] - plain[seed] for seed in own})]


def _settings(evidence: Evidence) -> Settings:
    return evidence.settings


def _learned(evidence: Evidence) -> Test:
    name = anytime(_settings(evidence).gamma)
    values = evidence.measured(name, "stop/hard/accuracy")
    return Test(Bound("accuracy on look-ups", LEARNED, "at least"), values, needed=True)


def _more(evidence: Evidence, kind: str) -> Test:
    name = anytime(_settings(evidence).gamma)
    hard, other = (evidence.measured(name, f"delay/{one}") for one in ("hard", kind))
    words = f"mean d_1 at look-ups less that at {kind} targets"
    return Test(Bound(words, 0.15, "at least"), {seed: hard[seed] - other[seed] for seed in hard})


def _rank_correlation(one: tuple[float, ...], two: list[float]) -> float:
    """Return Spearman's correlation, 0 when all of `two` are equal: a price that changes nothing."""
    return 0.0 if len(set(two)) == 1 else float(stats.spearmanr(one, two).statistic)
