"""The pictures that several experiments share: logits in two parts, Gram matrices, spectra, courses over steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomem.runs.exhibits import Curves, Heatmap, HeatmapPanel, Series
from geomem.studies.bands import band
from geomem.studies.evidence import Evidence

Array = NDArray[Any]

SEEDS = "Line: mean over seeds; band: their range."
CLOSED_FORM = "L_mm is the centred support, which is exact for all subsets."
SOLVED = "L_mm is the NTP-SVM solution, not the centred support."


@dataclass(frozen=True)
class Shown:
    """What a picture says of its L_mm, and the names of next tokens (rows) and contexts (columns) where there are."""

    which: str
    rows: Sequence[str] | None = None
    columns: Sequence[str] | None = None


def logit_maps(
    evidence: Evidence, arrays: Mapping[str, Array], shown: Shown, *, order: int, hero: bool = False,
    state: str = "trained",
) -> list[Heatmap]:  # fmt: skip
    """Return the logits with their growing part beside the prediction, and the finite part beside the log-odds.

    The predicted L_mm is drawn R times as large, R its best multiple in the growing part.
    """
    name = evidence.directory.name
    grown, direction = arrays["directional"], arrays["direction"]
    scale = float((grown * direction).sum() / (direction**2).sum())
    shared: dict[str, Any] = {
        "experiment": name, "row_names": _names(shown.rows), "col_names": _names(shown.columns),
        "x_label": "context", "y_label": "next token", "value_label": "logit", "diverging": True,
    }  # fmt: skip
    whole = Heatmap(
        id=f"{name}-logits", title="Logits and their growing part", order=order, hero=hero, **shared,
        panels=(HeatmapPanel(title=f"L, {state}", matrix=matrix_rows(arrays["logits"])),
                HeatmapPanel(title="L - P_F L, growing", matrix=matrix_rows(grown)),
                HeatmapPanel(title=f"{scale:.1f} L_mm, predicted", matrix=matrix_rows(scale * direction))),
        caption=f"{shown.which} It sees only which token may follow which context. Columns of L are centred.",
    )  # fmt: skip
    finite = Heatmap(
        id=f"{name}-finite", title="The finite part holds the frequencies", order=order + 1, **shared,
        panels=(HeatmapPanel(title=f"P_F L, {state}", matrix=matrix_rows(arrays["finite"])),
                HeatmapPanel(title="predicted: L_in, log-odds", matrix=matrix_rows(arrays["finite_predicted"]))),
        caption="Differences inside each support; what lies outside a support is 0 in both.",
    )  # fmt: skip
    return [whole, finite]


def gram_maps(evidence: Evidence, arrays: Mapping[str, Array], shown: Shown, *, order: int) -> list[Heatmap]:
    """Return both Gram matrices as trained and as predicted, each with norm 1 times its size."""
    name = evidence.directory.name
    pictures: list[Heatmap] = []
    kinds = (("words", "W W^T", "token", shown.rows), ("contexts", "H^T H", "context", shown.columns))
    for place, (kind, formula, axis, names) in enumerate(kinds):
        trained, predicted = _unit(arrays[kind]), _unit(arrays[f"{kind}_predicted"])
        pictures.append(Heatmap(
            id=f"{name}-gram-{kind}", title=f"Gram matrix of {kind}, as trained and as predicted", experiment=name,
            order=order + place, x_label=axis, y_label=axis, value_label="entry / norm", diverging=True,
            row_names=_names(names), col_names=_names(names),
            panels=(HeatmapPanel(title=f"{formula}, trained", matrix=matrix_rows(trained)),
                    HeatmapPanel(title="predicted from L_mm", matrix=matrix_rows(predicted))),
            caption=f"Cosine of the two: {float((trained * predicted).sum()):.4f}. {shown.which}",
        ))  # fmt: skip
    return pictures


def spectra(evidence: Evidence, arrays: Mapping[str, Array], *, which: str, order: int, proxy: bool) -> Curves:
    """Return the singular values of the growing part, of L_mm and, where it differs, of the centred support."""
    parts = {"growing part, trained": "spectrum", "L_mm": "spectrum_predicted"}
    if proxy:
        parts["centred support"] = "spectrum_proxy"
    series: list[Series] = []
    for words, key in parts.items():
        values = arrays[key]
        kept = values[values > 1e-6 * values[0]]
        series.append(Series(name=words, x=tuple(range(1, len(kept) + 1)), y=tuple((kept / kept.sum()).tolist()),
                             dashed=key != "spectrum"))  # fmt: skip
    name = evidence.directory.name
    return Curves(
        id=f"{name}-spectra", title="Singular values", experiment=name, order=order, series=tuple(series),
        x_label="number", y_label="share of the nuclear norm", caption=f"Each divided by its sum. {which}",
    )  # fmt: skip


def course(evidence: Evidence, condition: str, metric: str, name: str, *, control: str = "", **style: Any) -> Series:
    """Return a metric over steps, mean and range of the seeds; a logarithmic axis begins at step 1.

    control: "distance" turns a cosine into the direction distance sqrt(2 - 2 cos).
    """
    found: dict[int, list[float]] = {}
    marks: list[int] = []
    for seed in evidence.seeds(condition):
        steps, values = evidence.series(condition, seed, metric)
        pairs = [(step, value) for step, value in zip(steps, values, strict=True) if step > 0]
        marks, found[seed] = [step for step, _ in pairs], [value for _, value in pairs]
    if control == "distance":
        found = {seed: [math.sqrt(max(0.0, 2 - 2 * value)) for value in values] for seed, values in found.items()}
    return band(name, marks, found, **style)


def along_path(
    evidence: Evidence, condition: str, metric: str, name: str, *, control: str = "", **style: Any
) -> Series:
    """Return a metric over the decades of the ridge, mean and range of the seeds; x is the ridge."""
    found: dict[int, list[float]] = {}
    decades: list[int] = []
    for seed in evidence.seeds(condition):
        decades, found[seed] = evidence.profile(condition, seed, metric, control=control)
    return band(name, [10.0**-decade for decade in decades], found, **style)


def _names(names: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)


def _unit(array: Array) -> Array:
    return array / float(np.linalg.norm(array))


def matrix_rows(array: Array) -> tuple[tuple[float, ...], ...]:
    """Return a matrix as exhibits have it."""
    return tuple(tuple(float(value) for value in row) for row in array)
