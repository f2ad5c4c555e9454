"""The study at smoke scale, with a tiny model to tell sums to, run once for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from geomem.runs.directory import Run
from geomem.studies.evidence import Evidence
from tests.studies.small_runs import evidence_of, run_smoke
from tests.texts.samples import small_bpe


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with its tokenizer."""
    folder = tmp_path_factory.mktemp("tiny") / "model"
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=300, n_embd=8, n_layer=1, n_head=1, n_positions=32, bos_token_id=0, eos_token_id=0)
    GPT2LMHeadModel(config).save_pretrained(folder)
    small_bpe().save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def joint_run(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Run:
    """Every experiment. Read it; do not change it."""
    return run_smoke("joint-vs-conditional", tmp_path_factory.mktemp("joint"), f"model={tiny_model}")


@pytest.fixture(scope="session")
def joint_evidence(joint_run: Run) -> dict[str, Evidence]:
    return evidence_of(joint_run)
