"""Studies at smoke scale on a text of a few pages, run once for all tests of a folder."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from geomem.runs.directory import Run
from geomem.studies import STUDIES, runner
from geomem.studies.evidence import Evidence
from geomem.studies.runner import Request

QUIET = Console(quiet=True)


def run_smoke(name: str, folder: Path, *overrides: str, experiments: tuple[str, ...] = ("all",)) -> Run:
    """Run a study on one core and return its run, said to be finished."""
    request = Request(study=name, scale="smoke", experiments=experiments, workers=1, device="cpu", overrides=overrides)
    run = runner.run_study(request, folder, QUIET)
    run.finish("finished", run.info.seconds)
    return run


def evidence_of(run: Run) -> dict[str, Evidence]:
    """Return the evidence that a run left, by experiment."""
    study = STUDIES.get(run.info.spec["request"]["study"])
    settings = type(study.scales["smoke"]).model_validate(run.info.spec["settings"])
    return runner.rejudge(run, study, settings)[1]
