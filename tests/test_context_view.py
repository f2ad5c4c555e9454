"""`geomem context`: what it says of a text, what it saves, draws and merges, and one line for every mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from geomem.cli import main
from geomem.contexts.files import open_contexts

Capture = pytest.CaptureFixture[str]
STORY = "the cat sat on the mat and the cat ran to the mat and the dog sat on the cat . " * 3


@pytest.fixture
def story(tmp_path: Path) -> str:
    file = tmp_path / "story.txt"
    file.write_text(STORY, encoding="utf-8")
    return str(file)


def told(capsys: Capture, *words: str) -> Any:
    assert main(["context", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: Capture, words: list[str], expected: str) -> None:
    assert main(["context", *words]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert expected in shown.err, shown.err
    assert len(shown.err.strip().splitlines()) == 1


def test_a_text_is_described_to_people_and_to_programs(story: str, capsys: Capture):
    data = told(capsys, story, "--context", "1")
    words = STORY.split()
    assert data["samples"] == len(words) - 1
    assert data["contexts"] == data["next_tokens"] == len(set(words))
    assert data["origin"]["texts"][0]["tokens"] == len(words)
    assert data["pairs"][0]["count"] >= 5
    assert (data["saved"], data["drawing"]) == (None, None)
    assert main(["context", story, "--context", "1"]) == 0
    shown = capsys.readouterr()
    assert f"distinct contexts               {len(set(words))}" in shown.out
    assert "strongest PMI" in shown.out
    assert shown.err == ""


@pytest.mark.parametrize("ending", ["svg", "png", "pdf"])
def test_it_is_drawn(story: str, tmp_path: Path, ending: str, capsys: Capture):
    file = tmp_path / f"contexts.{ending}"
    assert told(capsys, story, "--draw", str(file))["drawing"] == str(file)
    assert file.stat().st_size > 1000


def test_saved_counts_are_opened_limited_and_merged(story: str, tmp_path: Path, capsys: Capture):
    first, both = str(tmp_path / "first"), str(tmp_path / "both")
    whole = told(capsys, story, "--context", "2", "--save", first)
    assert whole["saved"] == first
    again = told(capsys, first)
    assert {**again, "saved": first} == whole
    some = told(capsys, first, "--most", "3")
    assert (some["contexts"], some["origin"]["most"]) == (3, 3)
    merged = told(capsys, first, "--merge", first, "--save", both)
    assert merged["samples"] == 2 * whole["samples"]
    assert merged["entropy"] == pytest.approx(whole["entropy"])
    assert open_contexts(Path(both)).matrix.samples == merged["samples"]


def test_every_prefix_of_a_window_is_a_context(story: str, capsys: Capture):
    data = told(capsys, story, "--context", "full", "--window", "4")
    assert (data["length"], data["padded"], data["origin"]["prefixes"]) == (3, True, True)
    words = STORY.split()
    assert data["samples"] == sum(place % 4 != 0 for place in range(len(words)))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--context", "five"], "--context five: expected a number of tokens, or 'full'"),
        (["--context", "0"], "--context 0"),
        (["--context", "400"], "too few for a context of 400"),
        (["--window", "9"], "belongs to the context 'full'"),
        (["--tokenizer", "wrods"], "did you mean 'words'?"),
        (["--tokenizer", "bpe", "--vocabulary", "9"], "at least 257 tokens, got 9"),
        (["--vocabulary", "1"], "at least 3 tokens, got 1"),
        (["--least", "0"], "--least: must be at least 1"),
        (["--least", "500"], "no context occurs 500 times"),
        (["--most", "0"], "--most: must be at least 1"),
        (["--max-tokens", "0"], "max_tokens: at least 1"),
        (["--draw", "picture.bmp"], "picture.bmp: expected a name that ends in"),
        (["--merge", "other"], "--merge adds up saved matrices"),
    ],
)
def test_a_mistake_is_one_line(story: str, words: list[str], expected: str, capsys: Capture):
    refused(capsys, [story, *words], expected)


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("empty.txt", b"", "the text is empty"),
        ("blank.txt", b" \n ", "the text is empty"),
        ("binary.txt", b"a\0b", "a binary file, not text"),
        ("latin.txt", b"caf\xe9 au lait", "not UTF-8"),
        ("short.txt", b"one two", "2 token(s) are too few for a context of 5"),
        ("broken.txt.gz", b"\x1f\x8b\x08oops", "damaged"),
    ],
)
def test_a_bad_text_is_one_line(tmp_path: Path, name: str, data: bytes, expected: str, capsys: Capture):
    (tmp_path / name).write_bytes(data)
    refused(capsys, [str(tmp_path / name)], expected)


def test_places_that_hold_something_else_are_refused(story: str, tmp_path: Path, capsys: Capture):
    refused(capsys, ["novles"], "did you mean 'novels'?")
    refused(capsys, [str(tmp_path)], "is a folder")
    refused(capsys, [story, "--save", str(tmp_path)], "is there already")
    told(capsys, story, "--save", str(tmp_path / "saved"))
    refused(capsys, [str(tmp_path / "saved"), "--context", "3"], "--context belongs to a text")
    refused(capsys, [str(tmp_path / "saved"), "--merge", str(tmp_path / "nowhere")], "holds no context matrix")
    told(capsys, story, "--context", "2", "--save", str(tmp_path / "other"))
    refused(
        capsys, [str(tmp_path / "saved"), "--merge", str(tmp_path / "other")], "the length of their contexts (5 and 2)"
    )
    (tmp_path / "saved" / "contexts.safetensors").write_bytes(b"\x08")
    refused(capsys, [str(tmp_path / "saved")], "cannot be read")


def test_saved_counts_train_a_model(story: str, tmp_path: Path, capsys: Capture):
    saved = str(tmp_path / "saved")
    told(capsys, story, "--context", "2", "--save", saved)
    changes = ["task=contexts", f"task.text={saved}", "model=transformer", "model.width=16", "model.layers=1",
               "model.heads=2", "stages.0.steps=60", "stages.0.optimizer.lr=0.02", "evaluate_every=30"]  # fmt: skip
    words = [word for change in changes for word in ("--set", change)]
    assert main(["train", *words, "--device", "cpu", "--out", str(tmp_path / "runs"), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    metrics, chance = shown["metrics"], shown["chance"]
    assert 0 < metrics["contexts/entropy_gap"] < 0.1 * chance["contexts/entropy_gap"]
    entropy = float(open_contexts(Path(saved)).matrix.entropy())
    assert metrics["contexts/loss"] - metrics["contexts/entropy_gap"] == pytest.approx(entropy)
