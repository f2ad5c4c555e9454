from __future__ import annotations

import pytest

from geomem.studies.representation_comparison.settings import LAPTOP, PAPER, SMOKE, Settings


@pytest.mark.parametrize("settings", [SMOKE, LAPTOP, PAPER], ids=["smoke", "laptop", "paper"])
def test_sizes_fall_and_fit(settings: Settings) -> None:
    assert Settings.model_validate_json(settings.model_dump_json()) == settings
    for sizes, most in ((settings.digits.sizes, 500), (settings.words.sizes, settings.words.stimuli)):
        stimuli, units = zip(*sizes, strict=True)
        assert list(stimuli) == sorted(stimuli, reverse=True)
        assert list(units) == sorted(units, reverse=True)
        assert stimuli[0] <= most


def test_the_sizes_of_the_card() -> None:
    assert LAPTOP.digits.sizes == PAPER.digits.sizes == ((500, 64), (200, 32), (100, 16), (50, 8))
    assert LAPTOP.digits.width == 64
