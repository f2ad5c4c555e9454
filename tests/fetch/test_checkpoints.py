from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from geomem.errors import InputError
from geomem.fetch.checkpoints import quiet_transformers, write_checkpoint
from geomem.fetch.llama2c_tokenizer import Pieces, build_tokenizer
from tests.fetch.samples import llama, pieces_bytes


def tokenizer() -> Any:
    return build_tokenizer(Pieces.read(*pieces_bytes()), 32)


@pytest.mark.parametrize("tied", [True, False])
def test_what_is_reopened_is_what_was_converted(tmp_path: Path, tied: bool) -> None:
    model = llama(275, tied=tied)
    model.config.quantization_config = {"quant_method": "gguf"}
    write_checkpoint(model, tokenizer(), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert "quantization_config" not in config
    assert config["dtype"] == "float32"
    again = AutoModelForCausalLM.from_pretrained(tmp_path).state_dict()
    assert set(again) == set(model.state_dict())
    for name, tensor in model.state_dict().items():
        assert torch.equal(again[name], tensor), name
    assert AutoTokenizer.from_pretrained(tmp_path)("ab c")["input_ids"] == tokenizer()("ab c")["input_ids"]
    # The model that was handed in is not touched.
    assert model.config.quantization_config == {"quant_method": "gguf"}


def test_every_file_may_be_read_by_those_who_may_read_the_folder(tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        write_checkpoint(llama(275), tokenizer(), tmp_path)
    finally:
        os.umask(old)
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o644}


def test_a_bit_that_changed_on_the_disk_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save = transformers.LlamaForCausalLM.save_pretrained

    def careless(self: Any, folder: Path) -> None:
        save(self, folder)
        file = folder / "model.safetensors"
        tensors = load_file(file)
        # Minus zero: equal as a number, not as bits.
        tensors["model.norm.weight"][3] = -0.0
        save_file(tensors, file, metadata={"format": "pt"})

    model = llama(275)
    with torch.no_grad():
        model.model.norm.weight[3] = 0.0
    monkeypatch.setattr(transformers.LlamaForCausalLM, "save_pretrained", careless)
    with pytest.raises(InputError, match=r"^tensor 'model\.norm\.weight' read back from the disk is not what was wri"):
        write_checkpoint(model, tokenizer(), tmp_path)


def test_a_tokenizer_that_changed_on_the_disk_is_found(tmp_path: Path) -> None:
    class Careless:
        def __call__(self, text: str) -> dict[str, list[int]]:
            return {"input_ids": [1, 2, 3]}

        def save_pretrained(self, folder: Path) -> None:
            tokenizer().save_pretrained(folder)

    with pytest.raises(InputError, match="tokenizer read back from the disk splits a text in another way"):
        write_checkpoint(llama(275), Careless(), tmp_path)  # type: ignore[arg-type]


def test_transformers_is_quiet_for_a_while(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    logging = transformers.utils.logging
    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    capfd.readouterr()
    with quiet_transformers():
        write_checkpoint(llama(275), tokenizer(), tmp_path)
    assert capfd.readouterr() == ("", "")
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before
