"""The predicates behind the claims: evidence to tests. Thresholds are the card's, fixed before any run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from geomem.errors import RunError
from geomem.studies.claim import Bound, Test
from geomem.studies.evidence import Evidence
from geomem.studies.implicit_geometry_ntp.collapse import EMBEDDINGS
from geomem.studies.implicit_geometry_ntp.fixed import STEP
from geomem.studies.implicit_geometry_ntp.settings import Settings
from geomem.studies.implicit_geometry_ntp.symmetric import FREQUENCIES, SHARES, UNIFORM

SUPPORTS, GROUPS, FIXED, TRANSFORMER, TEXT = "supports", "groups", "fixed", "transformer", "text"
"""Conditions of the cells of one condition each."""

SMALL_RIDGE = 4
"""From 1e-4 on the laws of small ridge are asked for (card T5, T9)."""

Values = Mapping[int, float]


def _settings(evidence: Evidence) -> Settings:
    return evidence.settings


def _course(evidence: Evidence, condition: str, metric: str, combine: Callable[[dict[int, float]], float]) -> Values:
    """Return a number a seed from the values of a metric by step."""
    found: dict[int, float] = {}
    for seed in evidence.seeds(condition):
        steps, values = evidence.series(condition, seed, metric)
        found[seed] = combine(dict(zip(steps, values, strict=True)))
    return found


def _path(
    evidence: Evidence, condition: str, metric: str, combine: Callable[[dict[int, float]], float], control: str = ""
) -> Values:
    """Return a number a seed from the values of a metric by decade of the ridge."""
    found: dict[int, float] = {}
    for seed in evidence.seeds(condition):
        decades, values = evidence.profile(condition, seed, metric, control=control)
        found[seed] = combine(dict(zip(decades, values, strict=True)))
    return found


def _last(found: dict[int, float]) -> float:
    return found[max(found)]


def _short_of_one(found: dict[int, float]) -> float:
    """Return 1 less the last value, which says more than a cosine near 1."""
    return 1 - _last(found)


def _late(found: dict[int, float], first: int) -> list[float]:
    chosen = [value for decade, value in found.items() if decade >= first]
    if not chosen:
        raise RunError(f"no ridge of 1e-{first} or less; the smallest is 1e-{max(found)}")
    return chosen


def _least_gain(values: Sequence[float]) -> float:
    """Return the least difference from one value to the next: above 0 where they only rise."""
    return min((after - before for before, after in pairwise(values)), default=math.nan)


def _over_decades(steps: int) -> Callable[[dict[int, float]], float]:
    """Return the least gain from a hundredth of the steps to a tenth to all of them."""

    def gain(found: dict[int, float]) -> float:
        return _least_gain([found[steps // 100], found[steps // 10], found[steps]])

    return gain


def descent_uniform(evidence: Evidence) -> list[Test]:
    """T2: descent on uniform subsets reaches the closed form in logits and in both Gram matrices."""
    names = {"directional": "1 - cosine of L - P_F L with L_mm", "words": "1 - cosine of W W^T with its prediction",
             "contexts": "1 - cosine of H^T H with its prediction"}  # fmt: skip
    return [
        *(
            Test(Bound(words, 1e-3, "below"), _course(evidence, UNIFORM, f"descent/cosine_{name}", _short_of_one))
            for name, words in names.items()
        ),
        Test(Bound("entropy gap, nats", 5e-5, "below"), _course(evidence, UNIFORM, "descent/gap", _last)),
    ]


def descent_frequencies(evidence: Evidence) -> list[Test]:
    """T3: with uneven frequencies the finite part is the log-odds, and what is left points along the supports."""
    rest = _course(evidence, FREQUENCIES, "descent/cosine_rest", _last)
    whole = _course(evidence, FREQUENCIES, "descent/cosine_logits", _last)
    return [
        Test(Bound("1 - cosine of L - L_in with L_mm", 1e-3, "below"), {seed: 1 - rest[seed] for seed in rest}),
        Test(Bound("distance of P_F L from L_in", 1e-3, "below"),
             _course(evidence, FREQUENCIES, "descent/finite_error", _last)),
        Test(Bound("by how much L - L_in is nearer to L_mm than L is, in cosine", 0.0, "above"),
             {seed: rest[seed] - whole[seed] for seed in rest}),
    ]  # fmt: skip


def descent_contexts(evidence: Evidence) -> list[Test]:
    """T4: with uneven contexts too the direction goes the same way, slowly."""
    steps = _settings(evidence).symmetric.steps
    metric = "descent/cosine_directional"
    return [
        Test(Bound("1 - cosine of L - P_F L with L_mm", 0.02, "below"),
             _course(evidence, SHARES, metric, _short_of_one)),
        Test(Bound("least gain of the cosine over the last two decades of steps", 0.0, "above"),
             _course(evidence, SHARES, metric, _over_decades(steps))),
    ]  # fmt: skip


def ridge_laws(evidence: Evidence) -> list[Test]:
    """T5: gap / ridge is |L_mm|_*, and |L|_* grows by |L_mm|_* ln 10 a decade, under every condition."""
    return [test for condition in (UNIFORM, FREQUENCIES, SHARES) for test in _laws(evidence, condition)] + [
        Test(Bound("1 - cosine of L with L_mm, uniform, worst ridge", 1e-5, "below"),
             _path(evidence, UNIFORM, "path/cosine_logits", lambda found: 1 - min(found.values())))
    ]  # fmt: skip


def _laws(evidence: Evidence, condition: str) -> list[Test]:
    norm = next(iter(evidence.measured(condition, "target/nuclear_norm").values()))

    def gap_error(found: dict[int, float]) -> float:
        return max(abs(value / norm - 1) for value in _late(found, SMALL_RIDGE))

    def slope_error(found: dict[int, float]) -> float:
        late = [found[decade] for decade in sorted(found) if decade >= SMALL_RIDGE]
        return max((abs((after - before) / (norm * math.log(10)) - 1) for before, after in pairwise(late)),
                   default=math.nan)  # fmt: skip

    where = condition.replace("-", " ")
    return [
        Test(Bound(f"relative error of gap / ridge, {where}", 0.01, "below"),
             _path(evidence, condition, "path/gap_per_ridge", gap_error)),
        Test(Bound(f"relative error of the growth a decade, {where}", 0.01, "below"),
             _path(evidence, condition, "path/nuclear_norm", slope_error)),
    ]  # fmt: skip


def outside(evidence: Evidence) -> list[Test]:
    """T6: the probability of what cannot follow is ridge k / (V sigma pi)."""
    values = evidence.measured(UNIFORM, "path/outside_error")
    return [Test(Bound("relative error of the law for tokens outside the support, ridge 1e-5", 1e-3, "below"), values)]


def invariant(evidence: Evidence) -> list[Test]:
    """T11: without a bias the sum of all word vectors never changes."""
    drift = [evidence.measured(condition, "descent/column_sum_drift") for condition in (UNIFORM, FREQUENCIES, SHARES)]
    worst = {seed: max(one[seed] for one in drift) for seed in drift[0]}
    return [Test(Bound("largest change of a coordinate of the sum of word vectors", 1e-9, "below"), worst)]


def proxy(evidence: Evidence) -> list[Test]:
    """T7: the centred support is nearly the NTP-SVM solution on random supports."""
    return _excess(evidence.measured(SUPPORTS, "worst/ratio_largest"), evidence.measured(SUPPORTS, "worst/ratio_least"))


def _excess(largest: Values, least: Values) -> list[Test]:
    """Ask that the centred support's nuclear norm is at most 2 % above the certified bound, and never below it."""
    words = "nuclear norm of the centred support over the certified bound of the optimum, less 1"
    return [
        Test(Bound(f"{words}, largest", 0.02, "at most"), {seed: value - 1 for seed, value in largest.items()}),
        Test(Bound(f"{words}, least", 0.0, "at least"), {seed: value - 1 for seed, value in least.items()}),
    ]


def trained_supports(evidence: Evidence) -> list[Test]:
    """T8: a trained model points along the NTP-SVM solution on random supports."""
    values = _path(evidence, SUPPORTS, "path/cosine_directional", _last)
    return [Test(Bound("cosine of L - P_F L with L_mm, smallest ridge", 0.97, "above"), values)]


def collapse(evidence: Evidence) -> list[Test]:
    """T9: contexts of one support become one direction, the more so the smaller the ridge."""
    within, ratio = f"{EMBEDDINGS}/within", f"{EMBEDDINGS}/scatter_ratio"

    def worst(side: Callable[[list[float]], float]) -> Callable[[dict[int, float]], float]:
        return lambda found: side(_late(found, SMALL_RIDGE))

    return [
        Test(Bound("mean cosine within a support, ridge 1e-4 and less", 0.98, "above"),
             _path(evidence, GROUPS, within, worst(min))),
        Test(Bound("scatter within over between supports, ridge 1e-4 and less", 0.02, "below"),
             _path(evidence, GROUPS, ratio, worst(max))),
        Test(Bound("least gain of the mean cosine from ridge to ridge", 0.0, "above"),
             _path(evidence, GROUPS, within, lambda found: _least_gain([found[k] for k in sorted(found)]))),
    ]  # fmt: skip


def fixed(evidence: Evidence) -> list[Test]:
    """T10: the decoder alone goes along the Frobenius-norm NTP-SVM, its part in F to the log-odds."""

    def shrink(found: dict[int, float]) -> float:
        marks = [step for step in (100, 1000, STEP, max(found)) if step in found]
        return _least_gain([-found[step] for step in dict.fromkeys(marks)])

    return [
        Test(Bound("cosine of W - P_F W with W_mm at step 10 000", 0.98, "above"),
             _course(evidence, FIXED, "descent/cosine_directional", lambda found: found[STEP])),
        Test(Bound("least fall of the distance of P_F W from W* over the decades of steps", 0.0, "above"),
             _course(evidence, FIXED, "descent/finite_error", shrink)),
    ]  # fmt: skip


def transformer(evidence: Evidence) -> list[Test]:
    """Ask of a small Transformer, qualitatively, what holds of free features."""
    steps = _settings(evidence).transformer.steps
    within = _course(evidence, TRANSFORMER, f"{EMBEDDINGS}/within", _last)
    between = _course(evidence, TRANSFORMER, f"{EMBEDDINGS}/between", _last)
    return [
        Test(Bound("entropy gap, nats", 1e-2, "below"), _course(evidence, TRANSFORMER, "training/gap", _last)),
        Test(Bound("distance of P_F L from L_in at the end / at a tenth of the steps", 1.0, "below"),
             _course(evidence, TRANSFORMER, "training/finite_error", lambda found: found[steps] / found[steps // 10])),
        Test(Bound("cosine of L - L_in with L_mm", 0.8, "above"),
             _course(evidence, TRANSFORMER, "training/cosine_rest", _last)),
        Test(Bound("mean cosine of states within a support less that between", 0.3, "at least"),
             {seed: within[seed] - between[seed] for seed in within}),
    ]  # fmt: skip


def text_direction(evidence: Evidence) -> list[Test]:
    """Ask of a real text's matrix what T8 asks of random supports."""
    values = _path(evidence, TEXT, "path/cosine_directional", _last)
    return [Test(Bound("cosine of L - P_F L with L_mm, smallest ridge", 0.97, "above"), values)]


def text_proxy(evidence: Evidence) -> list[Test]:
    """Ask of a real text's supports how near the centred support comes to the optimum."""
    ratio = evidence.measured(TEXT, "proxy/ratio")
    return _excess(ratio, ratio)


def text_collapse(evidence: Evidence) -> list[Test]:
    """Ask whether contexts of one support point one way in a real text, more than their frequencies alone do."""

    def at_end(part: str, name: str) -> Values:
        return _path(evidence, TEXT, f"{part}/{name}", _last)

    within, between = at_end(EMBEDDINGS, "within"), at_end(EMBEDDINGS, "between")
    return [
        Test(Bound("mean cosine within a support, smallest ridge", 0.98, "above"), within),
        Test(Bound("the same less that between supports", 0.3, "at least"),
             {seed: within[seed] - between[seed] for seed in within}),
    ]  # fmt: skip
