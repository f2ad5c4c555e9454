"""What experiments are made of, seen from the door: every registry, and one part of it in full."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from rich.markup import escape
from rich.table import Table

from geomem.errors import unknown_name
from geomem.registry import Registry
from geomem.spec import Spec


def registries(kind: str | None = None) -> dict[str, Registry[Any]]:
    """Return all registries by kind, or one. Raises InputError for an unknown kind, with the nearest one."""
    from geomem.geometry import MEASUREMENTS
    from geomem.graphs import GRAPHS
    from geomem.models import MODELS
    from geomem.objectives import OBJECTIVES
    from geomem.probing import PROBES
    from geomem.studies import STUDIES
    from geomem.tasks import TASKS

    found: dict[str, Registry[Any]] = {
        one.kind: one for one in (GRAPHS, TASKS, MODELS, OBJECTIVES, MEASUREMENTS, PROBES, STUDIES)
    }
    if kind is None:
        return found
    singular = kind.removesuffix("s") if kind not in found else kind
    for name in (singular, "study" if kind == "studies" else singular):
        if name in found:
            return {name: found[name]}
    raise unknown_name("kind of part", kind, found)


@dataclass(frozen=True)
class Listing:
    """Names and one line about each, by kind."""

    parts: dict[str, dict[str, str]]

    def data(self) -> Any:
        """Return kind -> name -> line."""
        return self.parts

    def renderables(self) -> list[Any]:
        """Return one table a kind."""
        tables: list[Any] = []
        for kind, entries in self.parts.items():
            table = Table(
                title=kind, title_justify="left", title_style="bold", show_header=False, box=None, padding=(0, 2)
            )
            for name, line in entries.items():
                table.add_row(f"[cyan]{escape(name)}[/]", escape(line))
            tables.append(table)
        return tables


def listing(chosen: dict[str, Registry[Any]]) -> Listing:
    """List the parts of some registries."""
    return Listing({kind: {name: one.summary(name) for name in one} for kind, one in chosen.items()})


@dataclass(frozen=True)
class PartView:
    """One part in full: its line, its description and its settings."""

    kind: str
    name: str
    summary: str
    description: str
    settings: tuple[tuple[str, str, str], ...]

    def data(self) -> Any:
        """Return the part as a mapping; settings as name, default, meaning."""
        rows = [dict(zip(("name", "default", "meaning"), row, strict=True)) for row in self.settings]
        return {**self.__dict__, "settings": rows}

    def renderables(self) -> list[Any]:
        """Return the description and a table of settings."""
        head = f"[bold cyan]{escape(self.name)}[/] ({self.kind}): {escape(self.summary)}"
        shown: list[Any] = [head, "", escape(self.description), ""]
        if self.settings:
            table = Table("setting", "default", "meaning", box=None, padding=(0, 2))
            for row in self.settings:
                table.add_row(*map(escape, row))
            shown.append(table)
        return shown


def describe_part(kind: str, name: str) -> PartView:
    """Describe one part. Raises InputError for an unknown kind or name, with the nearest one."""
    ((true_kind, registry),) = registries(kind).items()
    part: Any = registry.get(name)
    if isinstance(part, type) and issubclass(part, Spec):
        return PartView(true_kind, name, registry.summary(name), inspect.cleandoc(part.__doc__ or ""), _settings(part))
    function = getattr(part, "function", None)
    described = part if isinstance(part, type) else function
    text = inspect.getdoc(described) if described is not None else getattr(part, "summary", "")
    inputs = tuple((one, "", "input") for one in getattr(part, "inputs", ()))
    return PartView(true_kind, name, registry.summary(name), text or "", inputs)


def _settings(spec: type[Spec]) -> tuple[tuple[str, str, str], ...]:
    rows: list[tuple[str, str, str]] = []
    for name, field in spec.model_fields.items():
        if name == "kind":
            continue
        default = "required" if field.is_required() else _plain(field.get_default(call_default_factory=True))
        rows.append((name, default, field.description or ""))
    return tuple(rows)


def _plain(value: Any) -> str:
    if isinstance(value, Spec):
        return str(getattr(value, "kind", type(value).__name__))
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
