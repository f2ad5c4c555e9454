"""One page for several runs side by side: what differs in their settings, their verdicts, their curves in one frame."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from geomem.errors import InputError
from geomem.numbers import duration, number
from geomem.report.assets import render
from geomem.report.items import Item, page_item
from geomem.report.page import composed_finding
from geomem.report.view import RunView, is_share, load_run_view
from geomem.runs.atomic import write_atomic
from geomem.runs.exhibits import Curves, Reference, Series, Verdict

_MOST_CURVES = 12


@dataclass(frozen=True)
class RunRow:
    """A run in the table of runs; `letter` names it in the rest of the page."""

    letter: str
    name: str
    started: str
    took: str
    status: str
    finding: str


@dataclass(frozen=True)
class Difference:
    """A setting that is not the same in every run."""

    key: str
    values_: list[str]


@dataclass(frozen=True)
class VerdictCell:
    """What one run says of a claim."""

    verdict: str
    value: str


@dataclass(frozen=True)
class ClaimLine:
    """A claim and what each run says of it."""

    claim: str
    statement: str
    cells: list[VerdictCell | None]


@dataclass(frozen=True)
class Shared:
    """The same exhibit of several runs."""

    title: str
    items: list[Item]


def write_comparison(run_dirs: Sequence[Path], out: Path) -> Path:
    """Write one page about several runs to `out` and return it.

    Raises InputError for fewer than two runs, RunError for a directory that is no run.
    """
    if len(run_dirs) < 2:
        raise InputError(f"a comparison needs at least two runs, got {len(run_dirs)}")
    views = [load_run_view(path) for path in run_dirs]
    letters = [_letter(index) for index in range(len(views))]
    rows = [RunRow(letter, view.path.name, view.info.started, duration(view.info.seconds), view.info.status,
                   view.info.finding or composed_finding(view))
            for letter, view in zip(letters, views, strict=True)]  # fmt: skip
    names = list(dict.fromkeys(view.info.name for view in views))
    differences = setting_differences([view.info.spec for view in views])
    told = (
        f"{len(differences)} setting{'' if len(differences) == 1 else 's'} differ"
        if differences
        else "no setting differs"
    )
    write_atomic(out, render(
        "comparison.html.j2",
        title=f"{len(views)} runs of {names[0]}" if len(names) == 1 else f"{len(views)} runs side by side",
        kicker="Comparison",
        finding=f"{len(views)} runs side by side; {told} between them.",
        runs=rows,
        differences=differences,
        claims=_claims([view.verdicts for view in views]),
        curves=[page_item(curves) for curves in shared_curves(views, letters)],
        shared=_shared(views, letters),
    ))  # fmt: skip
    return out


def setting_differences(specs: Sequence[dict[str, Any]]) -> list[Difference]:
    """Return the settings, as dotted keys, that are not the same in every run."""
    flat = [_flatten(spec) for spec in specs]
    keys = dict.fromkeys(key for spec in flat for key in spec)
    return [Difference(key, values) for key in keys
            if len(set(values := [spec.get(key, "–") for spec in flat])) > 1]  # fmt: skip


def shared_curves(views: Sequence[RunView], letters: Sequence[str]) -> list[Curves]:
    """Return one frame a metric that at least two runs have in their history, with a curve a run."""
    names = sorted({name for view in views for name in view.history.columns})
    drawn: list[Curves] = []
    for name in names:
        points = [view.history.series(name) for view in views]
        found = [(index, xs, ys) for index, (xs, ys) in enumerate(points) if xs]
        if len(found) < 2:
            continue
        chance = next((view.chance[name] for view in views if name in view.chance), None)
        drawn.append(Curves(
            id=f"compared-{len(drawn)}",
            title=name,
            series=tuple(Series(name=letters[run], x=tuple(xs), y=tuple(ys), colour=run) for run, xs, ys in found),
            references=(Reference(name="chance", value=chance),) if chance is not None else (),
            percent=is_share(name, (value for _, _, ys in found for value in ys)),
        ))  # fmt: skip
    return drawn[:_MOST_CURVES]


def _shared(views: Sequence[RunView], letters: Sequence[str]) -> list[Shared]:
    """Return the exhibits that at least two runs have, but for those made from a history."""
    by_id: dict[str, list[tuple[int, Any]]] = {}
    for index, view in enumerate(views):
        for exhibit in view.exhibits:
            if not exhibit.id.startswith("history-"):
                by_id.setdefault(exhibit.id, []).append((index, exhibit))
    found: list[Shared] = []
    for same in by_id.values():
        if len(same) > 1:
            items = [page_item(exhibit.model_copy(update={"title": f"{letters[index]}: {views[index].path.name}"}),
                               prefix=f"{letters[index].lower()}-", live=False)
                     for index, exhibit in same]  # fmt: skip
            found.append(Shared(same[0][1].title, items))
    return found


def _claims(verdicts: Sequence[list[Verdict]]) -> list[ClaimLine]:
    lines: dict[str, str] = {}
    for run in verdicts:
        for verdict in run:
            lines.setdefault(verdict.claim, verdict.statement)
    tables = [{verdict.claim: verdict for verdict in run} for run in verdicts]
    return [
        ClaimLine(claim, statement, [_cell(table.get(claim)) for table in tables]) for claim, statement in lines.items()
    ]


def _cell(verdict: Verdict | None) -> VerdictCell | None:
    if verdict is None:
        return None
    measured = verdict.measured
    return VerdictCell(verdict.verdict, number(measured.value, percent=measured.percent) if measured else "")


def _flatten(value: Any, key: str = "") -> dict[str, str]:
    if isinstance(value, dict):
        found: dict[str, str] = {}
        for name, inner in cast(dict[str, Any], value).items():
            found |= _flatten(inner, f"{key}.{name}" if key else str(name))
        return found
    return {key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}


def _letter(index: int) -> str:
    return chr(ord("A") + index) if index < 26 else f"R{index + 1}"
