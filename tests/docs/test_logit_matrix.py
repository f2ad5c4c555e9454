"""The page on logit matrices: its Python runs from top to bottom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import blocks
from tests.probing import tiny


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    tiny.saved(tiny.gpt2(), tmp_path / "path" / "to" / "model")
    space: dict[str, Any] = {}
    for block in blocks("logit-matrix.md", "python"):
        exec(compile(block.text, "logit-matrix.md", "exec"), space)
    assert space["matrix"].values.shape == (60, 20, 50)
    said = capsys.readouterr().out
    assert said.startswith("PowerLaw(alpha=")
    assert said.count("single-token") == 3
