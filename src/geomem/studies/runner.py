"""Run a study: its cells in parallel, then verdicts, pictures and the page, all kept in one run directory.

Trainings that cells share are done before those cells, beside the run directory, where the next study finds them.
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from geomem.errors import InputError, RunError
from geomem.hardware import DeviceName, choose_device, free_cores
from geomem.runs.directory import Run
from geomem.runs.exhibits import Measured, Verdict, write_exhibit, write_verdicts
from geomem.runs.tables import write_measurements
from geomem.spec import Spec, validate
from geomem.studies import STUDIES
from geomem.studies.cache import cache_path
from geomem.studies.claim import Claim, Test, deciding, judge
from geomem.studies.evidence import Evidence
from geomem.studies.study import Cell, Experiment, ScaleName, Study
from geomem.training.pool import Job, finished, run_jobs
from geomem.training.progress import Display
from geomem.training.spec import TrainSpec, set_key
from geomem.training.work import Work

NAMES = {"train": "training run", "work": "part of a study run", "probe": "probe"}
"""What other kinds of run are called."""


class Request(Spec):
    """What to run of a study. Written to the run's header, so that --resume needs nothing else."""

    study: str
    scale: ScaleName = "laptop"
    experiments: tuple[str, ...] = ()
    seeds: int | None = None
    overrides: tuple[str, ...] = ()
    device: DeviceName = "auto"
    workers: int | None = None


def run_study(request: Request, out: Path, console: Console) -> Run:
    """Run a study from the beginning in a new directory under `out`; the caller writes the page and marks it finished.

    Raises InputError before anything is written, or, for settings that a training refuses before any cell has ended,
    when nothing is left of it.
    """
    study = STUDIES.get(request.study)
    plan = _plan(study, request)
    choose_device(request.device)
    header = {
        "scale": request.scale,
        "request": request.model_dump(mode="json"),
        "settings": _settings(study, request).model_dump(mode="json"),
    }
    seeds = sorted({cell.seed for _, cells in plan for cell in cells})
    run = Run.create(out, f"{study.name}-{request.scale}", "study", header, seeds)
    try:
        return _run(study, request, plan, run, console)
    except InputError as error:
        ended = any(finished(file.parent) for file in run.path.glob("cells/*/*/seed-*/run.json"))
        if not isinstance(error, RunError) and not ended:
            run.unlock()
            shutil.rmtree(run.path)
        raise


def resume_study(path: Path, console: Console) -> Run:
    """Go on with an unfinished study run: finished cells are skipped, killed ones continue to the same result."""
    run = Run.open(path)
    if run.info.kind != "study":
        how = f"; resume it with: geomem train --resume {path}" if run.info.kind == "train" else ""
        raise RunError(f"{path} is a {NAMES[run.info.kind]}, not a study{how}")
    run.lock()
    request = validate(Request, run.info.spec["request"], str(path / "run.json"))
    study = STUDIES.get(request.study)
    return _run(study, request, _plan(study, request), run, console)


def rejudge(run: Run, study: Study, settings: Any) -> tuple[list[Verdict], dict[str, Evidence]]:
    """Judge every claim of a study on what a run directory holds."""
    evidence = {
        experiment.name: Evidence(run.path / "cells" / experiment.name, settings)
        for experiment in study.experiments
        if (run.path / "cells" / experiment.name).is_dir()
    }
    return [_verdict(claim, evidence.get(claim.experiment)) for claim in study.claims], evidence


@dataclass(frozen=True)
class _Jobs:
    """What a study run has to do: shared trainings, cells that need none of them, and cells that wait for some."""

    shared: list[Job]
    free: list[Job]
    waiting: list[Job]

    @property
    def missing(self) -> list[Job]:
        """Shared trainings that nobody has done yet."""
        return [job for job in self.shared if not finished(job.path)]

    def plan(self) -> str:
        """Return how many runs there are, in words."""
        cells = f"{len(self.free) + len(self.waiting)} runs"
        if not self.shared:
            return cells
        known = len(self.shared) - len(self.missing)
        return f"{cells} and {len(self.shared)} shared trainings ({known} done before)"


def _run(study: Study, request: Request, plan: list[tuple[Experiment, list[Cell]]], run: Run, console: Console) -> Run:
    began = time.monotonic()
    earlier = run.info.seconds
    device = choose_device(request.device)
    run.save_info(choices={"device": f"{device.value}: {device.reason}"}, status="running", title=study.title)
    workers = request.workers or (1 if device.value == "cuda" else free_cores())
    jobs = _jobs(plan, run, device.value)
    to_do = [*jobs.missing, *jobs.free, *jobs.waiting]
    seconds = sum(job.cost for job in to_do) / workers
    console.print(
        f"{study.name} at {request.scale} scale: {jobs.plan()}, {workers} at a time on {device.value} "
        f"({device.reason}), about {_duration(seconds)}",
        highlight=False,
        soft_wrap=True,
    )
    console.print(f"writing to {run.path}", highlight=False, soft_wrap=True)
    try:
        with Display(console, total=len(to_do)) as display:
            run_jobs([*jobs.shared, *jobs.free], display, workers)
            run_jobs(jobs.waiting, display, workers)
    except KeyboardInterrupt:
        run.finish("interrupted", earlier + time.monotonic() - began, "interrupted; go on with --resume")
        raise
    for experiment, _ in plan:
        # An experiment without cells (a formula) is judged too.
        (run.path / "cells" / experiment.name).mkdir(parents=True, exist_ok=True)
    _conclude(study, run, _settings(study, request))
    run.save_info(seconds=round(earlier + time.monotonic() - began, 3))
    return run


def _jobs(plan: list[tuple[Experiment, list[Cell]]], run: Run, device: str) -> _Jobs:
    shared: dict[Path, Job] = {}
    free: list[Job] = []
    waiting: list[Job] = []
    for experiment, cells in plan:
        for cell in cells:
            changes: dict[str, Any] = {"device": device, "name": _label(experiment, cell)}
            for name, need in cell.needs.items():
                spec = need.spec.model_copy(update={"device": device, "threads": 1})
                place = cache_path(run.path.parent, spec)
                shared.setdefault(place, Job(spec, place, cost=need.cost, shared=True))
                changes.setdefault("needs", {})[name] = str(place)
            path = run.path / "cells" / experiment.name / cell.condition / f"seed-{cell.seed}"
            made: TrainSpec | Work = cell.spec.model_copy(update=changes)
            (waiting if cell.needs else free).append(Job(made, path, cell.after, cell.cost))
    return _Jobs(list(shared.values()), free, waiting)


def _conclude(study: Study, run: Run, settings: Any) -> None:
    verdicts, evidence = rejudge(run, study, settings)
    write_verdicts(run.path / "verdicts.json", verdicts)
    rows = [row for one in evidence.values() for row in one.rows(study.name)]
    write_measurements(run.path / "measurements.parquet", rows)
    for experiment in study.experiments:
        if experiment.name in evidence:
            for exhibit in experiment.exhibits(evidence[experiment.name]):
                write_exhibit(run.path / "exhibits", exhibit)
    run.save_info(finding=study.finding(evidence))


def _plan(study: Study, request: Request) -> list[tuple[Experiment, list[Cell]]]:
    settings = _settings(study, request)
    if request.seeds is not None and request.seeds < 1:
        raise InputError(f"--seeds: must be at least 1, got {request.seeds}")
    if request.workers is not None and request.workers < 1:
        raise InputError(f"--workers: must be at least 1, got {request.workers}")
    choose_device(request.device)
    return [
        (experiment, experiment.cells(settings, range(request.seeds or experiment.seeds[request.scale])))
        for experiment in study.chosen(request.experiments)
    ]


def _settings(study: Study, request: Request) -> Any:
    chosen = study.scales[request.scale]
    data: dict[str, Any] = json.loads(chosen.model_dump_json())
    for override in request.overrides:
        set_key(data, override)
    return validate(type(chosen), data, "--set" if request.overrides else "")


def _verdict(claim: Claim, evidence: Evidence | None) -> Verdict:
    verdict, tests, note = judge(claim, evidence)
    decides = deciding(tests)
    others = [f"{_in_words(test)}" for test in tests if test is not decides]
    parts = [note, claim.why if tests else "", f"Also: {'; '.join(others)}" if others else ""]
    return Verdict(
        claim=claim.id,
        statement=claim.statement,
        source=claim.source,
        reported=claim.reported,
        threshold=claim.why if decides is None else decides.bound.limit(),
        verdict="not-run" if verdict == "not run" else verdict,
        measured=None if decides is None else _measured(decides),
        experiment=claim.experiment,
        note=". ".join(f"{part[:1].upper()}{part[1:]}" for part in parts if part),
    )


def _measured(test: Test) -> Measured:
    value, low, high = test.interval()
    return Measured(
        name=test.bound.quantity,
        value=value,
        low=low,
        high=high,
        seeds=len(test.values),
        values=tuple(test.values[seed] for seed in sorted(test.values)),
    )


def _in_words(test: Test) -> str:
    return f"{test.bound.quantity} {test.interval()[0]:.3g} ({test.bound.limit()}: {test.verdict()})"


def _label(experiment: Experiment, cell: Cell) -> str:
    return f"{experiment.name}/{cell.condition}/{cell.seed}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
