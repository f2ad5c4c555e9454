"""The pages of the book as the tests of them see it: code blocks, commands, and parts that a page adds."""

from __future__ import annotations

import importlib
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its title ("" without), and what is in it."""

    language: str
    title: str
    text: str


def pages() -> list[str]:
    return sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))


def read(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def blocks(page: str, language: str = "") -> list[Block]:
    found = [Block(*groups) for groups in _BLOCK.findall(read(page))]
    return [block for block in found if language in ("", block.language)]


def titled(page: str, title: str) -> str:
    """Return the one block of a title that begins like this."""
    (found,) = [block.text for block in blocks(page) if block.title.startswith(title)]
    return found


def commands(page: str) -> list[list[str]]:
    """Return every `geomem ...` line of the shell blocks of a page, split into words, `geomem` left out."""
    lines = [line for block in blocks(page, "bash") for line in block.text.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("geomem ")]


@contextmanager
def added(page: str, room: str, registry: Any, folder: Path) -> Iterator[tuple[str, Any]]:
    """Do what a page says: put its module into a room and its line into the registry. Yields (name, module)."""
    package = importlib.import_module(f"geomem.{room}")
    (block,) = [
        one for one in blocks(page, "python") if one.title.startswith(f"src/geomem/{room}/") and "," not in one.title
    ]
    file = folder / block.title
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(block.text, encoding="utf-8")
    entry: dict[str, tuple[str, str]] = eval("{" + titled(page, "the registry line") + "}", dict(vars(package)))
    ((name, (place, _line)),) = entry.items()
    module = place.partition(":")[0]
    assert module == f"geomem.{room}.{file.stem}"
    kept = list(package.__path__)
    package.__path__.append(str(file.parent))
    registry._entries.update(entry)
    try:
        yield name, importlib.import_module(module)
    finally:
        package.__path__[:] = kept
        del registry._entries[name]
        sys.modules.pop(module, None)
        if hasattr(package, file.stem):
            delattr(package, file.stem)


def run_tests(page: str) -> int:
    """Run the test file that a page shows; return how many tests it holds."""
    (block,) = [one for one in blocks(page, "python") if one.title.startswith("tests/")]
    space: dict[str, Any] = {"__name__": "shown"}
    exec(compile(block.text, block.title, "exec"), space)
    tests = [value for name, value in space.items() if name.startswith("test_")]
    for test in tests:
        test()
    return len(tests)
