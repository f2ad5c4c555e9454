from __future__ import annotations

import json

import pytest

from geomem.errors import InputError
from geomem.probing import DEFAULT, ORDER, PROBES
from geomem.probing.spec import ProbeSpec
from geomem.spec import validate

BASE = {"models": ("m",), "text": "t"}


def test_settings_go_to_json_and_back_in_the_order_of_the_page() -> None:
    spec = validate(ProbeSpec, {**BASE, "measure": ("lens", "spectrum")})
    assert spec.measure == ("spectrum", "lens")
    assert ProbeSpec.model_validate(json.loads(spec.model_dump_json())) == spec
    assert validate(ProbeSpec, {**BASE, "measure": ("all",)}).measure == ORDER
    assert validate(ProbeSpec, BASE).measure == DEFAULT


def test_every_family_is_registered_and_in_the_order() -> None:
    assert set(PROBES) == set(ORDER)
    for name in ORDER:
        assert PROBES.get(name).name == name


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"models": ()}, "models: tuple should have at least 1 item"),
        ({"measure": ()}, "nothing to measure; choose from: spectrum"),
        ({"measure": ("lense",)}, "unknown measurement 'lense'; did you mean 'lens'?"),
        ({"context": 3}, "context: must be at least 8 tokens, got 3"),
        ({"sample": 3}, "sample: input should be greater than or equal to 64"),
        ({"controls": ("none",)}, "controls"),
        ({"max_token": 3}, "max_token: unknown key; did you mean 'max_tokens'?"),
    ],
)
def test_what_is_wrong_is_one_line(change: dict[str, object], said: str) -> None:
    with pytest.raises(InputError) as caught:
        validate(ProbeSpec, {**BASE, **change})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
