"""What the catalogue says of an item: its package, the files in it, and how they become something geomem opens."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["model", "text", "graph"]

Converter = Callable[[Mapping[str, Path], Path], object]
"""Takes the files out of the package, by their bare names, and an empty folder to fill."""


@dataclass(frozen=True)
class Package:
    """An ordinary package: the manager that gets it, its name and version, and the bytes of its archive."""

    manager: Literal["pip", "npm"]
    name: str
    version: str
    size: int

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.manager})"


@dataclass(frozen=True)
class Member:
    """A file in the archive, with the sha256 and the length in bytes that it must have."""

    path: str
    sha256: str
    size: int

    @property
    def name(self) -> str:
        """The name without its folders, under which it is unpacked whatever the archive says."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Perplexity:
    """What a converted model must score, and on which of the fixed passages."""

    passage: str
    value: float


@dataclass(frozen=True)
class Item:
    """A model, text or graph that `geomem fetch` gets.

    size: bytes it takes in the cache.
    convert: "module:function", a `Converter`; raising `recipe` makes cached results of an older one be fetched again.
    ready: "module:function" that raises InputError when something else must be installed first, or "".
    weights: what a report has to say about the numbers in a model, or "".
    main: of a text, the file that its bare name stands for.
    """

    name: str
    kind: Kind
    licence: str
    package: Package
    members: tuple[Member, ...]
    size: int
    convert: str
    recipe: int = 1
    ready: str = ""
    weights: str = ""
    main: str = ""
    perplexity: Perplexity | None = None

    @property
    def converter(self) -> Converter:
        """The function that `convert` names."""
        return _named(self.convert)

    def check_ready(self) -> None:
        """Raise InputError when something else must be installed before this can be fetched."""
        if self.ready:
            _named(self.ready)()


def _named(place: str) -> Callable[..., object]:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
