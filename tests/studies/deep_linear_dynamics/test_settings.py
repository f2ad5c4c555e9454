from __future__ import annotations

from typing import Any

import pytest

from geomem.errors import InputError
from geomem.spec import validate
from geomem.studies.deep_linear_dynamics.settings import LAPTOP, PAPER, SMOKE, Modes, check_falling


def test_the_sizes_of_the_card_are_those_of_the_laptop() -> None:
    assert LAPTOP.modes.singular_values == (4, 3, 2, 1)
    assert (LAPTOP.modes.inputs, LAPTOP.modes.hidden, LAPTOP.modes.outputs) == (6, 5, 8)
    assert (LAPTOP.modes.start, LAPTOP.modes.step, LAPTOP.modes.time) == (1e-3, 1e-3, 8)
    assert LAPTOP.depths.depths[-1] == 100
    assert (LAPTOP.hierarchy.flip, LAPTOP.hierarchy.features, LAPTOP.hierarchy.branching) == (0.1, 1000, (2,) * 5)
    assert max(LAPTOP.starts.rates) > 1 > min(LAPTOP.starts.rates)
    assert SMOKE.starts.budget < LAPTOP.starts.budget < PAPER.starts.budget


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"singular_values": [1, 2]}, "singular_values: positive and falling"),
        ({"singular_values": [1, 1]}, "falling"),
        ({"stds": [1e-4, 1e-3]}, "stds"),
        ({"hidden": 3}, "4 modes, but room for 3"),
        ({"step": 0}, "step"),
    ],
)
def test_mistakes_are_clear(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        validate(Modes, changes)


def test_falling_values_pass() -> None:
    check_falling("x", (3, 2, 0.5))
    with pytest.raises(InputError, match="x: positive"):
        check_falling("x", (3, 0))
