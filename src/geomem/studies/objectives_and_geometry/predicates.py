"""The predicates behind the claims. Thresholds are argued in `claims` and were written before the study was run."""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy import stats

from geomem.studies.claim import Bound, Test
from geomem.studies.evidence import Evidence
from geomem.studies.objectives_and_geometry.cells import (
    FAMILY_OBJECTIVES,
    FIRST,
    FROZEN_OBJECTIVES,
    HYBRID,
    NEXT,
    PATH_OBJECTIVES,
    REVERSED,
    SEED,
    TEACHERLESS,
    creativity_of,
)
from geomem.studies.yardsticks import Values, at_chance, difference, far_above_chance, fiedler_gain, ratio

RETRIEVAL = "leaf-first-hop/held_out_retrieval"
EXACT = "paths/held_out/exact"
FORCED = "paths/held_out/forced_1"
GAP = "family-separation/gap"


def maps(evidence: Evidence) -> list[Test]:
    """The Fiedler energy is at least twice that of random vectors under every objective."""
    return [
        Test(Bound(f"Fiedler energy / chance, {name}", 2.0, "at least"), fiedler_gain(evidence, name))
        for name in PATH_OBJECTIVES
    ]


def retrieval_above(first: str, second: str) -> Callable[[Evidence], list[Test]]:
    """Return the predicate: held-out leaves lie beside their first hop more often in one condition than another."""

    def judge(evidence: Evidence) -> list[Test]:
        found = difference(evidence.measured(first, RETRIEVAL), evidence.measured(second, RETRIEVAL))
        return [Test(Bound(f"held-out leaves retrieved, {first} minus {second}", 0.0, "above"), found)]

    return judge


def frozen(evidence: Evidence) -> list[Test]:
    """On frozen tables, no objective names the first hop of held-out leaves, though it answers training leaves."""
    arms: int = evidence.settings.path_star.arms
    held_out = arms - math.floor(0.75 * arms)
    tests: list[Test] = []
    for name in FROZEN_OBJECTIVES:
        condition = f"frozen-{name}"
        found = evidence.measured(condition, FORCED)
        tests.append(at_chance(found, 1 / arms, held_out, f"first hop of held-out leaves, frozen, {name}"))
        learned = evidence.measured(condition, "paths/train/forced_1")
        tests.append(
            Test(Bound(f"first hop of training leaves, frozen, {name}", 0.9, "at least"), learned, needed=True)
        )
    return tests


def one_pass(evidence: Evidence) -> list[Test]:
    """Whole held-out paths in one pass, none of their tokens shown."""
    chance = 1 / evidence.settings.path_star.arms
    return [far_above_chance(evidence.measured(TEACHERLESS, EXACT), chance, "held-out paths right in one pass")]


def seeds_change_little(evidence: Evidence) -> list[Test]:
    """A seed before every prompt moves the retrieval by a tenth at most, either way."""
    found = difference(evidence.measured(SEED, RETRIEVAL), evidence.measured(NEXT, RETRIEVAL))
    words = "held-out leaves retrieved, with seeds minus without"
    return [Test(Bound(words, -0.1, "at least"), found), Test(Bound(words, 0.1, "at most"), found)]


def families_apart(first: str, second: str) -> Callable[[Evidence], list[Test]]:
    """Return the predicate: families lie further apart in one condition than in another."""

    def judge(evidence: Evidence) -> list[Test]:
        found = difference(evidence.measured(first, GAP), evidence.measured(second, GAP))
        return [Test(Bound(f"cosine within families minus between, {first} minus {second}", 0.0, "above"), found)]

    return judge


def parent_first(evidence: Evidence) -> list[Test]:
    """Told the parent first, a model is more creative than told it last."""
    first, last = (evidence.measured(name, creativity_of(name)) for name in (f"{REVERSED}-seed", f"{NEXT}-seed"))
    return [Test(Bound("creativity, parent first / parent last", 1.5, "at least"), ratio(first, last))]


def creative_is_geometric(evidence: Evidence) -> list[Test]:
    """Over objectives, creativity and the separation of families rank alike."""
    gaps = {name: evidence.measured(name, GAP) for name in FAMILY_OBJECTIVES}
    creative = {name: evidence.measured(name, creativity_of(name)) for name in FAMILY_OBJECTIVES}
    found: Values = {}
    for seed in set.intersection(*(set(one) for one in (*gaps.values(), *creative.values()))):
        apart, new = ([one[name][seed] for name in FAMILY_OBJECTIVES] for one in (gaps, creative))
        # Where all are equal, as when nothing was learned, there is no ranking to compare.
        ranked = len(set(apart)) > 1 and len(set(new)) > 1
        found[seed] = float(stats.spearmanr(apart, new).statistic) if ranked else math.nan
    words = "rank correlation of creativity and separation of families, over objectives"
    return [Test(Bound(words, 0.6, "at least"), dict(sorted(found.items())))]


FIRST_BEATS_NEXT = retrieval_above(FIRST, NEXT)
FIRST_BEATS_REVERSED = retrieval_above(FIRST, REVERSED)
HYBRID_APART = families_apart(f"{HYBRID}-seed", f"{NEXT}-seed")
