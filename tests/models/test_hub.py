"""Opening checkpoints: ours, transformers' and bad ones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from geomem.errors import InputError
from geomem.models import MODELS
from geomem.models.hub import open_checkpoint, quiet_progress
from geomem.models.specs import Node2VecSpec

SEQUENCE_KINDS = [kind for kind in MODELS if kind != "node2vec"]


def build(kind: str) -> Any:
    return MODELS.get(kind)(kind=kind, width=16).build(12, 0).eval()  # pyright: ignore


def save(model: Any, folder: Path) -> Path:
    with quiet_progress():
        model.save_pretrained(folder)
    return folder


@pytest.fixture
def gpt2(tmp_path: Path) -> Path:
    return save(build("hf"), tmp_path / "gpt2")


@pytest.mark.parametrize("kind", SEQUENCE_KINDS)
def test_every_kind_reopens_bit_for_bit(kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model = build(kind)
    save(model, tmp_path / "run" / "checkpoint")
    again = open_checkpoint(tmp_path / "run")
    assert type(again) is type(model)
    assert not again.training
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in model.state_dict().items())
    trains = [parameter.requires_grad for parameter in model.parameters()]
    assert [parameter.requires_grad for parameter in again.parameters()] == trains
    ids = torch.tensor([[1, 2, 3]])
    assert torch.equal(model(input_ids=ids).logits, again(input_ids=ids).logits)
    assert "Loading" not in capfd.readouterr().err


def test_opens_in_float32_unless_told_otherwise(gpt2: Path) -> None:
    model = open_checkpoint(gpt2, torch.float64)
    assert next(model.parameters()).dtype == torch.float64
    save(model, gpt2)
    assert next(open_checkpoint(gpt2).parameters()).dtype == torch.float32


def test_a_pickle_is_refused(gpt2: Path) -> None:
    torch.save(load_file(gpt2 / "model.safetensors"), gpt2 / "pytorch_model.bin")
    (gpt2 / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"pytorch_model.bin: is a pickle.*convert it to safetensors"):
        open_checkpoint(gpt2)
    (gpt2 / "pytorch_model.bin").unlink()
    with pytest.raises(InputError, match=r"no model.safetensors"):
        open_checkpoint(gpt2)


def test_places_that_are_no_checkpoint(tmp_path: Path, gpt2: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        open_checkpoint(tmp_path / "nowhere")
    with pytest.raises(InputError, match="is a file"):
        open_checkpoint(gpt2 / "config.json")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no config.json here or in"):
        open_checkpoint(tmp_path / "empty")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{nonsense", "cannot be read as JSON"),
        ("[]", "no 'model_type'"),
        ('{"model_type": "gpt22"}', "unknown model type 'gpt22'; did you mean 'gpt2'"),
        ('{"model_type": "mine-own", "auto_map": {}}', "needs code from the checkpoint, which geomem never runs"),
    ],
)
def test_bad_configurations(gpt2: Path, text: str, message: str) -> None:
    (gpt2 / "config.json").write_text(text)
    with pytest.raises(InputError, match=message):
        open_checkpoint(gpt2)


def test_weights_that_do_not_fill_the_model(gpt2: Path) -> None:
    weights = gpt2 / "model.safetensors"
    tensors = load_file(weights)
    lacking = {name: value for name, value in tensors.items() if "h.1.ln_1.weight" not in name}
    save_file(lacking, weights, metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"lack 1 tensor\(s\) of the model, such as 'transformer.h.1.ln_1.weight'"):
        open_checkpoint(gpt2)
    save_file({name: value[:1] for name, value in tensors.items()}, weights, metadata={"format": "pt"})
    with pytest.raises(InputError, match="cannot be opened"):
        open_checkpoint(gpt2)
    weights.write_bytes(b"not a tensor")
    with pytest.raises(InputError, match="cannot be opened"):
        open_checkpoint(gpt2)


def test_vectors_and_encoders_are_sent_elsewhere(tmp_path: Path, gpt2: Path) -> None:
    Node2VecSpec(width=3).build(4, 0).save_pretrained(tmp_path / "vectors")
    with pytest.raises(InputError, match=r"open it with Node2Vec.from_pretrained"):
        open_checkpoint(tmp_path / "vectors")
    clip = tmp_path / "clip"
    shutil.copytree(gpt2, clip)
    (clip / "config.json").write_text(json.dumps({"model_type": "clip"}))
    with pytest.raises(InputError, match="cannot be opened"):
        open_checkpoint(clip)
