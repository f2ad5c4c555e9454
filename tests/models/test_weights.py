"""Weight files: what is refused before it is read, and numbers that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from geomem.errors import InputError
from geomem.models.weights import INDEX, check_finite, check_memory, weight_files
from tests.models.adapters.checkpoints import build


def shards(folder: Path, names: list[Any]) -> None:
    (folder / INDEX).write_text(json.dumps({"weight_map": {str(index): name for index, name in enumerate(names)}}))


def test_one_file_or_the_shards_of_an_index(tmp_path: Path) -> None:
    for name in ("a.safetensors", "b.safetensors"):
        (tmp_path / name).touch()
    shards(tmp_path, ["b.safetensors", "a.safetensors", "b.safetensors"])
    assert [file.name for file in weight_files(tmp_path)] == ["a.safetensors", "b.safetensors"]
    (tmp_path / "model.safetensors").touch()
    assert weight_files(tmp_path) == [tmp_path / "model.safetensors"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["gone.safetensors"], "lacks gone.safetensors, one of the 1 files that its index names"),
        (["pytorch_model.bin"], "names 'pytorch_model.bin'; only safetensors files beside it are opened"),
        (["../other.safetensors"], "names '../other.safetensors'; only"),
        ([3], "names 3; only"),
    ],
)
def test_an_index_that_names_other_files(names: list[Any], message: str, tmp_path: Path) -> None:
    shards(tmp_path, names)
    with pytest.raises(InputError, match=message):
        weight_files(tmp_path)


@pytest.mark.parametrize("text", ["{nonsense", "[]", "{}", '{"weight_map": []}'])
def test_an_index_that_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / INDEX).write_text(text)
    with pytest.raises(InputError, match="cannot be read as an index of safetensors files"):
        weight_files(tmp_path)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "weights.pt", "epoch.ckpt"])
def test_a_pickle_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has a config.json but no model.safetensors"):
        weight_files(tmp_path)
    (tmp_path / name).touch()
    with pytest.raises(InputError, match=f"{name}: is a pickle.*convert it to safetensors"):
        weight_files(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a tensor", b"\xff" * 16, (2).to_bytes(8, "little") + b"[]"])
def test_a_damaged_file(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(InputError, match=r"model.safetensors: cannot be opened: damaged, or not safetensors"):
        check_memory(tmp_path, torch.float32)


def test_memory_is_counted_in_the_wanted_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_file({"a": torch.zeros(3, 5, dtype=torch.float16)}, tmp_path / "model.safetensors", metadata={"format": "pt"})
    monkeypatch.setattr("geomem.models.weights.free_memory", lambda: 60)
    check_memory(tmp_path, torch.float32)
    with pytest.raises(InputError, match=r"out of memory: 0.0 GB in float64"):
        check_memory(tmp_path, torch.float64)


def test_numbers_that_are_none_are_named() -> None:
    model = build("gpt2")
    check_finite(model)
    with torch.no_grad():
        model.transformer.h[1].mlp.c_fc.weight[0, :2] = torch.tensor([float("nan"), float("inf")])
    with pytest.raises(InputError, match=r"'transformer.h.1.mlp.c_fc.weight' has 2 NaN or infinite entries of 4096;"):
        check_finite(model)
    with torch.no_grad():
        model.transformer.h[2].ln_1.bias[0] = float("nan")
    with pytest.raises(InputError, match=r"c_fc.weight' has 2 .* of 4096; so have 1 other tensor\(s\); nothing was"):
        check_finite(model)


def test_large_numbers_whose_sum_overflows_are_numbers() -> None:
    model = build("gpt2").half()
    with torch.no_grad():
        model.transformer.wte.weight.fill_(6e4)
    check_finite(model)
