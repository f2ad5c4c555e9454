from __future__ import annotations

import math

import pytest
from scipy import stats

from geomem.studies.yardsticks import at_chance, difference, far_above_chance, learned_at, ratio
from tests.studies.geometric_memory.samples import Made


def test_far_above_chance_is_ten_times_and_never_more_than_all() -> None:
    assert far_above_chance({0: 0.04, 1: 0.05}, 1 / 250, "x").verdict() == "supported"
    assert far_above_chance({0: 0.039}, 1 / 250, "x").verdict() == "contradicted"
    assert far_above_chance({0: 1.0}, 1 / 2, "x").verdict() == "supported"
    assert far_above_chance({0: 0.99}, 1 / 2, "x").verdict() == "contradicted"


@pytest.mark.parametrize(("chance", "trials"), [(1 / 250, 63), (1 / 100, 25), (1 / 2, 1000), (1 / 12, 3)])
def test_guessing_is_at_chance_nearly_always(chance: float, trials: int) -> None:
    limit = at_chance({0: 0.0}, chance, trials, "x").bound.value
    assert stats.binom.sf(math.floor(limit * trials + 1e-9), trials, chance) < 0.01
    assert at_chance({0: 0.0}, chance, trials, "x").verdict() == "supported"
    assert at_chance({0: min(1.0, limit + 1.1 / trials)}, chance, trials, "x").verdict() == "contradicted" or limit >= 1


def test_learned_at_is_the_first_step_that_reached_the_level() -> None:
    evidence = Made({("a", "m"): [{0: 0.1, 10: 0.5, 20: 0.4, 30: 0.9}]})
    assert learned_at(evidence, "a", 0, "m", 0.5) == 10
    assert learned_at(evidence, "a", 0, "m", 0.6) == 30
    assert learned_at(evidence, "a", 0, "m", 0.95) == math.inf


def test_differences_and_ratios_of_the_seeds_both_have() -> None:
    assert difference({0: 3.0, 1: 1.0}, {0: 1.0, 2: 5.0}) == {0: 2.0}
    found = ratio(
        {0: 3.0, 1: 0.0, 2: 4.0, 3: math.inf, 4: math.inf, 5: 2.0},
        {0: 2.0, 1: 0.0, 2: 0.0, 3: math.inf, 4: 2.0, 5: math.inf},
    )
    assert found[0] == 1.5
    assert math.isnan(found[1])
    assert found[2] == math.inf
    assert math.isnan(found[3])
    assert found[4] == math.inf
    assert found[5] == 0.0
