"""What the door calls: read an experiment, say what it costs, run or resume it or a study, and write the page."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from geomem.errors import InputError, RunError
from geomem.hardware import choose_device, choose_dtype, first_process
from geomem.report.page import write_report
from geomem.runs.directory import Run
from geomem.studies import runner
from geomem.studies.runner import Request
from geomem.training.cost import Cost, estimate
from geomem.training.progress import Display
from geomem.training.spec import TrainSpec, load_spec

_RESUMED = {
    "study": "a study; resume it with: geomem study run --resume {}",
    "probe": "a probe; resume it with: geomem probe --resume {}",
    "work": "a part of a study; resume the study's own directory with: geomem study run --resume RUN",
}
"""What a run that is not a training is, and how it goes on, by kind."""


@dataclass(frozen=True)
class CostView:
    """An estimate, for printing."""

    cost: Cost

    def data(self) -> Any:
        """Return the estimate as a mapping."""
        return self.cost.__dict__

    def renderables(self) -> list[Any]:
        """Return one line a fact."""
        return [escape(line) for line in self.cost.lines()]


@dataclass(frozen=True)
class Outcome:
    """How a run ended and what it measured last."""

    run: Run
    numbers: dict[str, float]
    chance: dict[str, float]

    def data(self) -> Any:
        """Return path, status and the last value of every metric, with its chance level where it has one."""
        return {"run": str(self.run.path), "status": self.run.info.status, "message": self.run.info.message,
                "seconds": self.run.info.seconds, "metrics": self.numbers, "chance": self.chance}  # fmt: skip

    def renderables(self) -> list[Any]:
        """Return a table of the last numbers beside chance, and where the report is."""
        table = Table("metric", "value", "chance", box=None, padding=(0, 2))
        for name, value in self.numbers.items():
            chance = self.chance.get(name)
            table.add_row(escape(name), f"{value:.4g}", "" if chance is None else f"{chance:.4g}")
        ended = f"{self.run.info.status} after {self.run.info.seconds:.1f} s"
        message = f": {self.run.info.message}" if self.run.info.message else ""
        return [table, escape(ended + message), f"report: {escape(str(self.run.path / 'report.html'))}"]


def read(file: Path | None, overrides: list[str]) -> TrainSpec:
    """Read and validate an experiment. Raises InputError, one line an error."""
    return load_spec(file, overrides)


def cost(spec: TrainSpec) -> CostView:
    """Estimate an experiment by taking a few of its steps."""
    return CostView(estimate(spec))


def start(spec: TrainSpec, out: Path, console: Console) -> Outcome:
    """Train in a new run directory under `out`.

    Raises InputError, and leaves nothing behind, for settings that turn out not to work before the first step.
    """
    choose_dtype(spec.dtype, choose_device(spec.device).value)
    if not first_process():
        return _take_part(spec)
    run = Run.create(out, spec.name, "train", spec.model_dump(mode="json"), [spec.seed])
    try:
        return _go(spec, run, console)
    except InputError as error:
        if not _worth_resuming(run, error):
            run.unlock()
            shutil.rmtree(run.path)
        raise


def _worth_resuming(run: Run, error: InputError) -> bool:
    """Return whether a failed run holds something to go on from: a saved state, and steps if settings are at fault."""
    from geomem.training.state import TrainState

    file = run.path / "resume" / "state.pt"
    return file.exists() and (isinstance(error, RunError) or TrainState.load(file).step > 0)


def resume(path: Path, console: Console) -> Outcome:
    """Go on with an unfinished run; it ends with the same bits as one never stopped. Raises RunError."""
    from geomem.training.loop import resume_spec

    run = Run.open(path)
    if run.info.kind != "train":
        raise RunError(f"{path} is {_RESUMED[run.info.kind].format(path)}")
    if run.finished:
        raise RunError(f"{path} has ended already ({run.info.status}); start a new run instead")
    if not first_process():
        return _take_part(resume_spec(run), run)
    run.lock()
    return _go(resume_spec(run), run, console)


def run_study(request: Request, out: Path, console: Console) -> Run:
    """Run a study in a new directory under `out` and write its page. Raises InputError before anything is written."""
    return _with_page(runner.run_study(request, out, console))


def resume_study(path: Path, console: Console) -> Run:
    """Go on with a study run and write its page. Raises RunError."""
    return _with_page(runner.resume_study(path, console))


def _with_page(run: Run) -> Run:
    # The page shows the header, so the header says "finished" before the page is made.
    run.save_info(status="finished")
    write_report(run.path)
    run.finish("finished", run.info.seconds)
    return run


def _go(spec: TrainSpec, run: Run, console: Console) -> Outcome:
    from geomem.training.start import train_any

    console.print(f"writing to {run.path}", highlight=False, soft_wrap=True)
    with Display(console) as display:
        trained = train_any(spec, run, display)
    run.save_info(status=trained.status, seconds=round(trained.seconds, 3), message=trained.message)
    write_report(run.path)
    run.finish(trained.status, trained.seconds, trained.message)
    last = {name: trained.history.last(name) for name in sorted(trained.history.columns)}
    numbers = {name: value for name, value in last.items() if value is not None and name != "lr"}
    return Outcome(run, numbers, {name: value for name, value in trained.task.chance.items() if name in numbers})


def _take_part(spec: TrainSpec, resumed: Run | None = None) -> Outcome:
    """Train beside the first process of `torchrun`, which alone keeps anything, from the state it starts from."""
    from geomem.training.start import train_any

    with tempfile.TemporaryDirectory() as folder:
        choices = None if resumed is None else resumed.info.choices
        run = Run.create(Path(folder), spec.name, "train", spec.model_dump(mode="json"), [spec.seed], choices)
        # The first process cannot change that state yet: it waits for this one to join before the first step.
        if resumed is not None and (resumed.path / "resume").is_dir():
            shutil.copytree(resumed.path / "resume", run.path / "resume")
        trained = train_any(spec, run)
        run.finish(trained.status, trained.seconds, trained.message)
    return Outcome(run, {}, {})
