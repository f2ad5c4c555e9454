"""One registry a kind of part: a name, where it lives, and a line about it.

Parts are named by "module:ATTRIBUTE" and imported only when asked for, so that listing costs nothing and
`geomem --help` never waits for torch.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar, cast

from geomem.errors import unknown_name

T = TypeVar("T")


class Registry(Generic[T]):
    """Named parts of one kind, found by exact name.

    `entries` maps a name to ("package.module:ATTRIBUTE", "one line about it").
    """

    def __init__(self, kind: str, entries: Mapping[str, tuple[str, str]]) -> None:
        self.kind = kind
        self._entries = dict(entries)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def summary(self, name: str) -> str:
        """Return the one line about a part. Raises InputError for an unknown name."""
        return self._entry(name)[1]

    def get(self, name: str) -> T:
        """Import and return a part. Raises InputError, with the nearest name, for an unknown one."""
        module, _, attribute = self._entry(name)[0].partition(":")
        return cast(T, getattr(importlib.import_module(module), attribute))

    def _entry(self, name: str) -> tuple[str, str]:
        if name not in self._entries:
            raise unknown_name(self.kind, name, self._entries)
        return self._entries[name]
