"""Opening checkpoints: ours, transformers' and bad ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from huggingface_hub.utils import filter_repo_objects
from safetensors.torch import load_file, save_file

from geomem.errors import InputError
from geomem.models import MODELS, weights
from geomem.models.hub import download_checkpoint, open_checkpoint
from geomem.models.specs import Node2VecSpec
from tests.models.adapters.checkpoints import CAUSAL, MASKED, bare_bert, save, tokens
from tests.models.adapters.checkpoints import build as build_family

SEQUENCE_KINDS = [kind for kind in MODELS if getattr(MODELS.get(kind), "sequence", True)]


def build(kind: str) -> Any:
    return MODELS.get(kind)(kind=kind, width=16).build(12, 0).eval()  # pyright: ignore


def hub_error(kind: type[HfHubHTTPError]) -> HfHubHTTPError:
    return kind.__new__(kind, "refused")


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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{nonsense", "cannot be read as JSON"),
        ("[]", "no 'model_type'"),
        ('{"model_type": "gpt22"}', "unknown model type 'gpt22'; did you mean 'gpt2'"),
        ('{"model_type": "mine-own", "auto_map": {}}', "needs code from the checkpoint, which geomem never runs"),
        ('{"model_type": "t5"}', "'t5' is not a causal or masked language model"),
        ('{"model_type": "clip"}', "'clip' is not a causal or masked language model"),
        ('{"model_type": "bart"}', "'bart' is not a causal or masked language model"),
        ('{"model_type": "gpt2", "n_layer": "many"}', "config.json: cannot be opened: .*n_layer"),
        ('{"model_type": "gpt2", "transformers_weights": "adapter_model.bin"}', "names a weight file of its own"),
        ('{"model_type": "gpt2", "quantization_config": {"quant_method": "gptq", "bits": 4}}', "cannot be opened"),
    ],
)
def test_bad_configurations(gpt2: Path, text: str, message: str) -> None:
    (gpt2 / "config.json").write_text(text)
    with pytest.raises(InputError, match=message):
        open_checkpoint(gpt2)


def test_weights_that_do_not_fill_the_model(gpt2: Path) -> None:
    place = gpt2 / "model.safetensors"
    tensors = load_file(place)
    lacking = {name: value for name, value in tensors.items() if "h.1.ln_1.weight" not in name}
    save_file(lacking, place, metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"lack 1 tensor\(s\) of the model, such as 'transformer.h.1.ln_1.weight'"):
        open_checkpoint(gpt2)
    save_file({name: value[:1] for name, value in tensors.items()}, place, metadata={"format": "pt"})
    with pytest.raises(InputError, match="cannot be opened"):
        open_checkpoint(gpt2)


def test_vectors_and_peft_adapters_are_sent_elsewhere(tmp_path: Path, gpt2: Path) -> None:
    Node2VecSpec(width=3).build(4, 0).save_pretrained(tmp_path / "vectors")
    with pytest.raises(InputError, match=r"open it with Node2Vec.from_pretrained"):
        open_checkpoint(tmp_path / "vectors")
    (gpt2 / "adapter_config.json").write_text("{}")
    with pytest.raises(InputError, match="holds a PEFT adapter; merge it into its model"):
        open_checkpoint(gpt2)


@pytest.mark.parametrize("name", [*CAUSAL, *MASKED])
def test_every_family_reopens_bit_for_bit(name: str, tmp_path: Path) -> None:
    model = build_family(name)
    again = open_checkpoint(save(model, tmp_path))
    assert type(again) is type(model)
    with torch.no_grad():
        assert torch.equal(again(input_ids=tokens()).logits, model(input_ids=tokens()).logits)


def edit_config(folder: Path, **changes: Any) -> None:
    place = folder / "config.json"
    config = json.loads(place.read_text())
    config.update(changes)
    place.write_text(json.dumps({key: value for key, value in config.items() if value is not None}))


@pytest.mark.parametrize(
    ("name", "architectures", "expected"),
    [
        ("gpt2", None, "GPT2LMHeadModel"),
        ("gpt2", ["GPT2Model"], "GPT2Model"),
        ("gpt2", ["GPT2ForSequenceClassification"], "GPT2Model"),
        ("bert", None, "BertForMaskedLM"),
        ("bert", ["BertForPreTraining"], "BertForMaskedLM"),
        ("bert", ["BertForTokenClassification"], "BertModel"),
        ("bert", ["BertLMHeadModel"], "BertLMHeadModel"),
    ],
)
def test_the_head_that_was_saved_decides_what_is_opened(
    name: str, architectures: list[str] | None, expected: str, tmp_path: Path
) -> None:
    save(build_family(name), tmp_path)
    edit_config(tmp_path, architectures=architectures, is_decoder=True if expected == "BertLMHeadModel" else None)
    assert type(open_checkpoint(tmp_path)).__name__ == expected


def test_a_bare_encoder_is_not_given_a_random_head(tmp_path: Path) -> None:
    model = open_checkpoint(bare_bert(tmp_path))
    assert type(model).__name__ == "BertModel"
    edit_config(tmp_path, architectures=["BertForMaskedLM"])
    with pytest.raises(InputError, match=r"the weights lack \d+ tensor\(s\) of the model, such as 'cls"):
        open_checkpoint(tmp_path)


def test_shards(tmp_path: Path) -> None:
    model = build_family("llama")
    save(model, tmp_path, max_shard_size="20KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    assert not (tmp_path / "model.safetensors").exists()
    again = open_checkpoint(tmp_path)
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in model.state_dict().items())


def test_a_run_is_known_by_its_folder_and_by_its_steps(tmp_path: Path) -> None:
    for step in (9, 10):
        save(build_family("gpt2"), tmp_path / "checkpoints" / f"step-{step}")
    assert open_checkpoint(tmp_path).config._name_or_path.endswith("step-10")
    assert open_checkpoint(tmp_path / "checkpoints" / "step-9").config._name_or_path.endswith("step-9")


def test_an_entry_of_the_hugging_face_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = tmp_path / "models--some--model"
    save(build_family("gpt2"), entry / "snapshots" / "abc")
    (entry / "refs").mkdir()
    (entry / "refs" / "main").write_text("abc")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    for place in (entry, entry / "snapshots" / "abc", "some/model"):
        assert type(open_checkpoint(place)).__name__ == "GPT2LMHeadModel"


def test_weights_that_do_not_fit_in_memory(gpt2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = sum(value.numel() for value in load_file(gpt2 / "model.safetensors").values())
    monkeypatch.setattr(weights, "free_memory", lambda: 4 * count - 1)
    with pytest.raises(InputError, match=r"out of memory: 0.0 GB in float32, and 0.0 GB are free"):
        open_checkpoint(gpt2)
    assert open_checkpoint(gpt2, torch.float16).dtype == torch.float16
    monkeypatch.setattr(weights, "free_memory", lambda: None)
    open_checkpoint(gpt2)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
        torch.OutOfMemoryError("out of memory"),
    ],
)
def test_memory_that_runs_out_while_opening(error: Exception, gpt2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any, **_options: Any) -> None:
        raise error

    monkeypatch.setattr("transformers.GPT2LMHeadModel.from_pretrained", fail)
    with pytest.raises(InputError, match=f"{gpt2}: out of memory while opening it"):
        open_checkpoint(gpt2)


def test_what_a_download_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def fake(model: str, **options: Any) -> str:
        asked.update(options, model=model)
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fake)
    assert download_checkpoint("org/name") == tmp_path
    assert asked["model"] == "org/name"
    offered = ["config.json", "model.safetensors", "weights.bin", "code.py", "tokenizer.model", "onnx/config.json"]
    chosen = filter_repo_objects(
        offered, allow_patterns=asked["allow_patterns"], ignore_patterns=asked["ignore_patterns"]
    )
    assert list(chosen) == ["config.json", "model.safetensors", "tokenizer.model"]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (LocalEntryNotFoundError("no network\nhere"), "org/name: cannot be downloaded: no network here"),
        (OfflineModeIsEnabled("offline mode is on"), "cannot be downloaded: offline mode is on"),
        (OSError("disk full"), "cannot be downloaded: disk full"),
        (hub_error(RepositoryNotFoundError), "the hub has no such model, or it is private"),
        (hub_error(GatedRepoError), "its owners ask for consent on the hub"),
    ],
)
def test_downloads_that_fail(error: Exception, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any, **_options: Any) -> None:
        raise error

    monkeypatch.setattr("huggingface_hub.snapshot_download", fail)
    with pytest.raises(InputError, match=message):
        download_checkpoint("org/name")


def test_only_ids_are_downloaded() -> None:
    with pytest.raises(InputError, match=r"'../../etc' is no hub id"):
        download_checkpoint("../../etc")
