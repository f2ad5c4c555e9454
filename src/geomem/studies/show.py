"""A study and the outcome of its run, in words, for the door."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from rich.markup import escape
from rich.table import Table

from geomem.runs.directory import Run
from geomem.runs.exhibits import Verdict, read_verdicts
from geomem.studies import STUDIES
from geomem.studies.study import Cell, Experiment, ScaleName, Shared, Study, shared_trainings

_STYLES = {"supported": "green", "contradicted": "red", "inconclusive": "yellow", "not-run": "dim"}


@dataclass(frozen=True)
class StudyView:
    """A study at one scale."""

    study: Study
    scale: ScaleName

    def data(self) -> Any:
        """Return paper, experiments, claims and settings as plain data."""
        study = self.study
        return {
            "name": study.name,
            "title": study.title,
            "paper": study.paper,
            "summary": study.summary,
            "experiments": [
                {"name": one.name, "title": one.title, "summary": one.summary, "headline": one.headline,
                 "seeds": one.seeds[self.scale], "runs": self._runs(one), "minutes": round(self._minutes(one), 2)}
                for one in study.experiments
            ],
            "shared": [{"name": one.spec.name, "minutes": round(one.cost / 60, 2)} for one in self._shared()],
            "claims": [
                {"id": one.id, "statement": one.statement, "source": one.source, "reported": one.reported,
                 "experiment": one.experiment, "threshold": one.why}
                for one in study.claims
            ],
            "settings": study.scales[self.scale].model_dump(mode="json"),
        }  # fmt: skip

    def renderables(self) -> list[Any]:
        """Return the study as text and tables."""
        study = self.study
        experiments = Table("experiment", "what it does", "seeds", "runs", "core minutes", box=None, padding=(0, 2))
        for one in study.experiments:
            mark = " *" if one.headline else ""
            experiments.add_row(f"[cyan]{escape(one.name)}[/]{mark}", escape(one.title), str(one.seeds[self.scale]),
                                str(self._runs(one)), f"{self._minutes(one):.1f}")  # fmt: skip
        if shared := self._shared():
            experiments.add_row("", "shared trainings, each once", "", str(len(shared)),
                                f"{sum(one.cost for one in shared) / 60:.1f}")  # fmt: skip
        claims = Table("claim", "statement", "reported", "experiment", box=None, padding=(0, 2))
        for one in study.claims:
            claims.add_row(one.id, escape(one.statement), escape(one.reported), escape(one.experiment))
        settings = Table("setting", f"at {self.scale} scale", box=None, padding=(0, 2))
        for name, value in _flat(study.scales[self.scale].model_dump(mode="json")):
            settings.add_row(escape(name), escape(str(value)))
        head = f"[bold cyan]{escape(study.name)}[/]: {escape(study.title)}"
        return [head, escape(study.paper), "", escape(study.summary), "", experiments, "* headline set, run by default",
                "", claims, "", settings]  # fmt: skip

    def _runs(self, experiment: Experiment) -> int:
        return len(self._cells(experiment))

    def _minutes(self, experiment: Experiment) -> float:
        return sum(cell.cost for cell in self._cells(experiment)) / 60

    def _shared(self) -> list[Shared]:
        return shared_trainings(cell for one in self.study.experiments for cell in self._cells(one))

    def _cells(self, experiment: Experiment) -> list[Cell]:
        return experiment.cells(self.study.scales[self.scale], range(experiment.seeds[self.scale]))


def describe_study(name: str, scale: ScaleName) -> StudyView:
    """Describe a study. Raises InputError for an unknown name, with the nearest one."""
    return StudyView(STUDIES.get(name), scale)


@dataclass(frozen=True)
class Summary:
    """The outcome of a study run."""

    run: Run
    verdicts: tuple[Verdict, ...]

    @property
    def contradicted(self) -> list[str]:
        """Ids of the contradicted claims."""
        return [one.claim for one in self.verdicts if one.verdict == "contradicted"]

    def data(self) -> Any:
        """Return finding, verdicts and where the report is."""
        rows = [one.model_dump(mode="json") for one in self.verdicts]
        return {"run": str(self.run.path), "report": str(self.run.path / "report.html"),
                "finding": self.run.info.finding, "seconds": self.run.info.seconds, "verdicts": rows}  # fmt: skip

    def renderables(self) -> list[Any]:
        """Return the finding, a table of the claims that were run, and where the report is."""
        table = Table("claim", "verdict", "measured", "threshold", "quantity", box=None, padding=(0, 1))
        for one in self.verdicts:
            if one.verdict != "not-run":
                verdict = f"[{_STYLES[one.verdict]}]{one.verdict}[/]"
                quantity = "" if one.measured is None else one.measured.name
                table.add_row(one.claim, verdict, _number(one), escape(one.threshold), escape(quantity))
        skipped = sum(one.verdict == "not-run" for one in self.verdicts)
        rest = [f"{skipped} further claims: run --experiment all"] if skipped else []
        where = f"report: {escape(str(self.run.path / 'report.html'))}  ({self.run.info.seconds:.0f} s)"
        return ["", escape(self.run.info.finding), "", table, *rest, where]


def summarise(run: Run) -> Summary:
    """Read a finished study run's verdicts."""
    return Summary(run, tuple(read_verdicts(run.path / "verdicts.json")))


def _number(verdict: Verdict) -> str:
    one = verdict.measured
    if one is None or math.isnan(one.value):
        return "-"
    low, high = one.low, one.high
    interval = f" [{low:.3g}, {high:.3g}]" if low is not None and high is not None and one.seeds > 1 else ""
    return f"{one.value:.3g}{interval}"


def _flat(settings: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in settings.items():
        rows += _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(f"{prefix}{name}", value)]
    return rows
