from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest

from geomem.console import progress, show


class Result:
    def __init__(self, data: Any) -> None:
        self._data = data

    def data(self) -> Any:
        return self._data

    def renderables(self) -> list[Any]:
        return ["first", "second [b]bold[/b]"]


def test_people_get_lines(capsys: pytest.CaptureFixture[str]) -> None:
    show(Result({"a": 1}), as_json=False)
    assert capsys.readouterr().out.splitlines() == ["first", "second bold"]


def test_a_path_is_never_broken_in_two_for_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    class Path(Result):
        def renderables(self) -> list[Any]:
            return [f"[cyan]here[/]  {self._data}"]

    path = "/folder" * 30
    show(Path(path), as_json=False)
    assert capsys.readouterr().out == f"here  {path}\n"


def test_programs_get_json(capsys: pytest.CaptureFixture[str]) -> None:
    from pathlib import Path

    show(Result({"a": 1, "path": Path("x"), "name": "Köln"}), as_json=True)
    out = capsys.readouterr().out
    assert json.loads(out) == {"a": 1, "path": "x", "name": "Köln"}
    assert "Köln" in out


def test_json_never_holds_what_json_has_not(capsys: pytest.CaptureFixture[str]) -> None:
    show(Result({"a": float("nan"), "b": [1.5, float("inf")], "c": {"d": (2, float("-inf"))}}), as_json=True)
    assert json.loads(capsys.readouterr().out, parse_constant=str) == {
        "a": None,
        "b": [1.5, None],
        "c": {"d": [2, None]},
    }


def test_only_the_first_process_speaks(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    show(Result({}), as_json=False)
    show(Result({}), as_json=True)
    progress().print("progress")
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("RANK", "0")
    progress().print("progress")
    assert capsys.readouterr() == ("", "progress\n")


def test_a_reader_that_has_gone_is_told_to_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Closed())
    for as_json in (True, False):
        with pytest.raises(BrokenPipeError):
            show(Result({"a": 1}), as_json=as_json)
