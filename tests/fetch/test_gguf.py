from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

from geomem.errors import InputError
from geomem.fetch import gguf as ours
from geomem.fetch.gguf import check_reader, convert, read_gguf
from geomem.fetch.llama2c import split_halves
from tests.fetch.samples import byte_letters, llama, tokens

gguf = pytest.importorskip("gguf")
gguf_files = pytest.importorskip("tests.models.gguf_files", reason="writes GGUF with the package gguf")
interleaved, write_gguf = gguf_files.interleaved, gguf_files.write_gguf

WORDS = [*byte_letters(), "ĊĊ", "Ġa", "ab"]


def small() -> LlamaForCausalLM:
    return llama(len(WORDS))


def write(folder: Path, pre: str) -> Path:
    """Write a small model with four-bit matrices and a tokenizer whose digits are split as `pre` says."""
    folder.mkdir(exist_ok=True)
    merges = ["Ċ Ċ", "Ġ a", "a b"]
    return write_gguf(small(), folder / "tiny.gguf", quantise=True, bits="Q4_1", words=WORDS, merges=merges, pre=pre)


def four_bits(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """Return what four bits leave of a tensor, by the package gguf's own arithmetic."""
    if tensor.dim() == 1:
        return tensor
    heads = {"q_proj": 4, "k_proj": 2}.get(name.split(".")[-2], 0)
    array = interleaved(tensor.numpy(), heads) if heads else tensor.numpy()
    kind = gguf.GGMLQuantizationType.Q4_1
    array = gguf.quants.dequantize(gguf.quants.quantize(np.ascontiguousarray(array), kind), kind)
    return torch.from_numpy(split_halves(array, heads) if heads else array)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("gguf"), "smollm")


def test_the_checkpoint_holds_what_the_file_holds(made: Path, tmp_path: Path, capfd: Any) -> None:
    original = small().state_dict()
    state = {name: four_bits(name, tensor) for name, tensor in original.items()}
    capfd.readouterr()
    convert({made.name: made}, tmp_path)
    assert capfd.readouterr() == ("", "")
    config = json.loads((tmp_path / "config.json").read_text())
    assert "quantization_config" not in config
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert {parameter.dtype for parameter in again.parameters()} == {torch.float32}
    for name, tensor in again.state_dict().items():
        assert torch.equal(tensor, state[name]), name
    expected = small()
    expected.load_state_dict(state)
    with torch.no_grad():
        assert torch.equal(again(tokens(len(WORDS))).logits, expected(tokens(len(WORDS))).logits)
    # Four bits are few: the test would notice if the file held the weights themselves.
    assert not torch.equal(state["lm_head.weight"], original["lm_head.weight"])


def split(tokenizer: Any, text: str) -> list[str]:
    return [tokenizer.decode([token]) for token in tokenizer(text)["input_ids"]]


def test_digits_stand_alone_where_the_file_says_so(made: Path, tmp_path: Path) -> None:
    convert({made.name: made}, tmp_path)
    text = "ab\n\n12  3 ab"
    smollm = ["ab", "\n\n", "1", "2", " ", " ", "3", " a", "b"]
    assert split(AutoTokenizer.from_pretrained(tmp_path), text) == smollm
    # In a folder of its own: where there is a tokenizer.json, transformers takes that.
    gpt2 = split(read_gguf(write(tmp_path / "other", "gpt-2"))[1], text)
    # GPT-2's own rule cuts before the last white space, so that the empty line comes apart.
    assert gpt2 == ["ab", "\n", "\n", *smollm[2:]]


@pytest.mark.parametrize("content", [b"", b"GGUF", b"<html>", b"GGUF" + bytes(100)])
def test_what_is_no_gguf(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "bad.gguf"
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"^bad\.gguf: cannot be read as GGUF: ") as caught:
        read_gguf(file)
    assert "\n" not in str(caught.value)


def test_a_cut_file(made: Path, tmp_path: Path) -> None:
    file = tmp_path / "cut.gguf"
    file.write_bytes(made.read_bytes()[:-5000])
    with pytest.raises(InputError, match=r"^cut\.gguf: cannot be read as GGUF: "):
        read_gguf(file)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    check_reader()
    monkeypatch.setattr(ours, "find_spec", lambda _name: None)
    with pytest.raises(InputError, match=r"package gguf, which is missing: pip install 'geomem\[gguf\]'$"):
        check_reader()


def test_the_bar_is_back_afterwards(made: Path) -> None:
    from transformers import modeling_gguf_pytorch_utils as reader

    before = reader.tqdm
    read_gguf(made)
    assert reader.tqdm is before
