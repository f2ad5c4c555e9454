"""What a cell does with a language model: spectra over its training, then transfer and LinGen at the end."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.geometry import logit_rank
from geomem.models.adapters import adapt
from geomem.probing.conditions import untrained_twin
from geomem.probing.logits.language import LanguageModel
from geomem.probing.logits.source import LogitMatrix
from geomem.runs.atomic import write_atomic
from geomem.runs.directory import Run
from geomem.runs.tables import Measurement
from geomem.seeding import torch_generator
from geomem.spec import validate
from geomem.studies.checkpoints import visit
from geomem.studies.logit_low_rank.exact import BOUND, bound_ratio
from geomem.studies.logit_low_rank.imitation import imitate
from geomem.studies.logit_low_rank.material import NONSENSE, OTHER, RANDOM, Material, material
from geomem.studies.logit_low_rank.settings import Reading
from geomem.training.progress import Event, Listener
from geomem.training.work import Extra, Work

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter

TEXTS = "lingen.json"
"""File of a cell's run with what LinGen and the others wrote."""

MIDDLE = (10, 60)
"""A second window, further from the ends."""

UNTRAINED, SHUFFLED, MEAN = "untrained", "shuffled", "history-independent"
"""Controls: fresh weights, entries of each column in random order, the mean over histories."""


def run_language(work: Work, run: Run, listener: Listener) -> Extra:
    """Measure the spectrum at every checkpoint, or of a model and its untrained twin; then the rest on the last one."""
    read: Material | None = None
    rows: list[Measurement] = []
    spaces: dict[int, Tensor] = {}
    arrays: dict[str, Tensor] = {}
    last: LanguageModel | None = None
    matrix: LogitMatrix | None = None
    stages = 3 + 2 * validate(Reading, work.settings["reading"]).targets
    seen = 0
    # What follows takes as long again, and on a large model most of the time: it belongs to the whole.
    for snapshot, adapter in visit(work, lambda event: listener(replace(event, steps=event.steps + stages))):
        seen += 1
        last = LanguageModel(adapter)
        read = read or material(work, last)
        matrix = last.matrix(read.found.histories, read.found.futures, tokens=read.reading.columns)
        rows += spectrum(matrix.values, read, step=snapshot.step)
        if snapshot.step is not None:
            spaces[snapshot.step] = logit_rank.column_space(matrix.values, read.reading.shared)
        if not arrays:
            arrays["first"] = logit_rank.singular_values(matrix.values)
    assert last is not None
    assert read is not None
    assert matrix is not None
    arrays["last"] = logit_rank.singular_values(matrix.values)
    end = logit_rank.column_space(matrix.values, read.reading.shared)
    rows += [Measurement(metric="transfer/to_end", step=step, value=mean_cosine(space, end))
             for step, space in spaces.items()]  # fmt: skip
    stage = iter(range(seen, seen + stages))

    def tell(what: str) -> None:
        listener(Event(work.name, next(stage), seen + stages, note=what))

    tell("controls")
    rows += controls(work, last.adapter, matrix.values, read, arrays)
    tell("transfer")
    rows += transfer(last, matrix.values, read, arrays)
    tell("nonsense")
    found = imitate(last, matrix, read, tell)
    write_atomic(run.path / TEXTS, json.dumps(found.texts, ensure_ascii=False, indent=1) + "\n")
    return Extra({}, {**arrays, **found.arrays}, [*rows, *found.rows])


def spectrum(values: Tensor, read: Material, *, step: int | None = None, condition: str = "") -> list[Measurement]:
    """Return exponents, ranks and divergences of a matrix (n, F, k)."""
    reading, cut = read.reading, logit_rank.Truncations(values)
    kept = [rank for rank in reading.ranks if rank < cut.most]
    free = logit_rank.average_kl(values, logit_rank.history_independent(values))
    numbers = {
        "spectrum/alpha": logit_rank.decay(cut.values, *reading.window).alpha,
        "spectrum/alpha_middle": logit_rank.decay(cut.values, *MIDDLE).alpha,
        "spectrum/rank_99": float(logit_rank.approximate_rank(cut.values, 0.01)),
        "kl/free": free,
        BOUND: bound_ratio(values, tuple(kept)),
        **{f"kl/rank_{rank}": cut.kl(rank) for rank in kept},
        **{f"kl/normalised_{rank}": cut.kl(rank) / free for rank in kept if free > 1e-12},
    }
    return [Measurement(metric=name, step=step, condition=condition, value=value) for name, value in numbers.items()]


def controls(
    work: Work, adapter: Adapter, values: Tensor, read: Material, arrays: dict[str, Tensor]
) -> list[Measurement]:
    """Measure the untrained twin, and the matrix with its columns shuffled."""
    twin = LanguageModel(adapt(untrained_twin(adapter.model, work.seed)))
    fresh = twin.matrix(read.found.histories, read.found.futures, tokens=read.reading.columns).values
    mixed = logit_rank.shuffled_histories(values, torch_generator(work.seed, "shuffled entries"))
    arrays[UNTRAINED], arrays[SHUFFLED] = logit_rank.singular_values(fresh), logit_rank.singular_values(mixed)
    return [*spectrum(fresh, read, condition=UNTRAINED), *spectrum(mixed, read, condition=SHUFFLED)]


def transfer(model: LanguageModel, values: Tensor, read: Material, arrays: dict[str, Tensor]) -> list[Measurement]:
    """Compare the column space of the futures with those of other sets of futures, and with shuffled entries."""
    reading, rows = read.reading, list[Measurement]()
    histories = read.found.histories
    others = {name: model.matrix(histories, read.sets[name], tokens=reading.columns).values
              for name in (OTHER, NONSENSE, RANDOM)}  # fmt: skip
    others[SHUFFLED] = logit_rank.shuffled_histories(others[OTHER], torch_generator(read.seed, "transfer control"))
    for name, other in others.items():
        cosines = logit_rank.principal_cosines(values, other, reading.shared)
        arrays[f"cosines/{name}"] = cosines
        rows.append(Measurement(metric="transfer/cosine", condition=name, value=float(cosines.mean())))
    return rows


def mean_cosine(one: Tensor, other: Tensor) -> float:
    """Return the mean of the principal cosines of two orthonormal bases (n, r)."""
    return float(torch.linalg.svdvals(one.T @ other).clamp(max=1.0).mean())
