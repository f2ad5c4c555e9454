"""The numbers of collapse at every checkpoint: means of training tokens, decisions and loss on unseen ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.geometry.class_agreement import ClassAgreement
from geomem.geometry.class_means import ClassMeans, ClassScatter, ClassTable
from geomem.geometry.collapse import CollapseReport, collapse_report
from geomem.probing.conditions import untrained_twin
from geomem.probing.rerun import batches, log_probabilities, prediction_chunks
from geomem.runs.tables import Measurement
from geomem.studies.checkpoints import visit
from geomem.studies.linguistic_collapse.classes import NEXT_TOKEN, SUPPORT, Material, material
from geomem.training.work import Extra

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter
    from geomem.runs.directory import Run
    from geomem.training.progress import Listener
    from geomem.training.work import Work

LOSS = "model/loss"


def run_course(work: Work, _run: Run, listener: Listener) -> Extra:
    """Measure every checkpoint; a model without a series is shown beside its untrained twin."""
    from geomem.models.adapters import adapt

    read: Material | None = None
    rows: list[Measurement] = []
    for snapshot, adapter in visit(work, listener):
        read = read or material(work, adapter)
        rows += numbers_at(adapter, read, snapshot.step)
        if snapshot.step is None:
            twin = numbers_at(adapt(untrained_twin(adapter.model, work.seed)), read, None)
            rows += [row.model_copy(update={"condition": "untrained"}) for row in twin if not row.condition]
    assert read is not None
    return Extra({"text/contexts": read.contexts}, rows=rows)


@torch.no_grad()
def numbers_at(adapter: Adapter, read: Material, step: int | None) -> list[Measurement]:
    """Return the numbers of one checkpoint for each grouping, beside their chance level, and the loss.

    Support-set classes are no tokens: they have no row of the output layer, and so neither duality nor NC4.
    """
    tables = class_tables(adapter, read)
    own = tables[NEXT_TOKEN]
    rows, bias = adapter.unembedding, adapter.unembedding_bias
    assert rows is not None
    unembedding = rows.detach().cpu()[own.ids].double()
    agreement = ClassAgreement(own, unembedding, None if bias is None else bias.detach().cpu()[own.ids].double())
    loss = judge_unseen(adapter, read, agreement)
    found = [*_rows(NEXT_TOKEN, collapse_report(own, unembedding, agreement=agreement), step)]
    if SUPPORT in tables:
        found += _rows(SUPPORT, collapse_report(tables[SUPPORT]), step)
    return [*found, Measurement(metric=LOSS, step=step, value=loss)]


def class_tables(adapter: Adapter, read: Material) -> dict[str, ClassTable]:
    """Return means and variances of every grouping, of what the output layer reads at all places that are classed."""
    assert adapter.unembedding is not None
    width = adapter.unembedding.shape[1]
    metrics: dict[str, ClassMeans] = {
        name: (ClassScatter if name == NEXT_TOKEN else ClassMeans)(one.ids, width, min_samples=1)
        for name, one in read.groupings.items()
    }
    for part in batches(read.train, read.batch_tokens):
        states = adapter.final(adapter.run(read.train[part]))[:, :-1].flatten(0, 1).cpu()
        for name, metric in metrics.items():
            metric.update(states, read.groupings[name].labels[part].flatten())
    return {name: metric.table() for name, metric in metrics.items()}


def judge_unseen(adapter: Adapter, read: Material, agreement: ClassAgreement) -> float:
    """Feed the decisions on held-out tokens (NC4) and return the mean loss over them, in nats."""
    losses: list[Tensor] = []
    for part in batches(read.held_out, read.batch_tokens):
        batch = read.held_out[part]
        stream = adapter.run(batch)[:, :-1].flatten(0, 1)
        targets, windows = batch[:, 1:].flatten(), torch.arange(len(batch)).repeat_interleave(batch.shape[1] - 1)
        choices = torch.empty_like(targets)
        for rows in prediction_chunks(adapter, len(targets)):
            logs = log_probabilities(adapter, stream[rows]).cpu()
            choices[rows] = logs.argmax(1)
            losses.append(-logs.gather(1, targets[rows, None])[:, 0])
        agreement.update(adapter.final(stream).cpu(), windows, choices)
    return float(torch.cat(losses).mean())


def _rows(grouping: str, report: CollapseReport, step: int | None) -> Iterator[Measurement]:
    yield Measurement(metric=f"{grouping}/classes", step=step, value=float(report.classes))
    yield Measurement(metric=f"{grouping}/samples", step=step, value=float(report.samples))
    for name, one in report.items():
        metric = f"{grouping}/{name}"
        yield Measurement(metric=metric, step=step, value=one.value, low=one.low, high=one.high)
        if one.chance is not None:
            yield Measurement(metric=metric, condition="chance", step=step, value=one.chance)
