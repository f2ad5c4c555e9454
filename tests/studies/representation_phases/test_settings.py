from __future__ import annotations

from geomem.studies.representation_phases.settings import LAPTOP, PAPER, SMOKE, Settings


def test_settings_survive_the_way_to_json_and_back() -> None:
    for settings in (SMOKE, LAPTOP, PAPER):
        assert Settings.model_validate_json(settings.model_dump_json()) == settings


def test_sizes_keep_to_the_rules_of_the_metrics() -> None:
    for settings in (SMOKE, LAPTOP, PAPER):
        assert settings.probe.sequences > 10 * settings.lm.width
        assert settings.probe.context <= settings.lm.context
        assert {0, settings.lm.warmup, settings.from_step} <= set(settings.lm.kept)
        assert settings.toy.control_tilt in settings.toy.tilts
        assert max(settings.truncation.ranks) < settings.lm.width
    assert PAPER.probe.sequences == 15_000
