from __future__ import annotations

import math
from collections import Counter
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from geomem.batch import IGNORE, Batch
from geomem.tasks import TASKS
from geomem.tasks.cloze import ClozeTask, cloze_places
from geomem.tasks.specs import ClozeSpec, TextSpec
from tests.texts.samples import pages, small_bpe

CONTEXT, SIZE = 16, 300


class Fixed(nn.Module):
    """A model with the same logits (V,) everywhere."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, input_ids: Tensor) -> SimpleNamespace:
        return SimpleNamespace(logits=self.logits.expand(*input_ids.shape, -1))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "pages.txt"
    path.write_text(pages()[:20_000], encoding="utf-8")
    return path


def build(file: Path, seed: int = 0, **changes: Any) -> ClozeTask:
    return ClozeSpec(text=str(file), context=CONTEXT, **{"vocabulary": SIZE, **changes}).build(seed)


def test_the_text_is_that_of_the_task_text_and_has_a_mask(file: Path) -> None:
    task, plain = build(file), TextSpec(text=str(file), context=CONTEXT, vocabulary=SIZE).build(0)
    assert task.mask == SIZE == plain.vocabulary.size == task.vocabulary.size - 1
    for split in ("train", "held_out"):
        found, expected = task.streams(split)["text"].full(), plain.streams(split)["text"].full()
        assert isinstance(found, Batch)
        assert torch.equal(found.tokens, expected.tokens)
    assert task.alphabet().filler == SIZE


def test_a_share_of_each_window_is_asked_and_always_the_same(file: Path) -> None:
    batch = build(file, share=0.2).held_out()
    asked = batch.labels != IGNORE
    assert (asked.sum(1) == 3).all()
    assert not asked[:, 0].any()
    assert torch.equal(batch.tokens == SIZE, asked)
    assert torch.equal(build(file, 4, share=0.2).held_out().tokens, batch.tokens)
    assert cloze_places(5, 4, 0.01).sum() == 5
    assert not torch.equal(cloze_places(50, 9, 0.3), cloze_places(50, 9, 0.3, seed=1))


def test_a_uniform_model_scores_log_v_and_a_unigram_scores_chance(file: Path) -> None:
    task = build(file, score_tokens=None)
    assert task.uniform_loss == pytest.approx(math.log(SIZE + 1))
    assert task.score(Fixed(torch.zeros(SIZE + 1)))["cloze/held_out/loss"] == pytest.approx(task.uniform_loss, rel=1e-5)
    counts = Counter(task.streams()["text"].full().tokens[:, 1:].flatten().tolist())
    logits = torch.tensor([counts[token] + 1 for token in range(SIZE + 1)]).log()
    assert task.score(Fixed(logits)) == pytest.approx(task.chance, rel=1e-5)
    assert next(iter(task.chance)) == "cloze/held_out/accuracy", "the headline is the first"


def test_a_model_that_knows_the_text_finds_every_token(file: Path) -> None:
    task = build(file)
    batch = task.held_out()
    answers = {tuple(row): true for row, true in zip(
        batch.tokens.tolist(), task.windows["held_out"].batch(task.scored), strict=True)}  # fmt: skip

    class Knows(nn.Module):
        def forward(self, input_ids: Tensor) -> SimpleNamespace:
            true = torch.stack([answers[tuple(row)] for row in input_ids.tolist()])
            return SimpleNamespace(logits=30.0 * nn.functional.one_hot(true, SIZE + 1))

    assert task.score(Knows()) == pytest.approx({"cloze/held_out/accuracy": 1.0, "cloze/held_out/loss": 0.0}, abs=1e-6)
    assert task.score(Knows(), parts=["edges"]) == {}


def test_a_tokenizer_with_a_mask_keeps_it(file: Path, tmp_path: Path) -> None:
    tokenizer = deepcopy(small_bpe(400))
    tokenizer.add_special_tokens({"mask_token": "[HOLE]"})
    tokenizer.save_pretrained(tmp_path / "own")
    task = build(file, tokenizer=str(tmp_path / "own"))
    assert (task.mask, task.vocabulary.size) == (400, 401)
    assert task.vocabulary.name(400) == "[HOLE]"


def test_it_is_registered() -> None:
    assert TASKS.get("cloze") is ClozeSpec
