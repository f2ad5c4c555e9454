from __future__ import annotations

import pytest

from geomem.errors import InputError
from geomem.spec import validate
from geomem.tasks.open_ended_specs import SiblingDiscoverySpec


def test_more_examples_than_there_are_is_one_line() -> None:
    with pytest.raises(
        InputError, match="train_size: only 8000 different examples exist, got 7801 to train on and 200"
    ):
        validate(SiblingDiscoverySpec, {"train_size": 7801})
    assert validate(SiblingDiscoverySpec, {"train_size": 7800}).examples == 8000


@pytest.mark.parametrize("temperatures", [[-0.5], [1.0, 1.0], [0.5, 0.50000001]])
def test_temperatures_have_names_of_their_own(temperatures: list[float]) -> None:
    with pytest.raises(InputError, match="temperatures: must be at least 0 and all different"):
        validate(SiblingDiscoverySpec, {"temperatures": temperatures})
    with pytest.raises(InputError, match="temperatures"):
        validate(SiblingDiscoverySpec, {"temperatures": []})
