"""One model under one condition, from its text to its rows: tokens, windows, the pass, and what follows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.probing.conditions import untrained_twin
from geomem.probing.memory import bytes_a_token, check_fits, free_bytes
from geomem.probing.plan import Plan, make_plan, windows_of_a_batch
from geomem.probing.reader import Progress, Reader, no_progress
from geomem.probing.rerun import chosen_layers
from geomem.probing.rows import Rows
from geomem.probing.spec import ProbeSpec
from geomem.probing.subject import Subject
from geomem.probing.workers import Share, read_shared
from geomem.texts.reading import find_text, read_text
from geomem.texts.tokens import start_token, tokenise
from geomem.texts.windows import cut_windows


def tokens_of(subject: Subject, spec: ProbeSpec, file: Path | None = None) -> Tensor:
    """Return the text as the subject's tokens (n,) int32; kept in `file` and mapped from there when one is given.

    Raises InputError for a text that is missing, empty, binary or too short for one token.
    """
    if file is not None and file.exists():
        return torch.from_numpy(np.memmap(file, np.int32, mode="c"))
    if subject.tokenizer is None:
        raise InputError(f"{subject.name}: a text needs a tokenizer; give one, or token ids in place of the text")
    return tokenise(read_text(find_text(spec.text)), subject.tokenizer, file)


def plan_for(subject: Subject, spec: ProbeSpec, tokens: Tensor, condition: str) -> Plan:
    """Cut the tokens into the subject's windows and choose what is read.

    Raises InputError when the text is shorter than one window, or a batch holds none.
    """
    windows = cut_windows(
        tokens,
        subject.context(spec.context),
        start=None if subject.tokenizer is None else start_token(subject.tokenizer),
    )
    return make_plan(windows, subject.shape.vocabulary, spec, shuffled=condition == "shuffled")


def subject_under(subject: Subject, condition: str, spec: ProbeSpec) -> Subject:
    """Return the subject as a condition has it: the same model, or its untrained twin."""
    if condition != "untrained":
        return subject
    from geomem.models.adapters import adapt

    twin = untrained_twin(subject.model, spec.seed)
    return replace(subject, model=twin, adapter=adapt(twin))


def check_fitting(subject: Subject, spec: ProbeSpec) -> None:
    """Raise InputError for layers, windows or batches that this model does not have or take."""
    chosen_layers(spec.layers or None, subject.shape.layers + 1, "--layers")
    windows_of_a_batch(spec, subject.context(spec.context))


def reader_for(subject: Subject, condition: str, spec: ProbeSpec, tokens: Path | Tensor) -> Reader:
    """Return a reader that has read nothing yet. Raises InputError as `check_fitting`, and when memory is too small."""
    check_fitting(subject, spec)
    words = tokens_of(subject, spec, tokens) if isinstance(tokens, Path) else tokens
    plan = plan_for(subject, spec, words, condition)
    reader = Reader(subject.adapter, subject.shape, spec, plan)
    check_fits(plan.each * plan.context, reader.bytes_a_token, plan.context, free_bytes(str(subject.adapter.device)))
    return reader


def read_pass(
    subject: Subject,
    condition: str,
    spec: ProbeSpec,
    tokens: Path | Tensor,
    *,
    folder: Path | None = None,
    progress: Progress = no_progress,
    stop: Callable[[], bool] = lambda: False,
) -> Reader:
    """Read the text once under a condition, with as many workers as the settings say; return the full reader.

    folder: where states are saved and found again; without one nothing is saved and one process reads.
    """
    own = subject_under(subject, condition, spec)
    reader = reader_for(own, condition, spec, tokens)
    if spec.workers > 1 and folder is not None and subject.path is not None and isinstance(tokens, Path):
        shares = _shares(subject, condition, spec, tokens, folder, min(spec.workers, reader.plan.batches))
        read_shared(reader, shares, progress, spec.executor)
        return reader
    state = None if folder is None else folder / "state.pt"
    if state is not None and state.exists():
        reader.load(state)
    reader.read(range(reader.plan.batches), progress=progress, save=state, stop=stop)
    return reader


def measured(reader: Reader, subject: Subject, condition: str) -> Rows:
    """Turn what a reader has read into rows."""
    rows = Rows(subject.name, condition, subject.step, reader.spec.seed)
    reader.results(rows)
    return rows


def _shares(subject: Subject, condition: str, spec: ProbeSpec, tokens: Path, folder: Path, count: int) -> list[Share]:
    threads = max(1, torch.get_num_threads() // count)
    settings: dict[str, Any] = spec.model_dump(mode="json")
    return [
        Share(subject.name, str(subject.path), condition, settings, str(tokens),
              str(folder / f"shard-{number}-of-{count}.pt"), number, count, threads)
        for number in range(count)
    ]  # fmt: skip


def memory_line(subject: Subject, spec: ProbeSpec) -> str:
    """Return, in words, what a batch takes."""
    context = subject.context(spec.context)
    each = bytes_a_token(subject.shape, context, attention=spec.attention)
    return f"{each * spec.batch_tokens / 2**20:.0f} MiB a batch of {spec.batch_tokens} tokens"
