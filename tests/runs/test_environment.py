from __future__ import annotations

import importlib.metadata
import platform
import shlex
import sys

import pytest

from geomem.runs import environment as module
from geomem.runs.environment import command, environment, versions


def test_versions_are_those_installed_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    found = versions()
    assert found["python"] == platform.python_version()
    assert found["torch"] == importlib.metadata.version("torch")
    assert found["geomem"] == importlib.metadata.version("geomem")
    monkeypatch.setattr(module, "_PACKAGES", ("torch", "no-such-package"))
    assert set(versions()) == {"python", "torch"}


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["/somewhere/bin/geomem", "list"], "geomem list"),
        (["/somewhere/geomem/cli.py", "graph", "a b.csv"], "geomem graph 'a b.csv'"),
        (["/usr/bin/pytest", "-q"], "/usr/bin/pytest -q"),
    ],
)
def test_the_command_can_be_typed_again(argv: list[str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", argv)
    assert command() == expected
    assert shlex.split(command())[1:] == argv[1:]


def test_the_machine_in_words() -> None:
    found = environment()
    assert set(found) == {"system", "processor", "cores"}
    assert int(found["cores"]) >= 1
    assert platform.system() in found["system"]
    assert found["processor"]
