from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel, GPT2Model

from geomem.errors import InputError
from geomem.studies.checkpoints import Snapshot, open_adapter, snapshots, window_batches
from geomem.studies.language_model import Subject
from geomem.texts.windows import cut_windows
from geomem.training.work import Work

WORK = Work(function="x:y", device="cpu")
GPT2 = GPT2Config(vocab_size=20, n_positions=8, n_embd=8, n_layer=1, n_head=1)


def test_a_series_takes_the_place_of_its_end() -> None:
    steps = ((0, Path("a")), (7, Path("b")))
    assert snapshots(Subject(Path("end"), steps)) == [Snapshot(0, Path("a")), Snapshot(7, Path("b"))]
    assert snapshots(Subject(Path("end"))) == [Snapshot(None, Path("end"))]


def test_a_causal_model_is_opened_ready_to_evaluate(tmp_path: Path) -> None:
    GPT2LMHeadModel(GPT2).train().save_pretrained(tmp_path)
    adapter = open_adapter(tmp_path, WORK)
    assert not adapter.model.training
    assert adapter.logits(adapter.run(torch.zeros(1, 3, dtype=torch.int64))).shape == (1, 3, 20)


def test_what_predicts_no_next_token_is_refused(tmp_path: Path) -> None:
    GPT2Model(GPT2).save_pretrained(tmp_path / "bare")
    masked = BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    BertForMaskedLM(masked).save_pretrained(tmp_path / "masked")
    for name in ("bare", "masked"):
        with pytest.raises(InputError, match=f"{name}: the study needs a causal language model with its output layer"):
            open_adapter(tmp_path / name, WORK)


def test_windows_come_in_batches_of_a_bounded_size() -> None:
    windows = cut_windows(torch.arange(40, dtype=torch.int32), 4)
    index = torch.tensor([0, 3, 4, 7, 9])
    found = list(window_batches(windows, index, 9))
    assert [len(batch) for _, batch in found] == [2, 2, 1]
    assert torch.equal(torch.cat([batch for _, batch in found]), windows.batch(index))
    assert torch.equal(torch.cat([index[part] for part, _ in found]), index)
