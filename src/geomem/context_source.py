"""Where `geomem context` takes its counts from: a text, a token array, a task, a run's task, or saved counts."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console

from geomem.contexts.arrays import array_contexts, is_array
from geomem.contexts.files import is_saved, merge_contexts, open_contexts
from geomem.contexts.origin import Contexts
from geomem.contexts.texts import TextSettings, Told, text_contexts
from geomem.errors import InputError
from geomem.spec import Spec, resolve
from geomem.training.progress import Display, Event

if TYPE_CHECKING:
    from geomem.cli import ContextCommand

Kind = Literal["text", "array", "task", "run", "counts"]

_HOLDS: dict[Kind, str] = {
    "text": "is a text",
    "array": "holds token ids already",
    "task": "makes its own examples",
    "run": "has a task, which makes its own examples",
    "counts": "holds counts that are made already",
}
_OPTIONS: dict[str, tuple[str, tuple[Kind, ...]]] = {
    "--context": ("a text, an array or a task", ("text", "array", "task", "run")),
    "--window": ("a text or an array", ("text", "array")),
    "--vocabulary": ("a text or an array", ("text", "array")),
    "--max-tokens": ("a text or an array", ("text", "array")),
    "--tokenizer": ("a text", ("text",)),
    "--set": ("--task", ("task",)),
    "--seed": ("--task", ("task",)),
}
"""Options, what each belongs to in words, and the sources it goes with."""


def find_contexts(asked: ContextCommand, console: Console) -> Contexts:
    """Count, or open and merge, what the command line names; progress goes to `console`.

    Raises InputError for a source that is not there or cannot be read, and for an option that does not go with it.
    """
    kind, where = _kind(asked)
    _refuse_useless(asked, kind, where)
    if kind == "counts":
        opened = [open_contexts(Path(name)) for name in (where, *asked.merge)]
        return merge_contexts(opened) if asked.merge else opened[0]
    if kind in ("text", "array"):
        settings = TextSettings(
            context=_context(asked.context),
            window=asked.window,
            tokenizer=asked.tokenizer,
            vocabulary=asked.vocabulary,
            max_tokens=asked.max_tokens,
        )
        if kind == "array":
            return _shown(console, "tokens", lambda told: array_contexts(where, settings, told=told))
        return _shown(console, "characters", lambda told: text_contexts(where, settings, told=told))
    from geomem.tasks.contexts import registered_contexts

    spec, seed = _task(asked.task, asked.set, asked.seed) if asked.task is not None else _task_of_run(Path(where))
    length = _context(asked.context)
    whole = None if length == "full" else length
    return _shown(console, "examples", lambda told: registered_contexts(spec, seed, whole, told=told))


def _kind(asked: ContextCommand) -> tuple[Kind, str]:
    """Return what is counted, and what to call it."""
    if asked.task is not None:
        if asked.source is not None:
            raise InputError(f"give either {asked.source} or --task {asked.task}, not both")
        return "task", f"--task {asked.task}"
    if asked.source is None:
        raise InputError("what to count? for example: geomem context novels, or geomem context --task in-weights-edges")
    path = Path(asked.source)
    if is_saved(path):
        return "counts", asked.source
    if (path / "run.json").is_file():
        return "run", asked.source
    return "array" if is_array(asked.source) else "text", asked.source


def _refuse_useless(asked: ContextCommand, kind: Kind, where: str) -> None:
    if asked.merge and kind != "counts":
        raise InputError(f"--merge adds up saved matrices, and {where} {_HOLDS[kind]}; save its counts first")
    given = {
        "--context": asked.context, "--window": asked.window, "--tokenizer": asked.tokenizer,
        "--vocabulary": asked.vocabulary, "--max-tokens": asked.max_tokens, "--set": asked.set or None,
        "--seed": asked.seed,
    }  # fmt: skip
    for option, value in given.items():
        owner, kinds = _OPTIONS[option]
        if value is not None and kind not in kinds:
            raise InputError(f"{where}: {_HOLDS[kind]}; {option} belongs to {owner}")


def _context(text: str | None) -> int | Literal["full"] | None:
    if text is None:
        return None
    if text == "full":
        return "full"
    if not re.fullmatch(r"[1-9][0-9]{0,5}", text):
        raise InputError(f"--context {text}: expected a number of tokens, or 'full'")
    return int(text)


def _task(name: str, changes: tuple[str, ...], seed: int | None) -> tuple[Spec, int]:
    """Return the settings of a registered task with `key=value` changes, and its seed."""
    from geomem.tasks import TASKS
    from geomem.training.spec import set_key

    if seed is not None and seed < 0:
        raise InputError(f"--seed: at least 0, got {seed}")
    data: dict[str, Any] = {"kind": name}
    for change in changes:
        set_key(data, change)
    return resolve(TASKS, data, f"--task {name}"), seed or 0


def _task_of_run(path: Path) -> tuple[Spec, int]:
    """Return the task that a training run was given, and its seed. Raises RunError for a folder of another version."""
    from geomem.runs.directory import Run
    from geomem.spec import validate
    from geomem.training.spec import TrainSpec

    run = Run.open(path)
    if run.info.kind != "train":
        raise InputError(f"{path}: is a {run.info.kind} run, which has no task of its own; name a training run")
    spec = validate(TrainSpec, run.info.spec, str(path / "run.json"))
    return spec.task, spec.seed


def _shown(console: Console, unit: str, count: Callable[[Told], Contexts]) -> Contexts:
    """Count, and show how far it is and how fast."""
    begun: dict[str, tuple[float, int]] = {}
    with Display(console) as display:

        def told(stage: str, done: int, total: int) -> None:
            now = time.monotonic()
            start, before = begun.setdefault(stage, (now, done))
            rate = (done - before) / (now - start) if now > start else 0.0
            if total:
                display(Event(stage, done, total, rate=rate, unit=unit))

        return count(told)
