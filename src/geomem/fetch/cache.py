"""Where fetched items are kept, and what lies beside each: the record of where it came from."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import ValidationError

from geomem.errors import InputError
from geomem.fetch.items import Item
from geomem.fetch.listing import ITEMS
from geomem.runs.atomic import Remedy
from geomem.spec import Spec

SOURCE = "geomem-source.json"

REMEDY = Remedy("fetch again", "set GEOMEM_CACHE to another folder")


class Source(Spec):
    """The record beside a fetched item.

    members: sha256 of each file taken out of the package. files: bytes of each file made from them.
    weights: what a report has to say about the numbers in a model. perplexity: as measured after the conversion.
    """

    name: str
    kind: str
    licence: str
    manager: str
    package: str
    version: str
    recipe: int
    members: dict[str, str]
    files: dict[str, int]
    weights: str = ""
    passage: str = ""
    perplexity: float | None = None


def cache_folder() -> Path:
    """Return $GEOMEM_CACHE, else $XDG_CACHE_HOME/geomem, else ~/.cache/geomem. It need not exist yet."""
    if chosen := os.environ.get("GEOMEM_CACHE"):
        return Path(chosen)
    shared = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(shared):
        return Path(shared) / "geomem"
    try:
        return Path.home() / ".cache" / "geomem"
    except RuntimeError:
        raise InputError("there is no home folder to keep fetched items in; set GEOMEM_CACHE to a folder") from None


def place(item: Item) -> Path:
    """Return the folder of an item in the cache, which need not exist yet."""
    return cache_folder() / f"{item.kind}s" / item.name


def cached(name: str) -> Path | None:
    """Return the folder of a fetched item, or None when it is not there, not whole, or of an older recipe.

    Never uses the network, and opens nothing but the record. Raises InputError for an unknown name.
    """
    item = ITEMS.get(name)
    folder = place(item)
    source = read_source(folder)
    if source is None or (source.recipe, source.members) != (item.recipe, hashes(item)):
        return None
    whole = all(_size(folder / file) == size for file, size in source.files.items())
    return folder if whole else None


def hashes(item: Item) -> dict[str, str]:
    """Return the sha256 of each file that an item takes out of its package."""
    return {member.path: member.sha256 for member in item.members}


def read_source(folder: Path) -> Source | None:
    """Return the record beside a fetched item, or None where there is none: a folder that was not fetched."""
    try:
        return Source.model_validate_json((folder / SOURCE).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return -1
