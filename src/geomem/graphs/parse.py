"""Graphs named on a command line: a family, a family with settings, or a file."""

from __future__ import annotations

import re
from pathlib import Path

from geomem.errors import InputError, unknown_name
from geomem.graphs import GRAPHS
from geomem.graphs.files import FORMATS
from geomem.spec import Spec, resolve

# The first colon that a key and an equals sign follow: a file name may itself hold colons.
_FILE_WITH_SETTINGS = re.compile(r"(.+?):(\w+\s*=.*)")


def graph_from_text(text: str) -> Spec:
    """Return the settings of a graph named by `text`.

    `path-star`, `path-star:arms=250,length=4`, `countries:component=largest`, `borders.csv`, or
    `borders.csv:source_column=a,target_column=b`. A registered name wins over a file of that name (write `./grid`).
    Raises InputError for an unknown name, key or value, with the nearest valid one. Whether a file can be read is seen
    when the graph is built.
    """
    text = text.strip()
    head, _, options = text.partition(":")
    if head in GRAPHS:
        return resolve(GRAPHS, {"kind": head, **_settings(head, options, ("kind",))}, head)
    with_settings = _FILE_WITH_SETTINGS.fullmatch(text)
    if with_settings and not _exists(text) and _is_file(with_settings[1]):
        path, options = with_settings.groups()
        return resolve(GRAPHS, {"kind": "file", "path": path, **_settings(path, options, ("kind", "path"))}, "file")
    if _is_file(text):
        return resolve(GRAPHS, {"kind": "file", "path": text}, "file")
    raise unknown_name("graph", head, GRAPHS)


def _settings(where: str, options: str, given: tuple[str, ...]) -> dict[str, str]:
    """Split `a=1,b=2`, none of the keys already `given`; pydantic turns the text into numbers and truth values."""
    settings: dict[str, str] = {}
    for option in filter(None, (part.strip() for part in options.split(","))):
        key, equals, value = (part.strip() for part in option.partition("="))
        if not equals:
            raise InputError(f"{where}: expected key=value, got '{option}'; for example {where}:key=value,key=value")
        if key in settings:
            raise InputError(f"{where}: '{key}' is set twice")
        if key in given:
            raise InputError(f"{where}: '{key}' is already given by what stands before the colon")
        settings[key] = value
    return settings


def _is_file(text: str) -> bool:
    """Tell whether the text is meant as a file: it is there, or it looks like one."""
    return "/" in text or "\\" in text or Path(text).suffix.lower() in FORMATS or _exists(text)


def _exists(text: str) -> bool:
    try:
        return bool(text) and Path(text).exists()
    except OSError:
        return False
