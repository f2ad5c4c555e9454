from __future__ import annotations

import pytest

from geomem.studies.attention_sinks.settings import LAPTOP, PAPER, SMOKE, Settings


@pytest.mark.parametrize("settings", [SMOKE, LAPTOP, PAPER], ids=["smoke", "laptop", "paper"])
def test_sizes_fit_together_and_round_trip(settings: Settings) -> None:
    assert Settings.model_validate_json(settings.model_dump_json()) == settings
    assert settings.network.width % settings.network.heads == 0
    assert settings.reading.context <= settings.reading.batch_tokens <= settings.reading.tokens
    assert 1.0 in settings.reading.norms
    assert sorted(settings.reading.norms) == list(settings.reading.norms)


def test_scales_grow() -> None:
    for smaller, larger in ((SMOKE, LAPTOP), (LAPTOP, PAPER)):
        assert smaller.reading.tokens < larger.reading.tokens
        assert smaller.network.directions < larger.network.directions
        assert smaller.lm.weights < larger.lm.weights
