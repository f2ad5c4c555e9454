"""What a cell does: decompose the updates of one model, as it is and untrained, on held-out text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.models.adapters import adapt
from geomem.probing.conditions import untrained_twin
from geomem.probing.decomposition import decompose_updates, split_windows
from geomem.probing.rerun import score_windows
from geomem.probing.rows import Rows
from geomem.runs.tables import Measurement
from geomem.spec import validate
from geomem.studies.checkpoints import open_adapter
from geomem.studies.language_model import subject
from geomem.studies.layer_updates.settings import Reading
from geomem.studies.windows import text_windows
from geomem.training.progress import Event
from geomem.training.work import Extra

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter
    from geomem.runs.directory import Run
    from geomem.training.progress import Listener
    from geomem.training.work import Work

MAIN = "knn_affine"
"""The class that claims are about: the paper's local map, with the neighbours and ridge of `geometry.tokenwise`."""
OTHER_IDS, GLOBAL = "knn_other", "affine"
HEADLINE = (MAIN, OTHER_IDS, GLOBAL)
UNTRAINED = "untrained"
BINS = 10


def metric(name: str, kind: str = MAIN) -> str:
    """Return the name of a row, such as "decomposition/knn_affine_pi_u"."""
    return f"decomposition/{kind}_{name}"


def measure(work: Work, _run: Run, listener: Listener) -> Extra:
    """Decompose with the classes that the work names; with "controls" also permuted, rotated and untrained."""
    reading = validate(Reading, work.settings["reading"])
    kinds, controls = tuple(work.settings["kinds"]), bool(work.settings["controls"])
    adapter = open_adapter(subject(work).folder, work)
    bank, evaluation = windows_of(work, adapter, reading)

    def decompose(model: Adapter, some: tuple[str, ...]) -> Rows:
        return decompose_updates(
            model,
            bank,
            evaluation,
            kinds=some,
            controls=controls,
            singles=reading.singles,
            seed=work.seed,
            batch_tokens=reading.batch_tokens,
            progress=lambda done, total: listener(Event(work.name, done, total, unit="fits")),
        )

    found = decompose(adapter, kinds)
    rows = list(found.rows)
    if controls:
        twin = decompose(adapt(untrained_twin(adapter.model, work.seed)), (MAIN,))
        rows += [row.model_copy(update={"condition": UNTRAINED}) for row in twin.rows if not row.condition]
        rows += effect_by_error(found.arrays)
    scores = score_windows(adapter, evaluation, batch_tokens=reading.batch_tokens).sum(0)
    numbers = {
        "model/loss": float(scores[0] / scores[2]),
        "text/bank": float(bank[:, 1:].numel()),
        "text/evaluation": float(evaluation[:, 1:].numel()),
    }
    return Extra(numbers, rows=rows)


def windows_of(work: Work, adapter: Adapter, reading: Reading) -> tuple[Tensor, Tensor]:
    """Return bank and evaluation windows (W, T), (W', T): held-out text, dealt by the seed."""
    each = reading.context if adapter.context is None else min(reading.context, adapter.context)
    needed = sum(-(-count // (each - 1)) for count in (reading.bank, reading.evaluation))
    found = text_windows(work, adapter, "held_out", needed, each)
    return split_windows(found, bank=reading.bank, evaluation=reading.evaluation, seed=work.seed)


def effect_by_error(arrays: dict[str, Tensor]) -> list[Measurement]:
    """Return the median KL of each tenth of the tokens by relative error, at every block; "step" is the tenth, 1..10.

    arrays: as `decompose_updates` keeps them.
    """
    errors, effects = (arrays[f"decomposition.{MAIN}.{name}"] for name in ("errors", "kl"))
    rows: list[Measurement] = []
    for layer, (error, effect) in enumerate(zip(errors, effects, strict=True)):
        for place, tenth in enumerate(torch.tensor_split(error.argsort(), BINS), start=1):
            for name, values in (("error", error), ("kl", effect)):
                median = float(values[tenth].median())
                rows.append(Measurement(metric=f"tenths/{name}", layer=layer, step=place, value=median))
    return rows
