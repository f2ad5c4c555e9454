"""Opening GGUF files through transformers' reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from geomem.errors import InputError
from geomem.models.adapters import adapt
from geomem.models.hub import open_checkpoint
from tests.models.adapters.checkpoints import build, tokens
from tests.models.gguf_files import write_gguf


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=tokens()).logits


@pytest.fixture(scope="module")
def llama() -> Any:
    return build("llama")


def test_logits_are_those_of_the_source(llama: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = write_gguf(llama, tmp_path / "tiny.gguf")
    for place in (file, tmp_path):
        model = open_checkpoint(place)
        assert not model.training
        assert torch.allclose(logits(model), logits(llama), rtol=1e-5, atol=1e-6)
    assert adapt(model).missing == ()
    assert "Loading" not in capfd.readouterr().err


def test_rotary_rows_are_put_in_order(llama: Any, tmp_path: Path) -> None:
    model = open_checkpoint(write_gguf(llama, tmp_path / "tiny.gguf", permute=False))
    assert not torch.allclose(logits(model), logits(llama), rtol=1e-2, atol=1e-2)


def test_quantised_weights_are_expanded(llama: Any, tmp_path: Path) -> None:
    model = open_checkpoint(write_gguf(llama, tmp_path / "tiny.gguf", quantise=True))
    adapter = adapt(model)
    assert adapter.unembedding is not None
    assert adapter.unembedding.shape == adapter.embedding.shape == (50, 32)
    assert adapter.unembedding.dtype == torch.float32
    error = (logits(model) - logits(llama)).abs().max() / logits(llama).abs().max()
    assert 0 < error < 0.03


def test_a_model_from_gguf_cannot_be_saved_so_it_is_converted_elsewhere(llama: Any, tmp_path: Path) -> None:
    model = open_checkpoint(write_gguf(llama, tmp_path / "tiny.gguf"))
    with pytest.raises(ValueError, match="not serializable"):  # trap 3 of transformers
        model.save_pretrained(tmp_path / "copy")


def test_files_that_cannot_be_opened(llama: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = write_gguf(llama, tmp_path / "lacking.gguf", without="blk.1.ffn_up.weight")
    with pytest.raises(InputError, match=r"lack 1 tensor\(s\) of the model, such as 'model.layers.1.mlp.up_proj"):
        open_checkpoint(lacking)
    (tmp_path / "none.gguf").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match=r"none.gguf: cannot be read as GGUF"):
        open_checkpoint(tmp_path / "none.gguf")
    monkeypatch.setattr("geomem.fetch.gguf.find_spec", lambda _name: None)
    with pytest.raises(InputError, match=r"the package gguf, which is missing: pip install 'geomem\[gguf\]'"):
        open_checkpoint(lacking)
