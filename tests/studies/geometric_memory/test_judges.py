from __future__ import annotations

import math

import pytest
from scipy import stats

from geomem.errors import RunError
from geomem.studies.geometric_memory.judges import (
    at_chance,
    difference,
    far_above_chance,
    fiedler_gain,
    learned_at,
    over_graphs,
    ratio,
    storage_ratios,
)
from tests.studies.geometric_memory.samples import Made

FIEDLER, CHANCE = "eigen-energy/fiedler", "eigen-energy/fiedler_chance"


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


def test_numbers_of_several_graphs_are_combined_seed_by_seed() -> None:
    evidence = Made({("star-A", "m"): [1.0, 5.0], ("grid-A", "m"): [3.0, 2.0], ("grid-A-self", "m"): [9.0, 9.0]})
    assert over_graphs(evidence, "A", "m", min) == {0: 1.0, 1: 2.0}
    assert over_graphs(evidence, "A", "m", max) == {0: 3.0, 1: 5.0}
    assert over_graphs(evidence, "A-self", "m", min) == {0: 9.0, 1: 9.0}
    with pytest.raises(RunError, match="no finished run of B"):
        over_graphs(evidence, "B", "m", min)
    with pytest.raises(RunError, match="'n' was not measured"):
        over_graphs(evidence, "A", "n", min)


def test_fiedler_gain_is_energy_over_chance() -> None:
    evidence = Made(
        {("star-A", FIEDLER): [0.6], ("star-A", CHANCE): [0.2], ("grid-A", FIEDLER): [0.1], ("grid-A", CHANCE): [0.2]}
    )
    assert fiedler_gain(evidence, "star-A")[0] == pytest.approx(3.0)
    assert over_graphs(evidence, "A", "fiedler gain", min)[0] == pytest.approx(0.5)


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


def test_storage_is_compared_from_small_to_large() -> None:
    found = storage_ratios()
    assert set(found) == {f"{what}, {graph}" for what in ("bits", "norm") for graph in ("path-star", "cycle")}
    assert all(len(values) >= 4 and all(value > 0 for value in values) for values in found.values())
