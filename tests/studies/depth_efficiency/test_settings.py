from __future__ import annotations

from geomem.spec import validate
from geomem.studies.depth_efficiency.settings import LAPTOP, PAPER, SMOKE, Settings
from geomem.training.spec import set_key


def test_the_laptop_reads_what_the_card_reads() -> None:
    reading = LAPTOP.reading
    assert (reading.windows, reading.context, reading.fit_tokens) == (64, 64, 12_000)
    assert LAPTOP.hops.hops == 4
    assert SMOKE.hops.steps < LAPTOP.hops.steps < PAPER.hops.steps
    assert LAPTOP.lm.lr not in LAPTOP.rates


def test_settings_are_set_by_key() -> None:
    data = SMOKE.model_dump(mode="json")
    for change in ("reading.windows=3", "model=a", "source=b", "hops.layers=4"):
        set_key(data, change)
    changed = validate(Settings, data)
    assert (changed.reading.windows, changed.model, changed.source, changed.hops.layers) == (3, "a", "b", 4)
