"""`geomem lingen`: text from a linear combination of other prompts' logits, beside the model's own."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from geomem.errors import InputError, RunError
from geomem.runs.atomic import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from geomem.cli import LinGenCommand
    from geomem.probing.lingen.follow import Choose, Course
    from geomem.probing.lingen.lingen import LinGen
    from geomem.probing.logits.language import LanguageModel
    from geomem.probing.subject import Subject

RESULT = "lingen.json"


@dataclass(frozen=True)
class Line:
    """What one predictor wrote: its text, and KL(model || predictor) in nats at every step and in all."""

    name: str
    text: str
    tokens: tuple[str, ...]
    divergences: tuple[float, ...]
    total: float


@dataclass(frozen=True)
class LinGenView:
    """LinGen's text beside the model's own and that of the baselines."""

    model: str
    target: str
    own: str
    lines: tuple[Line, ...]
    histories: int
    futures: int
    history_tokens: int
    columns: int
    residual: float
    seconds: float
    notes: tuple[str, ...] = ()

    def data(self) -> Any:
        """Return everything as plain data."""
        return asdict(self)

    def renderables(self) -> list[Any]:
        """Return the texts, a table of KL by step, and notes."""
        shown: list[Any] = [
            f"[bold]{escape(self.model)}[/]  target: {escape(self.target)}",
            f"{self.histories} other histories of {self.history_tokens} tokens, fitted after {self.futures} futures "
            f"({self.columns} tokens each); relative residual {self.residual:.3f}",
            "",
            f"[cyan]the model itself[/]  {_on_a_line(self.own)}",
            *(f"[cyan]{escape(line.name)}[/]  {_on_a_line(line.text)}" for line in self.lines),
            "",
            "KL(model || predictor) in nats, along what each wrote:",
        ]
        table = Table("step", *(escape(line.name) for line in self.lines), box=None, padding=(0, 2))
        for step, values in enumerate(zip(*(line.divergences for line in self.lines), strict=True)):
            table.add_row(str(step + 1), *(f"{value:.3f}" for value in values))
        table.add_row("all", *(f"{line.total:.3f}" for line in self.lines))
        # The single-token variant is fitted to step 1, so that it says nothing about it.
        table.add_row("from step 2", *(f"{sum(line.divergences[1:]):.3f}" for line in self.lines))
        return [*shown, table, *(f"  - {escape(note)}" for note in self.notes), f"({self.seconds:.0f} s)"]


def _on_a_line(text: str) -> str:
    return escape(text.replace("\n", "↵"))


def run(words: LinGenCommand, console: Console) -> LinGenView:
    """Do what the command line asks. Raises InputError, one line, for bad input, before the model is read if it can."""
    _check(words)
    from geomem.probing.logits.language import LanguageModel
    from geomem.probing.logits.limits import check_lengths
    from geomem.probing.logits.sequences import cut_sequences, nonsense
    from geomem.probing.subject import open_subject, short_names
    from geomem.texts.reading import find_text, read_text
    from geomem.texts.tokens import start_token, tokenise

    began = time.monotonic()
    text = find_text(words.text)
    subject = open_subject(short_names([words.model])[0], words.model, words.device, "float32", words.tokenizer)
    model = LanguageModel(subject.adapter)
    start = start_token(subject.tokenizer)
    target = _target(words.target or "", subject, start)
    # The same positions for all: a history is as long as the target unless something else is asked for.
    length = len(target) if words.history_tokens is None else words.history_tokens
    # Futures and what is written follow a history apart; the last token written is not read.
    for rows in {len(target), length}:
        check_lengths(subject.adapter, rows, max(words.steps - 1, words.future_tokens))
    tokens = tokenise(read_text(text), subject.tokenizer)
    found = cut_sequences(tokens, histories=words.histories, futures=words.futures, history_tokens=length,
                          future_tokens=words.future_tokens, start=start, seed=words.seed)  # fmt: skip
    mixed = nonsense(found, words.nonsense, words.seed, start=start is not None)
    others = mixed.histories[(mixed.histories != target).any(1)] if length == len(target) else mixed.histories
    lingen = _prepare(words, model, others, mixed.futures, tokens, start, console)
    view = _view(words, subject, model, lingen, target, length, time.monotonic() - began)
    if words.out is not None:
        write_atomic(words.out / RESULT, json.dumps(view.data(), indent=1, ensure_ascii=False) + "\n")
    return view


def _check(words: LinGenCommand) -> None:
    if words.target is None or not words.target.strip():
        raise InputError('--target is missing: the prompt to imitate, such as --target "Once upon a time"')
    for name in ("histories", "futures", "future_tokens", "steps", "columns"):
        if getattr(words, name) < 1:
            raise InputError(f"--{name.replace('_', '-')}: must be at least 1, got {getattr(words, name)}")
    if words.history_tokens is not None and words.history_tokens < 2:
        raise InputError(f"--history-tokens: must be at least 2, got {words.history_tokens}")
    if words.ridge < 0:
        raise InputError(f"--ridge: must be 0 or more, got {words.ridge}")
    if words.greedy and words.temperature != 1.0:
        raise InputError("give either --greedy or --temperature, not both")
    if not words.temperature > 0:
        raise InputError(f"--temperature: must be above 0, got {words.temperature}; for the likeliest token: --greedy")
    if words.out is not None and (words.out / RESULT).exists():
        raise RunError(f"{words.out}: holds a finished result ({RESULT}); choose another --out")


def _target(text: str, subject: Subject, start: int | None) -> Tensor:
    import torch

    from geomem.texts.tokens import tokenise

    own = tokenise([text], subject.tokenizer).long()
    return own if start is None else torch.cat([torch.tensor([start]), own])


def _prepare(
    words: LinGenCommand, model: LanguageModel, histories: Tensor, futures: tuple[Tensor, ...], tokens: Tensor,
    start: int | None, console: Console,
) -> LinGen:  # fmt: skip
    import tempfile

    from geomem.probing.lingen.lingen import LinGen
    from geomem.probing.lingen.predictors import frequencies
    from geomem.probing.logits.blocks import Blocks
    from geomem.training.progress import Display

    with tempfile.TemporaryDirectory() as spare, Display(console) as display:
        place = Path(spare) if words.out is None else words.out
        matrix = Blocks(place / "matrix", histories, futures, words.columns, "logit matrix").build(model, display)
    return LinGen.prepare(model, histories, futures, matrix=matrix, ridge=words.ridge,
                          unigram=frequencies(tokens, model.vocabulary), start=int(start is not None))  # fmt: skip


def _view(
    words: LinGenCommand, subject: Subject, model: LanguageModel, lingen: LinGen, target: Tensor, length: int,
    seconds: float,
) -> LinGenView:  # fmt: skip
    from geomem.probing.lingen.follow import follow

    began = time.monotonic()
    choose = _choices(words)
    courses = {
        name: follow(predictor, lingen.model(target), words.steps, choose())
        for name, predictor in lingen.predictors(target).items()
    }
    own = follow(lingen.model(target), lingen.model(target), words.steps, choose())
    return LinGenView(
        model=subject.name,
        target=words.target or "",
        own=_decoded(subject, own.tokens),
        lines=tuple(_line(subject, name, course) for name, course in courses.items()),
        histories=len(lingen.matrix.values),
        futures=len(lingen.futures),
        history_tokens=length,
        columns=lingen.matrix.columns.shape[1],
        residual=lingen.weights(target).residual,
        seconds=round(seconds + time.monotonic() - began, 3),
        notes=tuple(note for note in (model.note, *subject.notes) if note),
    )


def _choices(words: LinGenCommand) -> Callable[[], Choose]:
    """Return what makes a choice for each predictor, all with the same random numbers."""
    from geomem.probing.lingen.follow import greedy, sampling
    from geomem.seeding import torch_generator

    if words.greedy:
        return lambda: greedy
    return lambda: sampling(torch_generator(words.seed, "lingen", "choice"), words.temperature)


def _line(subject: Subject, name: str, course: Course) -> Line:
    pieces = tuple(_decoded(subject, token[None]) for token in course.tokens)
    return Line(name, _decoded(subject, course.tokens), pieces, tuple(course.divergences.tolist()), course.total)


def _decoded(subject: Subject, tokens: Tensor) -> str:
    return str(subject.tokenizer.decode(tokens.tolist()))
