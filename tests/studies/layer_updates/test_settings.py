from __future__ import annotations

from geomem.probing.decomposition import BANK_TOKENS, EVALUATION_TOKENS
from geomem.spec import validate
from geomem.studies.layer_updates.settings import LAPTOP, PAPER, SMOKE, Settings
from geomem.training.spec import set_key


def test_scales_grow_and_read_what_the_card_asks() -> None:
    banks = [scale.reading.bank for scale in (SMOKE, LAPTOP, PAPER)]
    assert banks == sorted(banks)
    assert LAPTOP.reading.bank >= BANK_TOKENS
    assert LAPTOP.reading.evaluation >= EVALUATION_TOKENS
    assert set(LAPTOP.classes) == {"diag", "lowrank_16", "orth", "mlp"}


def test_settings_are_set_by_key() -> None:
    data = SMOKE.model_dump(mode="json")
    for change in ("reading.bank=700", "model=somewhere", "state_space.layers=3"):
        set_key(data, change)
    changed = validate(Settings, data)
    assert (changed.reading.bank, changed.model, changed.state_space.layers) == (700, "somewhere", 3)
