"""What the book says about the code, taken from the code: tables of parts, settings, verdicts, help texts.

A line `<!-- generated: NAME ARGUMENT -->` of a page stands for what the function of that name in `GENERATED` returns.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from geomem import cli
from geomem.fetch import ITEMS
from geomem.geometry.measurement import Measurement
from geomem.parts import describe_part, registries
from geomem.spec import Spec
from geomem.studies import STUDIES
from geomem.studies.show import StudyView
from geomem.studies.study import ScaleName
from geomem.training import spec as training

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = ("study list", "study show", "study run", "study cite", "train", "probe", "graph", "fetch", "runs", "report",
            "list", "show", "context")  # fmt: skip
PLACEHOLDER = re.compile(r"^<!-- generated: ([a-z-]+)(?: ([a-z0-9-]+))? -->$", re.MULTILINE)
WORDS = {"supported": "supported", "contradicted": "**contradicted**", "inconclusive": "*inconclusive*"}


def fill(page: str) -> str:
    """Replace every placeholder of a page. Raises KeyError for a name that `GENERATED` does not have."""
    return PLACEHOLDER.sub(lambda found: GENERATED[found[1]](*filter(None, found.groups()[1:])), page)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def plain(text: str) -> str:
    """Return a docstring without its references to the specification that is not part of the package."""

    def without(found: re.Match[str]) -> str:
        kept = [part.strip() for part in found[1].split(";") if not part.strip().startswith("card ")]
        return f" ({'; '.join(kept)})" if kept else ""

    text = re.sub(r", after card \d+(?:\.\d+)?(?: [A-Z]\b)?", "", text)
    return re.sub(r"\s*\(([^()]*card \d[^()]*)\)", without, text)


def parts(kind: str) -> str:
    """Return the table of everything registered under a kind."""
    registry = registries(kind)[kind]
    return table(("name", "what it is"), ((f"`{name}`", registry.summary(name)) for name in registry))


def settings(kind: str) -> str:
    """Return a section for every part of a kind: its description and its settings with their defaults."""
    sections: list[str] = []
    for name in registries(kind)[kind]:
        view = describe_part(kind, name)
        rows = [(f"`{one}`", f"`{default}`", meaning) for one, default, meaning in view.settings]
        shown = table(("setting", "default", "meaning"), rows) if rows else "No settings."
        sections.append(f"### {name}\n\n{plain(view.description)}\n\n{shown}")
    return "\n\n".join(sections)


def measurements() -> str:
    """Return the table of measurements with what they read, their level of chance and their source."""
    rows: list[tuple[str, ...]] = []
    registry = registries("measurement")["measurement"]
    for name in registry:
        one: Measurement = registry.get(name)
        reads = [f"`{needed}`" for needed in one.inputs] + [f"`{extra}` if known" for extra in one.optional_inputs]
        rows.append((f"[`{name}`](#{name})", registry.summary(name), ", ".join(reads), one.chance, one.source))
    return table(("name", "what it says", "reads", "when nothing was learned", "source"), rows)


def train_settings() -> str:
    """Return the settings of `geomem train`, of its stages and of what a stage holds."""
    models: tuple[tuple[str, type[Spec]], ...] = (
        ("The file", training.TrainSpec), ("A stage", training.Stage), ("`optimizer`", training.Optimizer),
        ("`schedule`", training.Schedule), ("`stop`", training.Stop),
    )  # fmt: skip
    sections: list[str] = []
    for title, model in models:
        rows = [
            (f"`{name}`", "required" if field.is_required() else f"`{_default(field)}`", field.description or "")
            for name, field in model.model_fields.items()
        ]
        sections.append(f"### {title}\n\n{plain(model.__doc__ or '')}\n\n{table(('key', 'default', 'meaning'), rows)}")
    return "\n\n".join(sections)


def experiments(study: str) -> str:
    """Return the table of a study's experiments at laptop scale."""
    rows = [
        (f"`{one['name']}`{' *' if one['headline'] else ''}", one["summary"], one["seeds"], one["runs"], one["minutes"])
        for one in StudyView(STUDIES.get(study), "laptop").data()["experiments"]
    ]
    return table(("experiment", "what it does", "seeds", "trainings", "core minutes, estimated"), rows)


def scales(study: str) -> str:
    """Return the settings of a study side by side at its three scales."""
    names: tuple[ScaleName, ...] = ("smoke", "laptop", "paper")
    columns = [dict(_flat(STUDIES.get(study).scales[name].model_dump(mode="json"))) for name in names]
    keys = list(dict.fromkeys(key for column in columns for key in column))
    rows = [(f"`{key}`", *(column.get(key, "") for column in columns)) for key in keys]
    return table(("setting", *names), rows)


def verdicts(study: str) -> str:
    """Return the claims of a study with the verdicts kept in docs/studies (see scripts/keep_verdicts.py)."""
    kept = {row["claim"]: row for row in kept_verdicts(study)["verdicts"]}
    rows: list[tuple[object, ...]] = []
    for claim in STUDIES.get(study).claims:
        row = kept.get(claim.id)
        verdict = "not run" if row is None else WORDS[row["verdict"]]
        statement = plain(f"{claim.statement} ({claim.source})<br>The paper reports: {claim.reported}.")
        measured = "" if row is None else f"{_measured(row)}<br>{plain(row['note'])}"
        rows.append((claim.id, verdict, statement, measured))
    return f'<div class="claims" markdown>\n\n{table(("claim", "verdict", "statement", "measured"), rows)}\n\n</div>'


def verdict_runs(study: str) -> str:
    """Return the table of runs that the kept verdicts come from, and which settings differ from the present ones."""
    runs = kept_verdicts(study)["runs"]
    rows = [
        (one["date"], ", ".join(one["experiments"]), one["scale"], ", ".join(map(str, one["seeds"])), one["machine"],
         f"{one['seconds'] / 60:.0f} min")
        for one in runs
    ]  # fmt: skip
    shown = table(("date", "experiments", "scale", "seeds, at most", "machine", "wall time"), rows)
    changed: dict[str, None] = {}
    for one in runs:
        used = dict(_flat(one["settings"]))
        now = dict(_flat(STUDIES.get(study).scales[one["scale"]].model_dump(mode="json")))
        changed |= {f"`{key}` was {used[key]}": None for key in used if key in now and used[key] != now[key]}
    note = f"Settings that have changed since these runs: {', '.join(changed)}." if changed else ""
    return f"{shown}\n\n{note}".rstrip()


def kept_verdicts(study: str) -> dict[str, Any]:
    """Read the verdicts kept for the study's page."""
    return json.loads((ROOT / "docs" / "studies" / f"{study}.json").read_text(encoding="utf-8"))


def fetchable() -> str:
    """Return the table of what can be fetched."""
    items = [ITEMS.get(name) for name in ITEMS]
    rows = ((f"`{item.name}`", item.kind, ITEMS.summary(item.name), f"{item.package.size / 1e6:.0f} MB",
             f"{item.size / 1e6:.0f} MB", item.licence, item.package)
            for item in sorted(items, key=lambda item: ("model", "text", "graph").index(item.kind)))  # fmt: skip
    return table(("name", "kind", "what it is", "to fetch", "kept", "licence", "package"), rows)


def commands() -> str:
    """Return the help text of every command."""
    texts = [("geomem", []), *((f"geomem {name}", name.split()) for name in COMMANDS)]
    return "\n\n".join(f"## {title}\n\n```text\n{help_text(words)}\n```" for title, words in texts)


def help_text(words: Sequence[str]) -> str:
    """Return what `geomem WORDS --help` prints, 100 columns wide and without colours."""
    said = io.StringIO()
    known = {name: os.environ.get(name) for name in ("COLUMNS", "NO_COLOR")}
    os.environ.update(COLUMNS="100", NO_COLOR="1")
    try:
        with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
            cli.main([*words, "--help"])
    finally:
        for name, value in known.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    return re.sub(r"\x1b\[[0-9;]*m", "", said.getvalue()).strip()


def changelog() -> str:
    """Return CHANGELOG.md."""
    return (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def _measured(row: dict[str, Any]) -> str:
    one = row["measured"]
    if one is None:
        return ""
    spread = f" [{one['low']:.3g}, {one['high']:.3g}]" if one["seeds"] > 1 else " (one value)"
    first = one["name"][:1].upper() + one["name"][1:]
    return f"{first}: **{one['value']:.3g}**{spread}, threshold {row['threshold']}"


def _default(field: Any) -> str:
    value = field.get_default(call_default_factory=True)
    if isinstance(value, Spec):
        return str(getattr(value, "kind", ""))
    return "none" if value in (None, (), {}) else str(value).lower() if isinstance(value, bool) else str(value)


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = []
    for name, value in values.items():
        rows += _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(f"{prefix}{name}", _short(value))]
    return rows


def _short(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_short(one) for one in value) or "none"
    if isinstance(value, dict):
        return " ".join(f"{key}={one}" for key, one in value.items())
    return "none" if value is None else str(value)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


GENERATED: dict[str, Callable[..., str]] = {
    "parts": parts,
    "settings": settings,
    "measurements": measurements,
    "train-settings": train_settings,
    "experiments": experiments,
    "scales": scales,
    "verdicts": verdicts,
    "verdict-runs": verdict_runs,
    "fetchable": fetchable,
    "commands": commands,
    "changelog": changelog,
}
