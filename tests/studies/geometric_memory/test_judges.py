from __future__ import annotations

import pytest

from geomem.errors import RunError
from geomem.studies.geometric_memory.judges import over_graphs, storage_ratios
from geomem.studies.yardsticks import fiedler_gain
from tests.studies.geometric_memory.samples import Made

FIEDLER, CHANCE = "eigen-energy/fiedler", "eigen-energy/fiedler_chance"


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


def test_storage_is_compared_from_small_to_large() -> None:
    found = storage_ratios()
    assert set(found) == {f"{what}, {graph}" for what in ("bits", "norm") for graph in ("path-star", "cycle")}
    assert all(len(values) >= 4 and all(value > 0 for value in values) for values in found.values())
