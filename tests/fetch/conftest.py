"""A cache of the test's own, and a way to register small items."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from geomem.fetch.items import Item
from geomem.fetch.listing import ITEMS
from tests.fetch import samples

Register = Callable[[Item], Item]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("GEOMEM_CACHE", str(folder))
    return folder


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Register:
    """Put an item into the catalogue for the length of a test."""

    def put(item: Item) -> Item:
        name = f"MADE_{item.name}"
        monkeypatch.setattr(samples, name, item, raising=False)
        monkeypatch.setitem(ITEMS._entries, item.name, (f"tests.fetch.samples:{name}", "an item made for a test"))
        return item

    return put


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that stands for pip's whole index."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name, value in (("CONFIG_FILE", "/dev/null"), ("NO_INDEX", "1"), ("FIND_LINKS", str(folder))):
        monkeypatch.setenv(f"PIP_{name}", value)
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_CONSTRAINT"):
        monkeypatch.delenv(name, raising=False)
    return folder
