"""Which directions carry the predictions: the loss when some principal directions alone are kept, or are removed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.moments import Moments
from geomem.geometry.spectrum import decompose
from geomem.interventions.hooks import EVERYWHERE, edited_input
from geomem.probing.rerun import mean_over_windows, prediction_scores, targets_of
from geomem.runs.tables import Measurement
from geomem.seeding import torch_generator
from geomem.spec import validate
from geomem.studies.checkpoints import open_adapter, window_batches
from geomem.studies.language_model import subject, text_task
from geomem.studies.representation_phases.settings import Probe, Truncation
from geomem.texts.windows import Windows, choose_windows
from geomem.training.progress import Event
from geomem.training.work import Extra

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter
    from geomem.runs.directory import Run
    from geomem.training.progress import Listener
    from geomem.training.work import Work

Edit = Literal["keep", "remove"]
EDITS: tuple[Edit, ...] = ("keep", "remove")
RANDOM = "random directions"
"""Condition of the control: as many random orthonormal directions."""


def run_truncation(work: Work, _run: Run, listener: Listener) -> Extra:
    """Score held-out tokens while the output layer reads a part of its input only, around the mean of training tokens.

    Rows: `keep/loss`, `remove/accuracy` and so on, with the number of directions as `layer`; layer 0 keeps none and
    removes none.
    """
    settings = validate(Truncation, work.settings["truncation"])
    batch_tokens = validate(Probe, work.settings["probe"]).batch_tokens
    task, adapter = text_task(work), open_adapter(subject(work).folder, work)
    train, held_out = task.windows["train"], task.windows["held_out"]
    found = decompose(_moments(adapter, train, settings.fit_tokens, batch_tokens))
    width = len(found.mean)
    generator = torch_generator(work.seed, "truncation")
    drawn = torch.linalg.qr(torch.randn(width, width, generator=generator, dtype=torch.float64)).Q
    index = choose_windows(len(held_out), held_out.context, settings.held_out_tokens, seed=0)
    ranks = [0, *(rank for rank in settings.ranks if rank < width)]
    tokens = [batch for _, batch in window_batches(held_out, index, batch_tokens)]
    streams = [adapter.run(batch) for batch in tokens]
    rows: list[Measurement] = []
    for number, rank in enumerate(ranks):
        listener(Event(work.name, number, len(ranks)))
        for condition, basis in (("", found.eigenvectors), (RANDOM, drawn)):
            for edit in EDITS:
                with truncated(adapter, found.mean, basis[:, :rank], edit):
                    scores = torch.cat([
                        prediction_scores(adapter, stream, targets_of(adapter, batch))
                        for stream, batch in zip(streams, tokens, strict=True)
                    ])  # fmt: skip
                rows += _rows(scores, edit, condition, rank)
    return Extra({"truncation/width": float(width)}, rows=rows)


def truncated(adapter: Adapter, mean: Tensor, directions: Tensor, edit: Edit) -> AbstractContextManager[None]:
    """Let the output layer read its input with only (or without) its part along `directions` (d, k) about `mean` (d,).

    Raises InputError for a model without an output layer.
    """
    if adapter.output_layer is None:
        raise InputError(f"truncation: this {adapter.family} checkpoint has no output layer")

    def change(states: Tensor) -> Tensor:
        centre, basis = mean.to(states), directions.to(states)
        along = (states - centre) @ basis @ basis.T
        return centre + along if edit == "keep" else states - along

    return edited_input(adapter.output_layer, change, EVERYWHERE, length=1)


def _moments(adapter: Adapter, windows: Windows, tokens: int, batch_tokens: int) -> Moments:
    index = choose_windows(len(windows), windows.context, tokens, seed=0)
    moments: Moments | None = None
    for _, batch in window_batches(windows, index, batch_tokens):
        with torch.no_grad():
            states = adapter.final(adapter.run(batch)).flatten(0, 1).cpu()
        moments = moments or Moments(states.shape[1])
        moments.update(states)
    assert moments is not None
    return moments


def _rows(scores: Tensor, edit: Edit, condition: str, rank: int) -> Iterator[Measurement]:
    """Yield loss and accuracy from `prediction_scores` (W, 3), with intervals over windows."""
    for column, name in enumerate(("loss", "accuracy")):
        one = mean_over_windows(scores[:, column], scores[:, 2])
        yield Measurement(metric=f"{edit}/{name}", condition=condition, layer=rank, value=one.value, low=one.low,
                          high=one.high)  # fmt: skip
