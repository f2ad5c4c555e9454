"""The pictures of a probe, made from its results: profiles on one axis of depth, spectra, CKA map, sink map, tables."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from geomem.probing.findings import Probed
from geomem.probing.keep import PassResult
from geomem.probing.labels import LABELS, heroes, is_log, title_of
from geomem.runs.exhibits import (
    Cell,
    Curves,
    ExhibitBase,
    Heatmap,
    HeatmapPanel,
    ProfilePanel,
    Profiles,
    Reference,
    Series,
    Table,
)
from geomem.runs.tables import Measurement

TWINS = {"untrained": ("untrained twin", 1), "shuffled": ("shuffled text", 2)}
"""Null models as the legend calls them, and their palette slots."""
FAMILY_TITLES = {
    "spectrum": "Spectrum, layer by layer",
    "collapse": "Collapse of next-token classes",
    "updates": "What every block writes",
    "lens": "Logit lens",
    "attention": "Attention sinks",
    "comparison": "Similarity of layers",
    "recency": "Recency",
    "skips": "What skipping a block does",
    "erasure": "What erasing a position does",
    "decomposition": "Tokenwise part of the updates",
    "map": "Linear maps from the first model",
    "knowledge": "The graph's names inside the model",
    "contexts": "States after the counted contexts",
}
CAPTIONS = {
    "spectrum": "Over all tokens but attention sinks; bands are 95 % intervals over windows. Dotted: isotropic noise "
    "of the "
    "same size. RankMe uses eigenvalues of the centred covariance; other definitions differ by factors.",
    "collapse": "Classes are next tokens with at least five samples. The last layer is what the output layer reads.",
    "updates": "Means over tokens, bands over windows. Ratios fall partly because the stream grows: read the norms "
    "beside.",
    "lens": "KL(layer || final): the stream before each block, through the final norm and the output layer.",
    "comparison": "Minibatch-unbiased linear CKA; 0 for unrelated layers.",
    "recency": "Cosine with the token before, less that with the token 16 back. 0 where order does not matter.",
    "contexts": "Unbiased CKA with the centred support and with the next-token distributions, bands over contexts; "
    "cosines of states less their mean. The last layer is what the output layer reads.",
    "attention": "Read from hidden states after each block, sinks included.",
}


def pictures(models: Sequence[Probed]) -> list[ExhibitBase]:
    """Return all pictures of one model, or of several side by side."""
    found: list[ExhibitBase | None] = [overview(models)]
    for order, family in enumerate(FAMILY_TITLES, start=1):
        found.append(family_profiles(models, family, 10 * order))
    found += [spectra(models, 11), cka_maps(models, 61), sink_map(models, 51)]
    found += [layer_table(one, 900 + place, len(models)) for place, one in enumerate(models)]
    return [one for one in found if one is not None]


def overview(models: Sequence[Probed]) -> Profiles | None:
    """Return the profiles of the first screen: the most telling measurements of all families over depth."""
    panels = [panel for metric in heroes() if (panel := profile_panel(models, metric)) is not None]
    if not panels:
        return None
    return Profiles(
        id="depth-profiles",
        title="Depth profiles",
        caption="Every measurement over depth, 0 being the embedding. Bands are 95 % intervals over windows of the "
        "text; "
        "dotted lines are what a measurement gives when nothing was learned. Numbers about blocks stand at the layer "
        "that "
        "enters the block.",
        hero=True,
        panels=tuple(panels),
        x_label="layer",
    )


def family_profiles(models: Sequence[Probed], family: str, order: int) -> Profiles | None:
    """Return the profiles of all measurements of one family; None where it was not measured."""
    metrics = _metrics(models, family)
    panels = [panel for metric in metrics if (panel := profile_panel(models, metric)) is not None]
    if not panels:
        return None
    return Profiles(id=f"{family}-profiles", title=FAMILY_TITLES[family], caption=CAPTIONS.get(family, ""),
                    experiment=family, order=order, panels=tuple(panels))  # fmt: skip


def profile_panel(models: Sequence[Probed], metric: str) -> ProfilePanel | None:
    """Return one measurement over depth: of one model beside its null models, of several models side by side."""
    series = [one for place, model in enumerate(models)
              if (one := _series(model.measured, metric, model.measured.model, place)) is not None]  # fmt: skip
    if not series:
        return None
    if len(models) == 1:
        model = models[0]
        for condition, twin in (("untrained", model.untrained), ("shuffled", model.shuffled)):
            name, slot = TWINS[condition]
            one = None if twin is None else _series(twin, metric, name, slot, dashed=True)
            series += [] if one is None else [one]
    levels = {row.value for row in models[0].measured.profile(metric, "chance").values() if math.isfinite(row.value)}
    chance = (Reference(name="chance", value=levels.pop()),) if len(levels) == 1 else ()
    log = is_log(metric) and all(value > 0 for one in series for value in one.y)
    if log and any(line.value <= 0 for line in chance):
        chance = ()
    return ProfilePanel(title=title_of(metric), series=tuple(series), references=chance, log_y=log)


def spectra(models: Sequence[Probed], order: int) -> Curves | None:
    """Return the eigenvalue spectra of five layers of the first model, each over its sum, on logarithmic axes."""
    values = _array(models[0].measured, "spectrum/eigenvalues")
    if values is None:
        return None
    layers = models[0].measured.arrays()["spectrum/layers"].tolist()
    last = len(values) - 1
    chosen = sorted({round(share * last / 4) for share in range(5)})
    series: list[Series] = []
    for place, number in enumerate(chosen):
        layer, row = layers[number], values[number].double()
        row = row[row > 1e-9 * row.sum()] / row.sum()
        series.append(
            Series(name=f"layer {layer}", x=tuple(range(1, len(row) + 1)), y=tuple(row.tolist()), colour=place)
        )
    return Curves(
        id="spectra", title="Eigenvalue spectra", experiment="spectrum", order=order, series=tuple(series), log_x=True,
        log_y=True, x_label="rank", y_label="share of the variance",
        caption="A straight line is a power law; alpha is its slope over ranks 12 to 100 (5 to half, where narrow).",
    )  # fmt: skip


def cka_maps(models: Sequence[Probed], order: int) -> Heatmap | None:
    """Return the layer by layer CKA map of every model, and of the untrained twin of a single one."""
    shown = [(one.measured.model, one.measured) for one in models]
    if len(models) == 1 and models[0].untrained is not None:
        shown.append(("untrained twin", models[0].untrained))
    panels = [HeatmapPanel(title=name, matrix=tuple(map(tuple, found.tolist())))
              for name, one in shown if (found := _array(one, "comparison/cka")) is not None]  # fmt: skip
    if not panels:
        return None
    layers = {tuple(one.arrays()["comparison/layers"].tolist()) for _, one in shown if "comparison/cka" in one.arrays()}
    names = tuple(map(str, layers.pop())) if len(layers) == 1 else None
    return Heatmap(
        row_names=names, col_names=names,
        id="cka-map", title="How alike are the layers? (CKA)", experiment="comparison", order=order,
        panels=tuple(panels), x_label="layer", y_label="layer", value_label="unbiased CKA", vmin=0.0, vmax=1.0,
        caption="Blocks of similar layers are stages of the computation. Layer 0 is the embedding.",
    )  # fmt: skip


def sink_map(models: Sequence[Probed], order: int) -> Heatmap | None:
    """Return the norms of the first tokens of a window over the window's median, by layer, on a logarithmic scale."""
    panels: list[HeatmapPanel] = []
    for one in models:
        found = _array(one.measured, "attention/places")
        if found is not None:
            panels.append(HeatmapPanel(title=one.measured.model, matrix=tuple(map(tuple, found.log10().tolist()))))
    if not panels:
        return None
    blocks = {len(panel.matrix) for panel in panels}
    return Heatmap(
        row_names=tuple(map(str, range(blocks.pop()))) if len(blocks) == 1 else None,
        col_names=tuple(map(str, range(len(panels[0].matrix[0])))),
        id="sink-map", title="Sink map: norms of the first tokens", experiment="attention", order=order,
        panels=tuple(panels), x_label="place in the window", y_label="after block",
        value_label="log₁₀ of ratio", diverging=True,
        caption="Mean over windows. A bright column is a token whose state is far longer than the others: an "
                "attention sink.",
    )  # fmt: skip


def layer_table(model: Probed, order: int, count: int) -> Table:
    """Return all numbers by layer as one table that can be sorted and downloaded."""
    rows = [row for row in model.measured.rows if row.condition == "" and row.layer is not None]
    metrics = list(dict.fromkeys(row.metric for row in rows))
    known = [metric for metric in LABELS if metric in metrics]
    found = {(row.metric, row.layer): row.value for row in rows}
    layers = sorted({row.layer for row in rows if row.layer is not None})
    body: list[tuple[Cell, ...]] = []
    for layer in layers:
        cells = [found.get((metric, layer)) for metric in known]
        body.append((layer, *(None if cell is None or not math.isfinite(cell) else cell for cell in cells)))
    name = f" of {model.measured.model}" if count > 1 else ""
    return Table(
        id=f"all-layers-{order - 900}", title=f"All layers{name}", experiment="table", order=order, sortable=True,
        columns=("layer", *(title_of(metric) for metric in known)), rows=tuple(body),
        caption="Click a heading to sort. Every number, with intervals and null models, is in measurements.csv below.",
    )  # fmt: skip


def _series(found: PassResult, metric: str, name: str, slot: int, *, dashed: bool = False) -> Series | None:
    rows: list[Measurement] = [row for _, row in sorted(found.profile(metric).items()) if math.isfinite(row.value)]
    if not rows:
        return None
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None
    if all(row.low is not None and row.high is not None and math.isfinite(row.low + row.high) for row in rows):
        low, high = tuple(row.low or 0.0 for row in rows), tuple(row.high or 0.0 for row in rows)
    return Series(name=name, x=tuple(row.layer or 0 for row in rows), y=tuple(row.value for row in rows), low=low,
                  high=high, dashed=dashed, colour=slot)  # fmt: skip


def _metrics(models: Sequence[Probed], family: str) -> list[str]:
    measured = {row.metric for one in models for row in one.measured.rows if row.layer is not None}
    return [metric for metric in LABELS if metric.startswith(f"{family}/") and metric in measured]


def _array(found: PassResult, name: str) -> Tensor | None:
    return found.arrays().get(name)
