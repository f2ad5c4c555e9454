"""Saving of word-vector models: every one of them is known to the hub by its type."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from geomem.errors import InputError
from geomem.models.saved_vectors import VECTOR_MODELS, open_vectors


@pytest.mark.parametrize("module", ["node2vec", "unconstrained"])
def test_the_table_names_the_class_of_every_type(module: str) -> None:
    found = importlib.import_module(f"geomem.models.{module}")
    assert hasattr(found, VECTOR_MODELS[found.MODEL_TYPE])


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no config\.json and model\.safetensors here"):
        open_vectors(tmp_path, "geomem-node2vec")
