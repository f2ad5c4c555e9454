"""Every registered model: settings, seeds, laziness."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch

from geomem.errors import InputError
from geomem.models import MODELS
from geomem.spec import Spec, resolve


@pytest.mark.parametrize("kind", list(MODELS))
def test_every_kind_resolves_by_name_and_round_trips(kind: str) -> None:
    spec = resolve(MODELS, kind)
    assert spec.model_dump()["kind"] == kind
    assert resolve(MODELS, spec.model_dump(mode="json")) == spec
    assert MODELS.summary(kind)
    for name, field in type(spec).model_fields.items():
        assert name == "kind" or field.description, f"{kind}.{name} has no description"


@pytest.mark.parametrize("kind", list(MODELS))
def test_builds_from_the_seed_alone(kind: str) -> None:
    spec: Any = resolve(MODELS, {"kind": kind, "width": 16})
    before = torch.get_rng_state()
    first = spec.build(11, 5)
    assert torch.equal(before, torch.get_rng_state())
    torch.rand(3)
    second, other = spec.build(11, 5), spec.build(11, 6)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))
    assert {parameter.dtype for parameter in first.parameters()} == {torch.float32}
    with pytest.raises(InputError, match="at least 1"):
        spec.build(0, 0)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"kind": "transformer", "widht": 3}, r"model.widht: unknown key; did you mean 'width'\?"),
        ({"kind": "transformer", "heads": 7}, "width 64 does not divide by heads 7"),
        ({"kind": "tiny-nn", "initialisation": "normal"}, "initialisation"),
        ("tinynn", "unknown model 'tinynn'; did you mean 'tiny-nn'"),
        ({"kind": "mamba", "layers": -1}, "model.layers"),
    ],
    ids=str,
)
def test_mistakes_are_clear(value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve(MODELS, value, "model")


def test_settings_need_neither_torch_nor_transformers() -> None:
    code = (
        "import sys; from geomem.models import MODELS; [MODELS.get(kind)() for kind in MODELS];"
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_registry_holds_specs() -> None:
    assert all(issubclass(MODELS.get(kind), Spec) for kind in MODELS)
