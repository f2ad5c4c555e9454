"""A probe as a run: its directory, its passes one after the other, what is skipped on --resume, and its conclusion."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from geomem.errors import InputError, RunError
from geomem.hardware import choose_threads, keep_freed_memory
from geomem.models.places import find_checkpoint
from geomem.probing.conclude import conclude
from geomem.probing.contexts import check_tokenizers, open_matching
from geomem.probing.extras import left_out, measure_extras
from geomem.probing.keep import PassResult, keep_pass, read_pass_result
from geomem.probing.knowledge import ask
from geomem.probing.passes import check_fitting, measured, read_pass, tokens_of
from geomem.probing.spec import ProbeSpec
from geomem.probing.subject import Subject, open_subject, short_names
from geomem.runs.directory import Run
from geomem.texts.reading import find_text, read_text
from geomem.training.interrupt import GracefulInterrupt
from geomem.training.progress import Display, Event

PASSES = "passes"
"""Folder of a run in which each pass keeps its state and then its results."""


@dataclass(frozen=True)
class Step:
    """One pass of a probe: model number, its display name, its place, its training step, and the condition."""

    number: int
    name: str
    place: str
    step: int | None
    condition: str

    @property
    def folder(self) -> str:
        """Name of its folder in the run."""
        slug = re.sub(r"[^A-Za-z0-9._-]+", "-", self.name).strip("-.") or "model"
        return f"{self.number:03d}-{slug}/{self.condition or 'measured'}"

    @property
    def label(self) -> str:
        """What progress calls it."""
        return f"{self.name}, {self.condition}" if self.condition else self.name


def steps_of(spec: ProbeSpec) -> list[Step]:
    """Return the passes of a probe in order; a series has its null models only for its last checkpoint."""
    names = short_names(spec.models)
    last = len(names) - 1
    steps: list[Step] = []
    for number, (name, place) in enumerate(zip(names, spec.models, strict=True)):
        training = spec.steps[number] if spec.steps else None
        conditions = ("", *(spec.controls if not spec.series or number == last else ()))
        steps += [Step(number, name, place, training, condition) for condition in conditions]
    return steps


def start_probe(spec: ProbeSpec, out: Path, console: Console) -> Run:
    """Probe in a new run directory under `out`; the caller writes the page and marks the run as finished.

    Raises InputError, and leaves nothing behind, for models, texts or settings that turn out not to work.
    """
    check_request(spec)
    first = _open(steps_of(spec)[0], spec)
    check_fitting(first, spec)
    open_matching(spec, first)
    header = {"request": spec.model_dump(mode="json"), "models": list(spec.models), "text": spec.text}
    run = Run.create(out, f"probe-{short_names(spec.models)[0]}", "probe", header, [spec.seed])
    try:
        return _go(spec, run, console, first)
    except InputError:
        if not any((run.path / PASSES).glob("*/*/result.json")):
            run.unlock()
            shutil.rmtree(run.path)
        raise


def check_request(spec: ProbeSpec) -> None:
    """Look for everything that a probe names, before any of it is opened.

    Raises InputError for a model or text that is not there, a graph or sentences that cannot be read, and a context
    matrix that cannot be read or is of other tokens than a model's.
    """
    for place in spec.models:
        find_checkpoint(place)
    file = find_text(spec.text)
    next(read_text(file))
    if spec.graph is not None and "knowledge" in spec.measure:
        ask(spec.graph, spec.templates, lambda: "".join(read_text(file)), spec.seed)
    check_tokenizers(spec)


def resume_probe(path: Path, console: Console) -> Run:
    """Go on with an unfinished probe: passes that ended are skipped, one in the middle goes on. Raises RunError."""
    run = Run.open(path)
    if run.info.kind != "probe":
        raise RunError(f"{path} is a {run.info.kind} run, not a probe")
    if run.finished:
        raise RunError(f"{path} has ended already ({run.info.status}); start a new probe instead")
    run.lock()
    spec = ProbeSpec.model_validate(run.info.spec["request"])
    return _go(spec, run, console, None)


def _go(spec: ProbeSpec, run: Run, console: Console, opened: Subject | None) -> Run:
    began, earlier = time.monotonic(), run.info.seconds
    steps = steps_of(spec)
    threads = choose_threads(spec.threads)
    _use_threads(int(threads.value))
    keep_freed_memory()
    run.save_info(status="running", title=_title(spec), choices={"threads": f"{threads.value}: {threads.reason}"})
    console.print(f"{len(steps)} passes over {spec.text}; writing to {run.path}", highlight=False, soft_wrap=True)
    interrupt = GracefulInterrupt()
    subject: Subject | None = opened
    try:
        with Display(console, total=len(steps)) as display, interrupt:
            for step in steps:
                if read_pass_result(run.path / PASSES / step.folder) is not None:
                    display(Event(step.label, 1, 1, note="already measured", done=True))
                    continue
                if subject is None or subject.name != step.name:
                    subject = _open(step, spec)
                _record_choices(run, subject)
                _one(step, subject, spec, run, display, lambda: interrupt.asked)
    except KeyboardInterrupt:
        run.finish("interrupted", earlier + time.monotonic() - began, "interrupted; go on with --resume")
        raise
    results = [_result(run, step) for step in steps]
    conclude(spec, run, results)
    shutil.rmtree(run.path / PASSES / "tokens", ignore_errors=True)
    run.save_info(seconds=round(earlier + time.monotonic() - began, 3))
    return run


def _one(step: Step, subject: Subject, spec: ProbeSpec, run: Run, display: Display, stop: Callable[[], bool]) -> None:
    folder = run.path / PASSES / step.folder
    tokens = run.path / PASSES / "tokens" / f"{step.number:03d}.int32"
    tokens_of(subject, spec, tokens)

    def tell(done: int, total: int, rate: float) -> None:
        display(Event(step.label, done, total, rate, unit="tokens"))

    def tell_more(name: str, done: int, count: int) -> None:
        display(Event(step.label, done, count, note=name, unit="runs"))

    began = time.monotonic()
    reader = read_pass(subject, step.condition, spec, tokens, folder=folder, progress=tell, stop=stop)
    # What comes next may be stopped too, and what has been read must not be read again.
    reader.save(folder / "state.pt")
    rows = measured(reader, subject, step.condition)
    own = replace(subject, model=reader.adapter.model, adapter=reader.adapter)
    measure_extras(own, step.condition, spec, reader.plan, rows, tell_more, stop)
    rows.only(spec.layers)
    if not step.condition:
        rows.lines += [*subject.notes, *left_out(subject, spec)]
    keep_pass(folder, rows, reader, time.monotonic() - began)
    rate = reader.plan.tokens / max(1e-9, time.monotonic() - began)
    display(Event(step.label, reader.plan.tokens, reader.plan.tokens, rate, unit="tokens", done=True))


def _open(step: Step, spec: ProbeSpec) -> Subject:
    return open_subject(step.name, step.place, spec.device, spec.dtype, spec.tokenizer, step.step)


def _record_choices(run: Run, subject: Subject) -> None:
    found = {name: f"{choice.value}: {choice.reason}" for name, choice in subject.choices.items()}
    run.save_info(choices={**run.info.choices, **found})


def _result(run: Run, step: Step) -> PassResult:
    found = read_pass_result(run.path / PASSES / step.folder)
    if found is None:
        raise RunError(f"{run.path}: the results of {step.label} are missing")
    return found


def _title(spec: ProbeSpec) -> str:
    names = short_names(spec.models)
    if spec.series:
        return f"{len(names)} checkpoints of {Path(spec.models[0]).parent.name or names[0]}"
    return names[0] if len(names) == 1 else " and ".join([", ".join(names[:-1]), names[-1]])


def _use_threads(count: int) -> None:
    import torch

    torch.set_num_threads(count)
