"""The exhibits of the pair: who was matched with whom, and, only where the rule accepts them, the two side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence

from geomem.errors import RunError
from geomem.runs.exhibits import BarPanel, Bars, BarSeries, Curves, Exhibit, Profiles, Series, Table
from geomem.runs.tables import Measurement
from geomem.studies.bands import band
from geomem.studies.depth_profiles import by_layer, panel
from geomem.studies.evidence import Evidence
from geomem.studies.layer_skipping.predicates import PAIR, comparable
from geomem.studies.layer_skipping.twin import BAG, CAUSAL, DIFFUSION, UNIGRAM

NETWORKS = {CAUSAL: "causal", DIFFUSION: "masked diffusion"}
DIFFERENCES = {
    "pair/influence_difference": "influence of the nearest token over the furthest",
    "pair/likeness_difference": "cosine of input and output, first two thirds of the layers",
}


def pair(evidence: Evidence) -> Sequence[Exhibit]:
    """Everything about the pair."""
    found: list[Exhibit] = [*_matching(evidence)]
    if comparable(evidence):
        found += [*_depth(evidence), *_influence(evidence), *_differences(evidence)]
    return found


def difference(evidence: Evidence, metric: str) -> dict[int, Measurement]:
    """Return, for every seed, causal less masked diffusion with its interval; empty where it was not measured."""
    rows = evidence.rows("layer-skipping")
    return {row.seed: row for row in rows if row.metric == metric and row.seed is not None}


def _matching(evidence: Evidence) -> list[Exhibit]:
    rows: list[tuple[str | int | float | None, ...]] = []
    for name, title in {**NETWORKS, BAG: "bag of words", UNIGRAM: "frequencies"}.items():
        try:
            accuracy, loss = (
                evidence.measured(PAIR, f"match/{one}", control=name) for one in ("accuracy", "loss")
            )  # fmt: skip
        except RunError:
            return []
        steps = {} if name == UNIGRAM else evidence.measured(PAIR, "match/step", control=name)
        rows += [
            (seed, title, int(steps[seed]) if seed in steps else None, accuracy[seed], loss[seed])
            for seed in accuracy
            if not math.isnan(accuracy[seed])
        ]
    verdict = "Accepted" if comparable(evidence) else "Rejected, so nothing else is shown of the pair"
    caption = (
        f"{verdict}: accuracies within 10 % of each other, and a masked network better than frequencies and a bag."
    )
    return [Table(id="layer-skipping-match", title="Tokens found that were masked in held-out text", caption=caption,
                  experiment=evidence.directory.name, columns=("seed", "network", "step", "accuracy", "loss (nats)"),
                  rows=tuple(rows), sortable=True)]  # fmt: skip


def _depth(evidence: Evidence) -> list[Exhibit]:
    def curves(metric: str) -> list[Series]:
        return [
            one for name, title in NETWORKS.items() for one in by_layer(evidence, PAIR, metric, title, control=name)
        ]

    panels = [
        *panel("Cosine of a layer's input and output", curves("similarity/cosine")),
        *panel("Loss ratio without the layer", curves("skips/loss_ratio")),
        *panel("Recency of similarity, raw", curves("recency/raw")),
        *panel("Recency of similarity, centred", curves("recency/centred")),
    ]
    caption = "At equal cloze accuracy. Means over windows and seeds; bands are the range of the seeds."
    return [Profiles(id="layer-skipping-pair-depth", title="Two objectives, layer by layer", caption=caption,
                     experiment=evidence.directory.name, panels=tuple(panels))]  # fmt: skip


def _influence(evidence: Evidence) -> list[Exhibit]:
    lags = evidence.settings.recency.lags
    series: list[Series] = []
    for name, title in NETWORKS.items():
        values = [evidence.measured(PAIR, f"influence/lag_{lag}", control=name) for lag in lags]
        series.append(band(title, lags, {seed: [one[seed] for one in values] for seed in values[0]}))
    caption = "One token is resampled, so many places before what is predicted; total variation of the prediction."
    return [Curves(id="layer-skipping-pair-influence", title="How far back a prediction looks", caption=caption,
                   experiment=evidence.directory.name, series=tuple(series), x_label="places back",
                   y_label="change of the prediction", log_x=True)]  # fmt: skip


def _differences(evidence: Evidence) -> list[Exhibit]:
    panels: list[BarPanel] = []
    for metric, title in DIFFERENCES.items():
        found = difference(evidence, metric)
        seeds = sorted(found)
        rows = [found[seed] for seed in seeds]
        bars = BarSeries(
            name="causal less masked diffusion",
            values=tuple(row.value for row in rows),
            low=tuple(row.value if row.low is None else row.low for row in rows),
            high=tuple(row.value if row.high is None else row.high for row in rows),
        )
        panels.append(BarPanel(title=title, categories=tuple(f"seed {seed}" for seed in seeds), series=(bars,)))
    caption = "A report, not a claim: the card sets no threshold at this scale. Intervals: bootstrap of windows, 95 %."
    return [
        Bars(id=f"layer-skipping-pair-{name}", title=one.title[:1].upper() + one.title[1:], caption=caption,
             experiment=evidence.directory.name, panels=(one.model_copy(update={"title": ""}),),
             y_label="causal less masked diffusion")
        for name, one in zip(("recency", "likeness"), panels, strict=True)
    ]  # fmt: skip
