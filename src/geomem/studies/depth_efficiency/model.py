"""What cells do with a language model: norm battery and lens, skips, erasure, and maps from a shallower model.

The untrained twin goes through the same; its rows have the condition "untrained".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.models.adapters import adapt
from geomem.models.places import find_checkpoint
from geomem.probing.api import probe
from geomem.probing.conditions import untrained_twin
from geomem.probing.erasure import measure_erasure
from geomem.probing.model_map import measure_model_map
from geomem.probing.rerun import Progress
from geomem.probing.rows import Rows
from geomem.probing.skip_effects import Part
from geomem.probing.skips import ALL_PARTS, measure_skips
from geomem.runs.tables import Measurement
from geomem.spec import validate
from geomem.studies.checkpoints import open_adapter
from geomem.studies.depth_efficiency.settings import Reading
from geomem.studies.language_model import SIBLING, subject
from geomem.studies.windows import text_windows
from geomem.training.progress import Event
from geomem.training.work import Extra

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from geomem.models.adapters.adapter import Adapter
    from geomem.runs.directory import Run
    from geomem.training.progress import Listener
    from geomem.training.work import Work

UNTRAINED = "untrained"
FAMILIES = ("updates/", "lens/", "model/")
SHOWN = ("skips.future.mean", "skips.current.mean", "skips.local_future.mean")
"""Arrays (L, L) that are kept for pictures."""


def measure_battery(work: Work, _run: Run, _listener: Listener) -> Extra:
    """Read some windows once: what every block writes, and what the output layer would say at every depth.

    All tokens count, as in the released code: attention sinks are not left out.
    """
    adapter, reading, tokens = _opened(work)
    found = probe(
        adapter.model,
        tokens.flatten().to(torch.int32),
        measure=("updates", "lens"),
        controls=(UNTRAINED,),
        context=tokens.shape[1],
        max_tokens=tokens.numel(),
        batch_tokens=max(reading.batch_tokens, tokens.shape[1]),
        keep_sinks=True,
        seed=work.seed,
    )
    return Extra(rows=[_plain(row) for row in found.rows if row.metric.startswith(FAMILIES)])


def measure_skip_effects(work: Work, _run: Run, listener: Listener) -> Extra:
    """Skip every block and its parts, and in the untrained twin every block."""
    adapter, reading, tokens = _opened(work)

    def skipped(model: Adapter, parts: Sequence[Part]) -> Rows:
        return measure_skips(
            model,
            tokens,
            parts=parts,
            seed=work.seed,
            batch_tokens=reading.batch_tokens,
            progress=_told(work, listener),
        )

    found, twin = skipped(adapter, ALL_PARTS), skipped(_twin(adapter, work), ("layer",))
    arrays = {name: found.arrays[name] for name in SHOWN}
    return Extra(rows=_both(found, twin), arrays=arrays)


def measure_erasures(work: Work, _run: Run, listener: Listener) -> Extra:
    """Erase every stream at some positions."""
    adapter, reading, tokens = _opened(work)

    def erased(model: Adapter) -> Rows:
        return measure_erasure(
            model,
            tokens[: reading.erased],
            positions=reading.positions,
            seed=work.seed,
            batch_tokens=reading.batch_tokens,
            progress=_told(work, listener),
        )

    return Extra(rows=_both(erased(adapter), erased(_twin(adapter, work))))


def measure_maps(work: Work, _run: Run, listener: Listener) -> Extra:
    """Map the streams of the shallower model to those of the deeper one, and to those of its untrained twin."""
    target, reading, tokens = _opened(work)
    source = open_adapter(_source(work), work)
    count = -(-reading.fit_tokens // (tokens.shape[1] - 1))
    train = text_windows(work, target, "train", count, tokens.shape[1])

    def mapped(goal: Adapter) -> Rows:
        return measure_model_map(
            source,
            goal,
            train,
            tokens,
            seed=work.seed,
            batch_tokens=reading.batch_tokens,
            progress=_told(work, listener),
        )

    found, twin = mapped(target), mapped(_twin(target, work))
    numbers = {"map/source_depth": float(len(source.blocks))}
    return Extra(numbers, {"map.errors": found.arrays["map.errors"]}, _both(found, twin))


def _opened(work: Work) -> tuple[Adapter, Reading, Tensor]:
    """Return the model, the settings and the windows (W, T) of held-out text."""
    reading = validate(Reading, work.settings["reading"])
    adapter = open_adapter(subject(work).folder, work)
    return adapter, reading, text_windows(work, adapter, "held_out", reading.windows, reading.context)


def _source(work: Work) -> Path:
    given = work.settings.get("source")
    return subject(work, SIBLING).folder if given is None else find_checkpoint(str(given))


def _twin(adapter: Adapter, work: Work) -> Adapter:
    return adapt(untrained_twin(adapter.model, work.seed))


def _both(found: Rows, twin: Rows) -> list[Measurement]:
    """Return the rows of the model, and those of its twin under their own condition."""
    controls = [row.model_copy(update={"condition": UNTRAINED}) for row in twin.rows if not row.condition]
    return [*found.rows, *controls]


def _plain(row: Measurement) -> Measurement:
    """Return a row of a probe without the name of the class of the model."""
    return row.model_copy(update={"model": ""})


def _told(work: Work, listener: Listener) -> Progress:
    return lambda done, total: listener(Event(work.name, done, total, unit="rounds"))
