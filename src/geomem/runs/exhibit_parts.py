"""What all exhibits are made of: numbers rounded and read from arrays, frozen parts, and the base of every exhibit."""

from __future__ import annotations

import math
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _plain(value: Any) -> Any:
    """Turn an array or a tensor into nested lists."""
    return value.tolist() if hasattr(value, "tolist") else value


def _rounded(value: Any) -> Any:
    if value is None:
        return math.nan
    return float(f"{value:.6g}") if isinstance(value, (int, float)) else value


def _vector(value: Any) -> Any:
    plain = _plain(value)
    return tuple(_rounded(_plain(item)) for item in plain) if isinstance(plain, (list, tuple)) else plain


Number: TypeAlias = Annotated[float, BeforeValidator(lambda value: _rounded(_plain(value)))]
Vector: TypeAlias = Annotated[tuple[float, ...], BeforeValidator(_vector)]
Matrix: TypeAlias = Annotated[tuple[Vector, ...], BeforeValidator(_plain)]
Words: TypeAlias = tuple[str, ...]
Nodes: TypeAlias = Annotated[tuple[int, ...], BeforeValidator(_plain)]
NodeLists: TypeAlias = Annotated[tuple[Nodes, ...], BeforeValidator(_plain)]


class Part(BaseModel):
    """Base of all parts of an exhibit: frozen, no unknown keys, NaN allowed and written as null."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")


class ExhibitBase(Part):
    """What every exhibit has: a name for its files, words for the reader, and its place in the report.

    id: lower-case letters, digits, '-' and '_'; names the files.
    experiment: the experiment it belongs to; the report makes one section of each.
    hero: shown on the first screen. order: place within its section. interactive: may be hovered, tapped (maps only).
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=100)
    title: str
    caption: str = ""
    experiment: str = ""
    hero: bool = False
    order: int = 0
    interactive: bool = False
