"""A griffe extension for the reference: lists of fields in docstrings become lists.

Docstrings of geomem say `name: what it is` line by line, which Markdown would run together into one paragraph.
"""

from __future__ import annotations

import re
from typing import Any

import griffe
from docs_tables import plain

FIELD = re.compile(r"^([a-z_][a-z0-9_]*(?:, [a-z_][a-z0-9_]*)*): (?=\S)")


class Fields(griffe.Extension):
    """Rewrite the docstring of every object."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite one docstring in place."""
        if obj.docstring is not None:
            obj.docstring.value = as_lists(plain(obj.docstring.value))


def as_lists(text: str) -> str:
    """Turn runs of `name: meaning` lines, with their continuations, into Markdown lists."""
    lines: list[str] = []
    inside = False
    for line in text.split("\n"):
        field = FIELD.match(line)
        if field:
            if not inside and lines and lines[-1]:
                lines.append("")
            inside = True
            names = ", ".join(f"`{name}`" for name in field[1].split(", "))
            lines.append(f"- {names}: {line[field.end() :]}")
            continue
        if inside and line and not line.startswith(" "):
            inside = False
            lines.append("")
        lines.append(line)
    return "\n".join(lines)
