"""The language model over its training: spectrum of last tokens, loss, and alignment with the n-grams of its corpus."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.geometry.distance import spearman
from geomem.geometry.moments import Directions, Moments
from geomem.geometry.phases import Checkpoint, detect_phases
from geomem.geometry.spectral_error import spectral_intervals
from geomem.geometry.spectrum import FUNCTIONALS, Spectrum, decompose
from geomem.probing.conditions import untrained_twin
from geomem.probing.rerun import log_probabilities, prediction_chunks
from geomem.runs.tables import Measurement
from geomem.spec import validate
from geomem.studies.checkpoints import visit, window_batches
from geomem.studies.language_model import text_task
from geomem.studies.representation_phases.settings import Probe
from geomem.texts.ngrams import NGrams, count_ngrams
from geomem.texts.windows import Windows, choose_windows
from geomem.training.work import Extra

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter
    from geomem.runs.directory import Run
    from geomem.training.progress import Listener
    from geomem.training.work import Work

RANKME, ALPHA, LOSS = "final/rankme", "final/alpha", "model/loss"
PHASE = "phases/change"
"""Relative change of RankMe in a phase: the row's condition is its name, its step the end; `phases/start` its start."""


def alignment(order: int) -> str:
    """Return the name of the correlation with the n-grams up to an order."""
    return f"alignment/{order}-gram"


@dataclass(frozen=True)
class Question:
    """What every checkpoint is asked, fixed when the first is opened.

    read: windows whose last tokens give the spectrum, and which of them. tokens: (W, T), held-out windows for the loss.
    ngrams: of the text the small language model is trained on.
    """

    read: Windows
    index: Tensor
    tokens: Tensor
    ngrams: NGrams
    batch_tokens: int

    @classmethod
    def of(cls, work: Work, adapter: Adapter) -> Question:
        """Choose windows spread evenly over both parts of the text, the same for every checkpoint and seed."""
        probe = validate(Probe, work.settings["probe"])
        context = probe.context if adapter.context is None else min(probe.context, adapter.context)
        task = text_task(work, context=context)
        train, held_out = task.windows["train"], task.windows["held_out"]
        return cls(
            read=train,
            index=choose_windows(len(train), context, probe.sequences * context, seed=0),
            tokens=held_out.batch(choose_windows(len(held_out), context, probe.held_out_tokens, seed=0)),
            ngrams=count_ngrams(train.tokens, task.vocabulary.size, probe.order),
            batch_tokens=probe.batch_tokens,
        )

    @cached_property
    def expected(self) -> list[Tensor]:
        """What the n-grams up to each order, from 1, say of every held-out token: its log-probability, (W, T)."""
        return [self.ngrams.log_probabilities(self.tokens, order + 1) for order in range(self.ngrams.order)]

    @property
    def first(self) -> int:
        """The first place of a window where even the longest n-gram fits; all orders are compared on the same ones."""
        return self.ngrams.order - 1


def run_course(work: Work, _run: Run, listener: Listener) -> Extra:
    """Ask every checkpoint; a model without a series is shown beside its untrained twin."""
    from geomem.models.adapters import adapt

    question: Question | None = None
    rows: list[Measurement] = []
    for snapshot, adapter in visit(work, listener):
        question = question or Question.of(work, adapter)
        rows += numbers_at(adapter, question, snapshot.step)
        if snapshot.step is None:
            twin = numbers_at(adapt(untrained_twin(adapter.model, work.seed)), question, None)
            rows += [row.model_copy(update={"condition": "untrained"}) for row in twin]
    assert question is not None
    kept = ~question.expected[-1][:, question.first :].isnan()
    numbers = {"text/sequences": float(len(question.index)), "text/kept_by_ngrams": float(kept.double().mean())}
    return Extra(numbers, rows=[*rows, *phase_rows(rows)])


def numbers_at(adapter: Adapter, question: Question, step: int | None) -> list[Measurement]:
    """Return what one checkpoint is: spectra by layer and after the final norm, loss, alignment with each n-gram."""
    rows = list(_spectra(adapter, question, step))
    found = token_log_probabilities(adapter, question.tokens, question.batch_tokens)
    rows.append(Measurement(metric=LOSS, step=step, value=-float(found[:, 1:].mean())))
    for order, table in enumerate(question.expected, start=1):
        value = _aligned(found, table, question.first)
        rows.append(Measurement(metric=alignment(order), step=step, value=value))
    return rows


def token_log_probabilities(adapter: Adapter, tokens: Tensor, batch_tokens: int) -> Tensor:
    """Return the log-probability of every token of windows (W, T) given those before it, (W, T) float64.

    The first token of a window has none: NaN.
    """
    windows = Windows(tokens.flatten().to(torch.int32), tokens.shape[1])
    result = torch.full(tokens.shape, math.nan, dtype=torch.float64)
    for part, batch in window_batches(windows, torch.arange(len(windows)), batch_tokens):
        stream = adapter.run(batch)[:, :-1].flatten(0, 1)
        targets = batch[:, 1:].flatten()
        found = torch.empty(len(targets), dtype=torch.float64)
        with torch.no_grad():
            for rows in prediction_chunks(adapter, len(targets)):
                logs = log_probabilities(adapter, stream[rows]).cpu()
                found[rows] = logs.gather(1, targets[rows, None])[:, 0]
        result[part, 1:] = found.view(len(batch), -1)
    return result


def phase_rows(rows: Sequence[Measurement]) -> list[Measurement]:
    """Return the phases of a series as rows, by the rule of `geometry.phases` on the states after the final norm."""
    ranks, alphas = ([row for row in rows if row.metric == name and row.step is not None] for name in (RANKME, ALPHA))
    course = [
        Checkpoint(
            step=float(rank.step or 0),
            rankme=rank.value,
            alpha=alpha.value,
            rankme_interval=_bounds(rank),
            alpha_interval=_bounds(alpha),
        )
        for rank, alpha in zip(ranks, alphas, strict=True)
    ]
    found: list[Measurement] = []
    for one in detect_phases(course):
        for metric, value in ((PHASE, one.change), ("phases/start", one.start), ("phases/alpha", one.alpha_change)):
            found.append(Measurement(metric=metric, condition=one.name, step=int(one.end), value=value))
    return found


def _spectra(adapter: Adapter, question: Question, step: int | None) -> Iterator[Measurement]:
    """Yield the spectra of the last tokens of the sequences, at every stream and of what the output layer reads."""
    layers: list[Moments] = []
    last: list[Tensor] = []
    for _, batch in window_batches(question.read, question.index, question.batch_tokens):
        with torch.no_grad(), adapter.record(streams=True, parts=False) as record:
            adapter.run(batch)
            streams = [stream[:, -1] for stream in record.streams]
            last.append(adapter.final(streams[-1]).cpu())
        layers = layers or [Moments(stream.shape[1]) for stream in streams]
        for moments, stream in zip(layers, streams, strict=True):
            moments.update(stream.cpu().double())
    for layer, moments in enumerate(layers):
        found = FUNCTIONALS["rankme"](decompose(moments).eigenvalues)
        yield Measurement(metric="streams/rankme", layer=layer, step=step, value=float(found))
    yield from _final(torch.cat(last).double(), step)


def _final(states: Tensor, step: int | None) -> Iterator[Measurement]:
    moments, directions = Moments(states.shape[1]), Directions(states.shape[1])
    moments.update(states)
    directions.update(states)
    found = decompose(moments)
    numbers = Spectrum.of_eigenvalues(found.eigenvalues, found.count, float(directions.compute())).numbers()
    intervals = spectral_intervals(FUNCTIONALS, found, states, torch.arange(len(states)))
    for name, value in numbers.items():
        one = intervals.get(name)
        known = one is not None and math.isfinite(one.low + one.high)
        yield Measurement(metric=f"final/{name}", step=step, value=value, low=one.low if one and known else None,
                          high=one.high if one and known else None)  # fmt: skip


def _aligned(found: Tensor, expected: Tensor, first: int) -> float:
    """Return Spearman's correlation over the tokens that the n-grams find possible, from place `first` of a window on.

    Which tokens count depends on the text alone, so it is the same at all checkpoints.
    """
    kept = ~expected[:, first:].isnan()
    return spearman(found[:, first:][kept], expected[:, first:][kept])


def _bounds(row: Measurement) -> tuple[float, float] | None:
    return None if row.low is None or row.high is None else (row.low, row.high)
