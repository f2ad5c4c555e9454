from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from geomem.batch import Batch
from geomem.errors import InputError
from geomem.tasks import TASKS
from geomem.tasks.specs import TextSpec
from geomem.tasks.text import TextTask
from tests.contract.checks import Table, Uniform
from tests.texts.samples import pages, small_bpe

CONTEXT = 8


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "pages.txt"
    path.write_text(pages()[:20_000], encoding="utf-8")
    return path


def build(file: Path, seed: int = 0, **changes: Any) -> TextTask:
    return TextSpec(text=str(file), context=CONTEXT, **{"vocabulary": 300, **changes}).build(seed)


def test_windows_are_the_text_and_the_end_is_held_out(file: Path) -> None:
    task = build(file)
    train = task.streams("train")["text"].full()
    held_out = task.streams("held_out")["text"].full()
    assert isinstance(train, Batch)
    assert isinstance(held_out, Batch)
    assert train.tokens.shape[1] == held_out.tokens.shape[1] == CONTEXT
    assert torch.equal(train.labels, train.tokens)
    text, decode = file.read_text(), task.tokenizer.decode
    seen, kept = decode(train.tokens.flatten()), decode(held_out.tokens.flatten())
    assert seen in text[:18_000]
    assert len(seen) > 17_900
    assert text[18_000:].startswith(kept)
    assert len(kept) > 1900


def test_the_tokenizer_has_not_seen_the_held_out_part(file: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.txt"
    changed.write_text(file.read_text()[:18_000] + "qzqz" * 500)
    assert build(file).tokenizer("Emma qzqz")["input_ids"] == build(changed).tokenizer("Emma qzqz")["input_ids"]


def test_the_seed_decides_where_the_first_window_begins_and_nothing_else(file: Path) -> None:
    tasks = [build(file, seed) for seed in range(6)]
    firsts = [task.windows["train"].first for task in tasks]
    assert len(set(firsts)) > 2
    assert all(0 <= first < CONTEXT for first in firsts)
    assert all(torch.equal(task.windows["train"].tokens, tasks[0].windows["train"].tokens) for task in tasks)
    assert {task.windows["held_out"].first for task in tasks} == {0}


def test_a_uniform_model_scores_log_v_and_a_unigram_scores_chance(file: Path) -> None:
    task = build(file, score_tokens=None)
    assert task.uniform_loss == pytest.approx(math.log(300))
    assert task.score(Uniform(300))["text/held_out/loss"] == pytest.approx(math.log(300), rel=1e-5)
    counts = Counter(task.streams()["text"].full().tokens[:, 1:].flatten().tolist())
    logits = torch.tensor([counts[token] + 1 for token in range(300)]).log()
    scores = task.score(Table(logits.expand(300, 300)))
    assert scores == pytest.approx(task.chance, rel=1e-5)
    assert list(task.chance) == ["text/held_out/accuracy", "text/held_out/loss"], "the headline is the first"
    assert task.chance["text/held_out/loss"] < task.uniform_loss


def test_scores_are_those_of_all_positions_at_once(file: Path) -> None:
    task = build(file, score_tokens=None)
    table = Table(torch.randn(300, 300, generator=torch.Generator().manual_seed(0)))
    tokens = task.streams("held_out")["text"].full().tokens
    logits, true = table.rows.detach()[tokens[:, :-1]].double(), tokens[:, 1:]
    expected = -logits.log_softmax(-1).gather(-1, true[..., None]).mean()
    scores = task.score(table)
    assert scores["text/held_out/loss"] == pytest.approx(float(expected), rel=1e-6)
    assert scores["text/held_out/accuracy"] == float((logits.argmax(-1) == true).double().mean())
    assert task.score(table, parts=["edges"]) == {}


def test_scoring_a_part_takes_windows_from_all_over(file: Path) -> None:
    task = build(file, score_tokens=40)
    table = Table(torch.randn(300, 300, generator=torch.Generator().manual_seed(0)))
    assert task.scored.shape == (5,)
    assert task.score(table) != build(file, score_tokens=None).score(table)


def test_a_tokenizer_of_the_users_own(file: Path, tmp_path: Path) -> None:
    small_bpe(400).save_pretrained(tmp_path / "own")
    task = build(file, tokenizer=str(tmp_path / "own"))
    assert task.vocabulary.size == 400
    text = file.read_text()
    assert task.windows["train"].tokens.tolist() == small_bpe(400)(text[:18_000])["input_ids"]
    assert "".join(task.vocabulary.names(small_bpe(400)("Emma\n")["input_ids"])) == "Emma\n"


def test_windows_begin_as_the_tokenizer_wants(file: Path, tmp_path: Path) -> None:
    from tests.texts.test_tokens import with_start

    with_start("[S]", bos_token="[S]", unk_token="[X]").save_pretrained(tmp_path / "own")
    tokens = build(file, tokenizer=str(tmp_path / "own")).streams()["text"].full().tokens
    assert tokens[:, 0].tolist() == [2] * len(tokens)
    assert 2 not in tokens[:, 1:]


def test_streams_move(file: Path) -> None:
    stream = build(file).streams()["text"]
    assert torch.equal(stream.to("cpu").batch(torch.tensor([1])).tokens, stream.batch(torch.tensor([1])).tokens)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"text": "novls"}, "novls: no such text; did you mean 'novels'?"),
        ({"tokenizer": "nowhere"}, "nowhere: no such folder to take a tokenizer from"),
        ({"vocabulary": 100_000}, "vocabulary: the text is too short for 100000 tokens"),
        (
            {"context": 5000},
            r"held-out part: the text has \d+ tokens, fewer than one window of 5000; a --context of \d+",
        ),
        ({"context": 50_000}, "train part: the text has"),
    ],
)
def test_mistakes_are_one_clear_line(file: Path, changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint) as caught:
        TextSpec(**{"text": str(file), "vocabulary": 300, "context": CONTEXT, **changes}).build(0)
    assert "\n" not in str(caught.value)


def test_it_is_registered() -> None:
    assert TASKS.get("text") is TextSpec
