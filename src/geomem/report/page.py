"""The report of one run: a single HTML file that is read offline, on a phone, on paper and without JavaScript."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from geomem.numbers import duration, interval, number
from geomem.report.assets import csv_uri, render
from geomem.report.figures import AnyExhibit, write_figures
from geomem.report.items import KIND_ORDER, Item, page_item, slug
from geomem.report.view import RunView, load_run_view
from geomem.runs.atomic import write_atomic
from geomem.runs.directory import RunInfo
from geomem.runs.exhibits import Measured, Verdict
from geomem.runs.tables import headline_metric

VERDICTS = ("supported", "contradicted", "inconclusive", "not-run")
_KINDS = {"study": "Study", "train": "Training run", "probe": "Probe", "work": "Piece of work"}
_TROUBLE = ("running", "diverged", "interrupted")


@dataclass(frozen=True)
class Strip:
    """Where the seeds and the interval of a percentage lie on a line from 2 (0 %) to 102 (100 %)."""

    dots: list[float]
    low: float | None
    high: float | None


@dataclass(frozen=True)
class ClaimRow:
    """A verdict as the claims table shows it."""

    claim: str
    anchor: str
    statement: str
    source: str
    note: str
    verdict: str
    threshold: str
    reported: str
    experiment: str
    measured: Measured | None
    value: str
    interval: str
    strip: Strip | None


@dataclass(frozen=True)
class Section:
    """The claims and figures of one experiment."""

    title: str
    anchor: str
    claims: list[ClaimRow]
    items: list[Item]
    above: list[Item]

    @property
    def compact(self) -> bool:
        """Many curves and nothing else are laid out in columns."""
        return len(self.items) > 2 and all(item.kind == "curves" for item in self.items)


@dataclass(frozen=True)
class CostRow:
    """What the seeds of one condition cost together."""

    experiment: str
    condition: str
    seeds: int
    each: str
    total: str
    status: str


@dataclass(frozen=True)
class Download:
    """A CSV inside the page; `href` is '' when it is too large for that."""

    name: str
    href: str
    size: str


def write_report(run_dir: Path) -> Path:
    """Write `figures/` and `report.html` of a run, from its directory and from nothing else. Returns the page's path.

    Raises RunError when the directory is no run, is damaged, or cannot be written.
    """
    view = load_run_view(run_dir)
    for exhibit in view.exhibits:
        write_figures(run_dir / "figures", exhibit)
    page = run_dir / "report.html"
    write_atomic(page, report_html(view))
    return page


def report_html(view: RunView) -> str:
    """Return the page of a run."""
    items = {exhibit.id: page_item(exhibit) for exhibit in view.exhibits}
    claims = [claim_row(verdict) for verdict in view.verdicts]
    ran = [row for row in claims if row.verdict != "not-run"]
    counts = Counter(row.verdict for row in ran)
    info = view.info
    return render(
        "report.html.j2",
        live_maps=any(item.map for item in items.values()),
        title=info.title or heading(info.name),
        kicker=kicker(info),
        finding=info.finding or composed_finding(view),
        tally=[(verdict, counts[verdict]) for verdict in VERDICTS if counts[verdict]],
        warning=_warning(info),
        heroes=[items[exhibit.id] for exhibit in view.exhibits if exhibit.hero],
        claims=ran,
        idle=[row for row in claims if row.verdict == "not-run"],
        sections=_sections(view, items, ran),
        info=info,
        total_time=duration(info.seconds),
        spec=yaml.safe_dump(info.spec, sort_keys=False, allow_unicode=True),
        costs=_costs(view),
        cost_total=duration(sum(cell.seconds for cell in view.cells)),
        downloads=_downloads(view),
        directory=view.path.name,
    )


def composed_finding(view: RunView) -> str:
    """Say in a sentence what a run found, from its verdicts or, for a training run, from its last numbers."""
    counts = Counter(verdict.verdict for verdict in view.verdicts)
    tested = sum(counts.values()) - counts["not-run"]
    if tested:
        parts = [f"{counts[verdict]} {verdict}" for verdict in VERDICTS[:3] if counts[verdict]]
        listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
        return f"Of {tested} claim{'' if tested == 1 else 's'} put to the test, {listed}."
    steps = view.history.steps
    if view.info.kind == "probe":
        return "This probe has measured nothing yet." if not view.measurements else "Measured; see below."
    if not steps:
        # An experiment may measure and judge nothing.
        return "Measured; see below." if view.exhibits else "This run has recorded nothing yet."
    numbers = f", ending at {' and '.join(last)}" if (last := _last_numbers(view)) else ""
    return f"Trained for {number(steps[-1])} steps in {duration(view.info.seconds)}{numbers}."


def _last_numbers(view: RunView) -> list[str]:
    """Say the headline score of a training, with its level of chance, and its loss."""
    columns = view.history.columns
    score = headline_metric({name: value for name, value in view.chance.items() if name in columns})
    said: list[str] = []
    if score:
        percent = "loss" not in score
        value, chance = (number(one, percent=percent) for one in (view.history.last(score), view.chance[score]))
        said.append(f"{score} {value} (chance {chance})")
    loss = next((name for name in ("loss", *sorted(columns)) if name in columns and "loss" in name), "")
    return [*said, f"{loss} {number(view.history.last(loss))}"] if loss else said


def claim_row(verdict: Verdict) -> ClaimRow:
    """Return a verdict ready for a page."""
    measured = verdict.measured
    return ClaimRow(
        claim=verdict.claim,
        anchor=f"claim-{slug(verdict.claim)}",
        statement=verdict.statement,
        source=verdict.source,
        note=verdict.note,
        verdict=verdict.verdict,
        threshold=verdict.threshold,
        reported=verdict.reported,
        experiment=verdict.experiment,
        measured=measured,
        value=number(measured.value, percent=measured.percent) if measured else "",
        interval=interval(measured.low, measured.high, percent=measured.percent) if measured else "",
        strip=_strip(measured) if measured and measured.percent else None,
    )


def heading(name: str) -> str:
    """Return a run's name as a title: 'geometric-memory' becomes 'Geometric memory'."""
    words = name.replace("-", " ").replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def kicker(info: RunInfo) -> str:
    """Return the small line above the title: kind, scale, seeds, day."""
    parts = [_KINDS[info.kind]]
    if isinstance(info.spec.get("scale"), str):
        parts.append(f"{info.spec['scale']} scale")
    parts.append(f"{len(info.seeds)} seed{'' if len(info.seeds) == 1 else 's'}")
    try:
        day = datetime.fromisoformat(info.started)
        parts.append(f"{day.day} {day:%B %Y}")
    except ValueError:
        parts.append(info.started)
    return " · ".join(parts)


def _warning(info: RunInfo) -> str:
    if info.status not in _TROUBLE:
        return ""
    reason = f": {info.message}" if info.message else ""
    return f"This run is not complete ({info.status}{reason}). What follows is what it had recorded."


def _strip(measured: Measured) -> Strip | None:
    values = measured.values or (measured.value,)
    if any(not 0 <= value <= 1 for value in values):
        return None

    def place(value: float | None) -> float | None:
        return None if value is None or value != value else round(2 + 100 * min(max(value, 0.0), 1.0), 2)  # noqa: PLR0124

    low, high = place(measured.low), place(measured.high)
    dots = [dot for dot in map(place, values) if dot is not None]
    return Strip(dots, low if high is not None else None, high)


def _sections(view: RunView, items: dict[str, Item], claims: list[ClaimRow]) -> list[Section]:
    """Return one section an experiment, in the order of the claims; figures of no experiment come first."""
    shown = [exhibit for exhibit in view.exhibits if not exhibit.hero]
    names = list(dict.fromkeys([*(["", *(row.experiment for row in claims if row.experiment)]),
                                *(exhibit.experiment for exhibit in shown)]))  # fmt: skip
    found: list[Section] = []
    for name in names:
        mine = sorted((exhibit for exhibit in shown if exhibit.experiment == name), key=_reading_order)
        rows = [row for row in claims if name and row.experiment == name]
        if mine or rows:
            title = heading(name) if name else ("Training" if view.info.kind == "train" else "Overview")
            above = [items[exhibit.id] for exhibit in view.exhibits if exhibit.hero and name == exhibit.experiment]
            found.append(Section(title, f"experiment-{slug(name or 'overview')}", rows,
                                 [items[exhibit.id] for exhibit in mine], above))  # fmt: skip
    return found


def _reading_order(exhibit: AnyExhibit) -> tuple[int, int, str]:
    return exhibit.order, KIND_ORDER[exhibit.kind], exhibit.id


def _costs(view: RunView) -> list[CostRow]:
    rows: list[CostRow] = []
    for (experiment, condition), group in groupby(view.cells, key=lambda cell: (cell.experiment, cell.condition)):
        cells = list(group)
        seconds = sorted(cell.seconds for cell in cells)
        ends = Counter(cell.status for cell in cells)
        status = cells[0].status if len(ends) == 1 else ", ".join(f"{count} {name}" for name, count in ends.items())
        rows.append(CostRow(experiment, condition, len(cells), duration(seconds[len(seconds) // 2]),
                            duration(sum(seconds)), status))  # fmt: skip
    return rows


def _downloads(view: RunView) -> list[Download]:
    tables = [("verdicts.csv", _csv(_verdict_records(view.verdicts)))] if view.verdicts else []
    if view.measurements:
        tables.append(("measurements.csv", _csv([row.model_dump() for row in view.measurements])))
    if view.history.steps:
        names = sorted(view.history.columns)
        rows = [{"step": step, **{name: view.history.columns[name][index] for name in names}}
                for index, step in enumerate(view.history.steps)]  # fmt: skip
        tables.append(("history.csv", _csv(rows)))
    return [Download(name, csv_uri(text), _size(len(text.encode()))) for name, text in tables]


def _verdict_records(verdicts: Iterable[Verdict]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for verdict in verdicts:
        row = verdict.model_dump(exclude={"measured"})
        measured = verdict.measured
        row |= {"metric": measured.name if measured else "", "value": measured.value if measured else "",
                "low": measured.low if measured else "", "high": measured.high if measured else "",
                "seeds": measured.seeds if measured else "",
                "values": " ".join(f"{value:.6g}" for value in measured.values) if measured else ""}  # fmt: skip
        rows.append(row)
    return rows


def _csv(rows: list[dict[str, Any]]) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def _size(size: int) -> str:
    return f"{max(1, round(size / 1000))} kB"
