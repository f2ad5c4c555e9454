from __future__ import annotations

from geomem.studies.linguistic_collapse.settings import LAPTOP, PAPER, SMOKE, Settings


def test_settings_survive_the_way_to_json_and_back() -> None:
    for settings in (SMOKE, LAPTOP, PAPER):
        assert Settings.model_validate_json(settings.model_dump_json()) == settings


def test_the_rules_of_the_measures_are_kept() -> None:
    for settings in (SMOKE, LAPTOP, PAPER):
        assert settings.reading.min_samples >= 5
        assert {0, settings.from_step} <= set(settings.lm.kept)
        assert settings.reading.limit >= min(1024, settings.lm.vocabulary)
        assert (settings.gates.simplex, settings.gates.classes, settings.gates.width) == (8, 1000, 64)
