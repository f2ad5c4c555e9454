"""`geomem lingen` from its words to what it prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from geomem.cli import main
from geomem.probing.logits import blocks
from tests.probing import tiny

SMALL = ("--histories", "12", "--futures", "4", "--future-tokens", "3", "--columns", "20", "--steps", "3", "--text")
TARGET = ("--target", "She was not at home")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lingen")
    tiny.saved(tiny.gpt2(), folder / "gpt2")
    tiny.saved(tiny.bert(), folder / "bert")
    tiny.saved(tiny.gpt2(), folder / "wordless", words=False)
    tiny.text_file(folder)
    return folder


def words(place: Path, *more: str, model: str = "gpt2") -> list[str]:
    return ["lingen", str(place / model), *SMALL, str(place / "text.txt"), *more]


def test_prints_texts_and_divergences(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words(place, *TARGET, "--json")) == 0
    found: Any = json.loads(capsys.readouterr().out)
    assert [line["name"] for line in found["lines"]] == ["lingen", "single-token", "truncated", "unigram"]
    for line in found["lines"]:
        assert len(line["divergences"]) == len(line["tokens"]) == 3
        assert line["total"] == pytest.approx(sum(line["divergences"]))
        assert all(value >= 0 for value in line["divergences"])
    assert found["histories"] == 12
    assert found["columns"] == 20
    assert 0 < found["residual"] < 1
    assert main(words(place, *TARGET)) == 0
    shown = capsys.readouterr().out
    assert "the model itself" in shown
    assert "from step 2" in shown
    assert main(words(place, *TARGET, "--json")) == 0
    again: Any = json.loads(capsys.readouterr().out)
    assert again["lines"] == found["lines"]


@pytest.mark.parametrize("more", [("--nonsense", "both"), ("--greedy",), ("--temperature", "0.5"), ("--seed", "3")])
def test_options_change_what_comes_out(place: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]) -> None:
    results = []
    for options in ((), more):
        assert main(words(place, *TARGET, "--json", *options)) == 0
        results.append(json.loads(capsys.readouterr().out)["lines"])
    assert results[0] != results[1]


def test_out_keeps_the_matrix_and_is_never_overwritten(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ENTRIES", 4 * 4 * tiny.WIDTH)
    out = ("--out", str(tmp_path / "kept"))
    save, calls = blocks.save_file, []

    def dies(tensors: Any, file: str) -> None:
        calls.append(file)
        if len(calls) == 2:
            raise KeyboardInterrupt
        save(tensors, file)

    monkeypatch.setattr(blocks, "save_file", dies)
    assert main(words(place, *TARGET, *out)) == 130
    assert (tmp_path / "kept" / "matrix" / "states-00000.safetensors").is_file()
    monkeypatch.setattr(blocks, "save_file", save)
    assert main(words(place, *TARGET, *out)) == 0
    kept = json.loads((tmp_path / "kept" / "lingen.json").read_text())
    assert kept["target"] == TARGET[1]
    capsys.readouterr()
    assert main(words(place, *TARGET, *out)) == 2
    assert "holds a finished result" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("model", "more", "line"),
    [
        ("gpt2", (), "--target is missing"),
        ("gpt2", ("--target", "  "), "--target is missing"),
        ("gpt2", ("--target", "word " * 80), "longer than the model's context of 64"),
        ("gpt2", (*TARGET, "--history-tokens", "64"), "longer than the model's context of 64"),
        ("gpt2", (*TARGET, "--steps", "60"), "longer than the model's context of 64"),
        (
            "gpt2",
            (*TARGET, "--history-tokens", "60", "--steps", "6"),
            "60 tokens with 5 more is longer than the model's",
        ),
        ("gpt2", (*TARGET, "--histories", "90000"), "too few for 90000 histories"),
        ("gpt2", (*TARGET, "--futures", "0"), "--futures: must be at least 1"),
        ("gpt2", (*TARGET, "--ridge", "-1"), "--ridge: must be 0 or more"),
        ("gpt2", (*TARGET, "--temperature", "0"), "--temperature: must be above 0"),
        ("gpt2", (*TARGET, "--greedy", "--temperature", "2"), "either --greedy or --temperature"),
        ("gpt2", (*TARGET, "--nonsense", "all"), "nonsense"),
        ("bert", TARGET, "fills in masked tokens"),
        ("wordless", TARGET, "no tokenizer here"),
        ("nowhere", TARGET, "no such file or folder"),
    ],
)
def test_bad_input_is_one_line(
    place: Path, capsys: pytest.CaptureFixture[str], model: str, more: tuple[str, ...], line: str
) -> None:
    assert main(words(place, *more, model=model)) == 2
    told = capsys.readouterr()
    assert line in told.err
    assert len(told.err.strip().splitlines()) == 1
    assert told.out == ""


def test_a_context_is_used_to_its_last_token(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Futures and written tokens do not stand behind one another: 61 tokens leave room for 3 of either."""
    options = ("--history-tokens", "61", "--future-tokens", "3", "--steps", "4")
    assert main(words(place, *TARGET, *options)) == 0
    assert "61 tokens" in capsys.readouterr().out
    assert main(words(place, *TARGET, *options[:-1], "5")) == 2


def test_text_of_every_alphabet(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = "Ж\u0301 漢字 [bold]🦜[/] \u200fשלום\u200e"
    assert main(words(place, "--target", target, "--json")) == 0
    found: Any = json.loads(capsys.readouterr().out)
    assert found["target"] == target
    assert main(words(place, "--target", target)) == 0
    assert "[bold]🦜[/]" in capsys.readouterr().out


def test_a_place_that_cannot_be_written_is_one_line(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("here")
    assert main(words(place, *TARGET, "--out", str(tmp_path / "file"))) == 2
    told = capsys.readouterr().err
    assert "a part of the path is a file" in told
    assert len(told.strip().splitlines()) == 1


def test_a_tokenizer_larger_than_the_model(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from geomem.texts.bpe import train_bpe

    train_bpe([tiny.sentences()], 400).save_pretrained(tmp_path / "words")
    assert main(words(place, *TARGET, "--tokenizer", str(tmp_path / "words"))) == 2
    assert "the model's vocabulary only 300" in capsys.readouterr().err
