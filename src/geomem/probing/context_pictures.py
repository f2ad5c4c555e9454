"""A model beside a context matrix: the numbers of its predictions, and cosines of supports beside those of states."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from geomem.contexts.describe import token_text
from geomem.contexts.files import open_contexts
from geomem.probing.findings import Probed
from geomem.probing.keep import PassResult
from geomem.probing.pictures import TWINS
from geomem.probing.spec import ProbeSpec
from geomem.runs.exhibits import Cell, ExhibitBase, Heatmap, HeatmapPanel, Table

NUMBERS = {
    "inside": "mass on counted tokens",
    "loss": "loss (nats)",
    "entropy": "entropy of the counts (nats)",
    "gap": "loss above the entropy (nats)",
    "log_odds": "correlation of log-odds",
    "direction": "cosine with the centred support",
}
"""What the table shows of a model's predictions, and its heads."""

LONGEST_NAME = 14
"""Letters of a context that find room beside the picture: its last ones, which decide most."""


def context_pictures(models: Sequence[Probed], spec: ProbeSpec) -> list[ExhibitBase]:
    """Return the table of predictions and the picture of supports and states; [] where nothing was compared."""
    shown = [model for model in models if model.measured.number("contexts/gap") is not None]
    return [_table(shown), *_cosines(shown, spec)] if shown else []


def _table(models: Sequence[Probed]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for model in models:
        passes = {"": model.measured, "untrained": model.untrained, "shuffled": model.shuffled}
        for condition, found in passes.items():
            if found is not None and found.number("contexts/gap") is not None:
                name = model.measured.model
                label = f"{name}, {_control(condition)}" if condition else name
                rows.append((label, *_cells(found, condition)))
    rows.append(("frequencies alone", *_cells(models[0].measured, "chance")))
    return Table(
        id="contexts-predictions", title="Predictions after the counted contexts", experiment="contexts", order=131,
        columns=("", *NUMBERS.values()), rows=tuple(rows),
        caption="Over the most frequent contexts of the matrix, weighted by their samples. The entropy is the lowest "
        "loss on these counts; a model that has read more than them rightly expects tokens they lack.",
    )  # fmt: skip


def _control(condition: str) -> str:
    return "shuffled contexts" if condition == "shuffled" else TWINS[condition][0]


def _cells(found: PassResult, condition: str) -> list[Cell]:
    numbers = [found.number(f"contexts/{name}", condition) for name in NUMBERS]
    return [None if one is None or not math.isfinite(one.value) else one.value for one in numbers]


def _cosines(models: Sequence[Probed], spec: ProbeSpec) -> list[ExhibitBase]:
    assert spec.contexts is not None
    parts = [(model.measured.model, model.measured) for model in models]
    if len(models) == 1 and models[0].untrained is not None:
        parts.append((TWINS["untrained"][0], models[0].untrained))
    arrays = [(name, found.arrays()) for name, found in parts]
    first = arrays[0][1]
    contexts = open_contexts(Path(spec.contexts))
    names = tuple(_ending(token_text(contexts, row) or "(blank)") for row in first["contexts/tokens"].tolist())
    panels = [HeatmapPanel(title="supports", matrix=_rows(first["contexts/supports"].tolist()))]
    panels += [HeatmapPanel(title=f"{name}, layer {int(held['contexts/layer'])}",
                            matrix=_rows(held["contexts/states"].tolist()))
               for name, held in arrays if "contexts/states" in held]  # fmt: skip
    return [Heatmap(
        id="contexts-cosines", title="Supports of the most frequent contexts, and the model's states",
        experiment="contexts", order=132, panels=tuple(panels), row_names=names, value_label="cosine", diverging=True,
        vmin=-1.0, vmax=1.0, x_label="contexts in the same order", y_label="the end of each context",
        caption="Cosines of the supports, each centred over tokens and then over contexts, and of the states that a "
        "model has after the contexts, less their mean, at the layer that is nearest to the supports.",
    )]  # fmt: skip


def _ending(text: str) -> str:
    return text if len(text) <= LONGEST_NAME else "…" + text[1 - LONGEST_NAME :]


def _rows(matrix: list[list[float]]) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, matrix))
