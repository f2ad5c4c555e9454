"""Studies at smoke scale on a text of a few pages, run once for all tests of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
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


def untrained_scores(spec: Any) -> dict[str, float]:
    """Return what a training's untrained model scores, asked as its objective asks; sequences must fit its positions.

    The loss of the last example of every stream is taken first.
    """
    task = spec.task.build(spec.seed)
    objective = spec.objective.build(task.alphabet())
    model = spec.model.build(task.alphabet().size + objective.extra_tokens, spec.seed)
    for stream in task.streams("train").values():
        assert torch.isfinite(objective(model, stream.batch(torch.tensor([stream.size - 1]))))
    return task.score(model, reader=objective.reader())
