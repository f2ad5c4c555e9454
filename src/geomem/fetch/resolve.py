"""A registered name in place of a path: what exists on the disk wins, and nothing is fetched unasked."""

from __future__ import annotations

from pathlib import Path

from geomem.errors import InputError, nearest, unknown_name
from geomem.fetch.cache import cached
from geomem.fetch.items import Item, Kind
from geomem.fetch.listing import ITEMS


def resolve_model(text: str) -> Path:
    """Return the path `text`, or the folder of the fetched model of that name.

    Raises InputError when there is neither, with what to fetch or the nearest name.
    """
    return Path(text) if exists(text) else _folder(text, "model")


def resolve_text(text: str) -> Path:
    """Return the path `text`, or the file of a fetched text: "wikitext-2", or a part of it, "wikitext-2/train".

    Raises InputError when there is neither, with what to fetch, the parts there are, or the nearest name.
    """
    if exists(text):
        return Path(text)
    name, _, part = text.partition("/")
    folder = _folder(name, "text", text)
    if not part:
        return folder / ITEMS.get(name).main
    file = folder / f"{part.removesuffix('.txt')}.txt"
    parts = sorted(one.stem for one in folder.glob("*.txt"))
    if file.stem not in parts or file.parent != folder:
        raise unknown_name(f"part of {name}", part, parts)
    return file


def fetched_folder(name: str) -> Path:
    """Return the folder of an item. Raises InputError, with the command to type, when it is not in the cache."""
    folder = cached(name)
    if folder is None:
        raise InputError(f"{name}: not fetched yet; run: geomem fetch {name}")
    return folder


def names(kind: Kind) -> list[str]:
    """Return the names of the items of a kind."""
    found: list[Item] = [ITEMS.get(name) for name in ITEMS]
    return [item.name for item in found if item.kind == kind]


def _folder(name: str, kind: Kind, shown: str = "") -> Path:
    known = names(kind)
    if name in known:
        return fetched_folder(name)
    guess = nearest(name, known)
    hint = f"did you mean '{guess}'?" if guess else f"{kind}s that can be fetched: {', '.join(known)}"
    raise InputError(f"{shown or name}: no such file or folder; {hint}")


def exists(text: str | Path) -> bool:
    """Return whether something lies at a path; False for what can be no path, such as a name that is too long."""
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        return False
