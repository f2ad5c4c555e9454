"""The predicates behind the claims: evidence to tests. Thresholds come from a pilot, fixed before any run."""

from __future__ import annotations

from geomem.studies.algorithmic_creativity.cells import length_name
from geomem.studies.algorithmic_creativity.settings import Settings
from geomem.studies.claim import Bound, Test
from geomem.studies.evidence import Evidence
from geomem.studies.over_training import Course, over_training

SIBLINGS, LENGTHS, TRIANGLES, LISTS = "siblings", "seed-length", "triangles", "lists"
"""Experiments."""

GREEDY, WARM = "siblings/creativity@t0", "siblings/creativity@t1"
"""Creativity of greedy decoding, and at temperature 1."""

SCATTER = 0.03
"""About two standard errors of the difference between two shares near .1 among a thousand outputs each."""


def _settings(evidence: Evidence) -> Settings:
    return evidence.settings


def long_enough(evidence: Evidence, condition: str, epochs: float) -> Test:
    """Require that next-token training has passed every example often enough to be in its late phase."""
    passed = _settings(evidence).siblings.epochs
    words = "passes of every training example"
    return Test(Bound(words, epochs, "at least"), dict.fromkeys(evidence.seeds(condition), passed), needed=True)


def hybrid_is_more_creative(evidence: Evidence) -> list[Test]:
    """Ask for half as much again as next-token training, both with seeds and greedy."""
    hybrid, plain = evidence.measured("hybrid-seed", GREEDY), evidence.measured("ntp-seed", GREEDY)
    more = {seed: hybrid[seed] - 1.5 * plain[seed] for seed in hybrid if seed in plain}
    words = "creativity of the hybrid less 1.5 times that of next-token training"
    return [
        Test(Bound(words, 0.0, "at least"), more),
        Test(Bound("creativity of the hybrid", 0.0, "above"), hybrid, needed=True),
        long_enough(evidence, "ntp-seed", 120.0),
    ]


def hybrid_memorises_less(evidence: Evidence) -> list[Test]:
    """Ask for .15 less of the outputs that are from the training set."""
    name = "siblings/memorisation@t0"
    hybrid, plain = evidence.measured("hybrid-seed", name), evidence.measured("ntp-seed", name)
    less = {seed: plain[seed] - hybrid[seed] for seed in hybrid if seed in plain}
    words = "memorisation of next-token training less that of the hybrid"
    return [Test(Bound(words, 0.15, "at least"), less), long_enough(evidence, "ntp-seed", 120.0)]


def seeds_make_greedy_creative(evidence: Evidence) -> list[Test]:
    """Ask for .08 with seeds and greedy decoding, and twice what sampling without seeds has, late in training."""
    seeded, sampled = evidence.measured("ntp-seed", GREEDY), evidence.measured("ntp", WARM)
    more = {seed: seeded[seed] - 2 * sampled[seed] for seed in seeded if seed in sampled}
    words = "creativity with seeds, greedy, less twice that without at temperature 1"
    return [
        Test(Bound("creativity with seeds, greedy", 0.08, "at least"), seeded),
        Test(Bound(words, 0.0, "at least"), more),
        long_enough(evidence, "ntp-seed", 110.0),
    ]


def sampling_rises_and_falls(evidence: Evidence) -> list[Test]:
    """Ask that creativity without seeds ends at 40 % of its peak or less, coherence being higher than at the peak."""
    fall = over_training(evidence, "ntp", _share_of_peak, WARM)
    rise = over_training(evidence, "ntp", _rise_from_peak, WARM, "siblings/coherence@t1")
    return [
        Test(Bound("last creativity at temperature 1 over its peak", 0.4, "at most"), fall),
        Test(Bound("coherence at the end less that at the peak of creativity", 0.0, "above"), rise),
        long_enough(evidence, "ntp", 110.0),
    ]


def longer_seeds_do_not_hurt(evidence: Evidence) -> list[Test]:
    """Ask that greedy creativity does not fall from one length of seeds to the next by more than outputs scatter."""
    lengths = _settings(evidence).siblings.seed_lengths
    found = [evidence.measured(length_name(length), GREEDY) for length in lengths]
    tests: list[Test] = []
    for place in range(1, len(lengths)):
        before, after = found[place - 1], found[place]
        words = f"creativity at {lengths[place]} letters less that at {lengths[place - 1]}"
        more = {seed: after[seed] - before[seed] for seed in after if seed in before}
        tests.append(Test(Bound(words, -SCATTER, "at least"), more))
    return tests


def _share_of_peak(creativity: Course) -> float:
    peak = max(creativity.values())
    return list(creativity.values())[-1] / peak if peak > 0 else 1.0


def _rise_from_peak(creativity: Course, coherence: Course) -> float:
    peak = max(creativity, key=lambda step: creativity[step])
    return coherence[max(coherence)] - coherence[peak]
