"""Sizes that could not be judged are refused before anything is run."""

from __future__ import annotations

from typing import Any

import pytest

from geomem.errors import InputError
from geomem.spec import validate
from geomem.studies.logit_low_rank.settings import LAPTOP, PAPER, SMOKE, Reading


def test_every_scale_can_be_judged() -> None:
    for settings in (SMOKE, LAPTOP, PAPER):
        assert validate(Reading, settings.reading.model_dump()) == settings.reading
        assert settings.reading.kept == settings.reading.ranks


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"histories": 16}, "leave fewer than two of .* to compare"),
        ({"futures": 2, "columns": 4}, "leave fewer than two of .* to compare"),
        ({"ranks": (5, 5)}, "ascending ranks"),
        ({"ranks": (0, 5)}, "ascending ranks"),
        ({"histories": 51, "shared": 51}, "all column spaces of rank 51 are the same"),
        ({"window": (299, 400)}, "too few for a line"),
        ({"window": (0, 40)}, "too few for a line"),
    ],
)
def test_what_cannot_be_judged_is_one_line(changes: dict[str, Any], line: str) -> None:
    with pytest.raises(InputError, match=line) as told:
        validate(Reading, changes)
    assert "\n" not in str(told.value)


def test_ranks_that_leave_nothing_out_are_left_out() -> None:
    assert Reading(histories=100).kept == (5, 20, 50)
    assert Reading(histories=300, futures=3, columns=10, shared=5).kept == (5, 20)
