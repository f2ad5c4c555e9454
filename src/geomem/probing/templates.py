"""Sentences in which names stand, and where in their tokens a name ends."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from geomem.errors import InputError
from geomem.graphs.reading import decode, read_bytes

PLACE = "{name}"
_COMMENT = "#"


def read_templates(path: Path) -> tuple[str, ...]:
    """Read a file with one sentence a line, each with one {name}; empty lines and lines from '#' are passed over.

    Raises InputError when the file cannot be read, holds no sentence, or a line has not exactly one {name}.
    """
    return _parse(decode(read_bytes(path), str(path)), str(path))


def shipped_templates(graph_kind: str) -> tuple[str, ...]:
    """Return the sentences that come with geomem: those for the kind of graph, else those for any name."""
    folder = resources.files("geomem.probing").joinpath("data")
    own = folder.joinpath(f"{graph_kind}.txt")
    file = own if graph_kind and own.is_file() else folder.joinpath("names.txt")
    return _parse(file.read_text(encoding="utf-8"), file.name)


def _parse(text: str, where: str) -> tuple[str, ...]:
    found: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith(_COMMENT):
            continue
        if line.count(PLACE) != 1:
            raise InputError(f"{where}, line {number}: expected one {PLACE} in the sentence, found {line.count(PLACE)}")
        found.append(line.strip())
    if not found:
        raise InputError(f"{where}: holds no sentence; write one a line, with {PLACE} where the name stands")
    return tuple(found)


def placed(template: str, name: str) -> tuple[str, int, int]:
    """Return the sentence with the name in it, and where the name begins and ends (characters)."""
    start = template.index(PLACE)
    return template.replace(PLACE, name), start, start + len(name)


def name_tokens(tokenizer: Any, sentence: str, start: int, end: int) -> tuple[list[int], list[int]]:
    """Return the token ids of a sentence and the places of the tokens that hold characters start..end-1.

    With special tokens where the tokenizer adds them. Raises InputError for a tokenizer that does not say where its
    tokens come from (a slow one), and for a name of which no token is left.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise InputError("this tokenizer does not say which characters its tokens cover (it is a slow one)")
    encoded = tokenizer(sentence, return_offsets_mapping=True, truncation=False)
    ids: list[int] = list(encoded["input_ids"])
    inside = [place for place, (left, right) in enumerate(encoded["offset_mapping"])
              if left < end and right > start and right > left]  # fmt: skip
    if not inside:
        raise InputError(f"'{sentence[start:end]}': the tokenizer makes no token of this name")
    return ids, inside


def mentions(names: Sequence[str], text: str, most: int = 20) -> dict[str, list[tuple[int, int]]]:
    """Return where each name stands in a text as whole words, at most `most` places a name, in order.

    A longer name that covers a place wins over a shorter one inside it ("Guinea-Bissau" over "Guinea").
    """
    import re

    ordered = sorted(set(names), key=lambda name: (-len(name), name))
    if not ordered:
        return {}
    pattern = re.compile(r"(?<!\w)(?:" + "|".join(re.escape(name) for name in ordered) + r")(?!\w)")
    found: dict[str, list[tuple[int, int]]] = {name: [] for name in names}
    for match in pattern.finditer(text):
        places = found[match.group()]
        if len(places) < most:
            places.append(match.span())
    return found
