"""`geomem probe` at the door: options, one-line errors with exit code 2, JSON for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from geomem.cli import main
from tests.probing import tiny


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("models")
    tiny.saved(tiny.gpt2(), found / "m")
    tiny.text_file(found)
    return found


def _fails(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1, error
    assert error[0].startswith("geomem: ")
    assert said in error[0]


def test_a_probe_prints_what_is_unusual_and_where_the_page_is(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = "--max-tokens 256 --batch-tokens 128 --context 32 --measure spectrum --measure lens --no-controls"
    words = ["probe", str(folder / "m"), "--text", str(folder / "text.txt"), *options.split(), "--out", str(tmp_path)]
    assert main([*words, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert Path(data["report"]).is_file()
    assert "3 blocks of width 16" in data["finding"]
    assert any(row["metric"] == "spectrum/rankme" for row in data["measurements"])
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "RankMe" in shown
    assert "report.html" in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["probe"], "which model? for example: geomem probe path/to/model --text book.txt"),
        (["probe", "MODEL"], "--text FILE is missing"),
        (["probe", "MODEL", "--series", "x-*", "--text", "TEXT"], "give either models or --series, not both"),
        (["probe", "--series", "no-such-*", "--text", "TEXT"], "no folder matches; quote the pattern"),
        (["probe", "MODEL", "--text", "TEXT", "--measure", "spektrum"], "did you mean 'spectrum'?"),
        (["probe", "MODEL", "--text", "TEXT", "--layers", "a,b"], "--layers a,b: expected numbers with commas"),
        (["probe", "MODEL", "--text", "TEXT", "--context", "4"], "context: must be at least 8 tokens, got 4"),
        (["probe", "MODEL", "--text", "TEXT", "--templates", "x"], "--templates needs --graph"),
        (["probe", "MODEL", "--text", "TEXT", "--graph", "countrys"], "did you mean 'countries'?"),
        (["probe", "MODEL", "--text", "TEXT", "--tokenizer", "nowhere"], "nowhere"),
        (["probe", "MODEL", "--text", "TEXT", "--contexts", "nowhere"], "nowhere: holds no context matrix"),
        (["probe", "MODEL", "--text", "TEXT", "--measure", "contexts"], "needs the folder of a context matrix"),
        (["probe", "MODEL", "--text", "TEXT", "--contexts", "x", "--measure", "lens"], "add --measure contexts"),
        (["probe", "MODEL", "--text", "TEXT", "--workers", "0"], "workers: input should be greater than or equal to 1"),
        (["probe", "MODEL", "--text", "TEXT", "--device", "cuda"], "torch sees no CUDA device here"),
        (["probe", "smollm2-135m-instrukt", "--text", "TEXT"], "did you mean 'smollm2-135m-instruct'?"),
        (["probe", "--resume", "nowhere"], "no such run directory: nowhere"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(
    folder: Path, tmp_path: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    if "cuda" in words and torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    known = {"MODEL": str(folder / "m"), "TEXT": str(folder / "text.txt")}
    _fails([*(known.get(word, word) for word in words), "--out", str(tmp_path / "runs")], said, capsys)
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())


def test_a_pickle_checkpoint_is_refused(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "config.json").write_text((folder / "m" / "config.json").read_text())
    (bad / "pytorch_model.bin").write_bytes(b"\x80\x04")
    _fails(["probe", str(bad), "--text", str(folder / "text.txt"), "--out", str(tmp_path / "r")], "is a pickle", capsys)


def test_counts_of_other_tokens_are_refused_before_anything_is_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["context", str(folder / "text.txt"), "--context", "1", "--save", str(tmp_path / "words")]) == 0
    capsys.readouterr()
    words = ["probe", str(folder / "m"), "--text", str(folder / "text.txt"), "--out", str(tmp_path / "runs")]
    remedy = f"geomem context FILE --tokenizer {folder / 'm'} --save DIR"
    _fails([*words, "--contexts", str(tmp_path / "words")], remedy, capsys)
    assert not (tmp_path / "runs").exists()
