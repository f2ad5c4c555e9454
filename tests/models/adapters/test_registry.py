"""Every registered family is importable and known to transformers or geomem."""

from __future__ import annotations

import subprocess
import sys

import pytest
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from geomem.models.adapters.adapter import Adapter
from geomem.models.adapters.registry import FAMILIES, family_of
from tests.models.adapters.checkpoints import CAUSAL, MASKED


@pytest.mark.parametrize("model_type", FAMILIES)
def test_every_entry_is_an_adapter_of_a_known_model_type(model_type: str) -> None:
    family = family_of(model_type)
    assert family is not None
    assert issubclass(family, Adapter)
    assert family.family
    assert model_type in CONFIG_MAPPING


def test_every_entry_has_a_checkpoint_in_the_tests() -> None:
    tested = {model_type for model_type, _ in (CAUSAL | MASKED).values()}
    own = {name for name in FAMILIES if name.startswith("geomem-")}
    assert tested == set(FAMILIES) - own


def test_unknown_types_have_none() -> None:
    assert family_of("falcon") is None


def test_the_registry_does_not_wait_for_torch() -> None:
    code = "import sys; import geomem.models.adapters; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
