"""The checkpoints that a work reads, one after the other: those on the way to a model, or the model alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from geomem.errors import InputError
from geomem.hardware import choose_device
from geomem.probing.rerun import batches
from geomem.studies.language_model import Subject, subject
from geomem.training.progress import Event, Listener

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter
    from geomem.texts.windows import Windows
    from geomem.training.work import Work


@dataclass(frozen=True)
class Snapshot:
    """One checkpoint of a training. step: None for a model that stands alone, of which no course is known."""

    step: int | None
    folder: Path


def snapshots(found: Subject) -> list[Snapshot]:
    """Return the checkpoints of a subject in the order of training."""
    return [Snapshot(step, folder) for step, folder in found.series] or [Snapshot(None, found.folder)]


def visit(work: Work, listener: Listener) -> Iterator[tuple[Snapshot, Adapter]]:
    """Yield every checkpoint of a work, opened on its device, and tell the listener; one is held at a time.

    Raises InputError for a model that is not causal or has no output layer: what follows cannot be asked of it.
    """
    found = snapshots(subject(work))
    for number, one in enumerate(found):
        listener(Event(work.name, number, len(found)))
        yield one, open_adapter(one.folder, work)


def open_adapter(folder: Path, work: Work) -> Adapter:
    """Open a causal language model on the device of a work.

    Raises InputError for what cannot be opened, and for a model that is not causal or has no output layer.
    """
    import torch

    from geomem.models.adapters import adapt
    from geomem.models.hub import open_checkpoint

    model: Any = open_checkpoint(folder)
    adapter = adapt(model.to(torch.device(choose_device(work.device).value)).eval())
    if not adapter.causal or adapter.unembedding is None:
        raise InputError(f"{folder}: the study needs a causal language model with its output layer")
    return adapter


def window_batches(windows: Windows, index: Tensor, batch_tokens: int) -> Iterator[tuple[slice, Tensor]]:
    """Yield the windows `index` (m,) as (where in `index`, tokens (B, T)), at most `batch_tokens` tokens at a time."""
    for part in batches(index[:, None].expand(-1, windows.context), batch_tokens):
        yield part, windows.batch(index[part])
