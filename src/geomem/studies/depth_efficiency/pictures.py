"""The study's exhibits about language models: battery and lens by depth, skips, erasure, maps between depths."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np

from geomem.errors import RunError
from geomem.runs.exhibits import (
    BarPanel,
    Bars,
    BarSeries,
    Curves,
    Exhibit,
    Heatmap,
    HeatmapPanel,
    ProfilePanel,
    Profiles,
    Reference,
    Series,
)
from geomem.studies.depth_efficiency.model import SHOWN, UNTRAINED
from geomem.studies.depth_efficiency.predicates import BEST, FUTURE, KL, MODEL, OVERLAP, RATIO, UPDATE_COSINE
from geomem.studies.depth_profiles import by_layer, panel
from geomem.studies.evidence import Evidence

NOT_LAST = slice(-1)
"""Layers of what is 0 at the last by construction, so that a logarithm can show it."""
BAND = "Band: range over seeds. Dashed: an untrained twin."


def battery(evidence: Evidence) -> Sequence[Exhibit]:
    """The norm battery and the lens by depth, and the parts of the blocks."""
    if MODEL not in evidence.conditions:
        return []
    zero = (Reference(name="no direction", value=0),)
    whole = (
        *_beside(evidence, "Update / stream, norms", RATIO, log_y=True),
        *_beside(evidence, "Cosine: update, stream", UPDATE_COSINE, references=zero),
        *_beside(evidence, "Norm of the stream", "updates/stream_norm", log_y=True),
        *_beside(evidence, "Logit lens: KL to the end (nats)", KL, layers=NOT_LAST, log_y=True),
        *_beside(evidence, "Logit lens: top-5 overlap", OVERLAP),
        *_beside(evidence, "Cosine: stream before, after", "updates/stream_cosine"),
    )
    names = {"attention": "attention", "mlp": "MLP", "update": "both"}
    parts = (
        *_parts(evidence, "Norm of what is added", "updates/{}_norm", names, log_y=True),
        *_parts(evidence, "Norm / stream it is added to", "updates/{}_ratio", names, log_y=True),
        *_parts(evidence, "Largest ratio over tokens", "updates/{}_ratio_largest", names, log_y=True),
        *_parts(evidence, "Cosine with the stream", "updates/{}_cosine", names, references=zero),
    )
    return [
        _profiles(
            evidence, "depth-battery", "Which blocks write, and when the prediction stands", whole, BAND, hero=True
        ),
        _profiles(evidence, "depth-parts", "Attention and MLP apart", parts, "Band: range over seeds.", order=1),
    ]


def rates(evidence: Evidence) -> Sequence[Exhibit]:
    """The battery of the same model trained at other rates."""
    words = {"Update / stream, norms": RATIO, "Logit lens: KL to the end (nats)": KL, "Top-5 overlap": OVERLAP}
    names = {name: name.removeprefix("lr-") for name in evidence.conditions}
    panels = tuple(
        one
        for title, metric in words.items()
        for one in panel(
            title,
            *(
                by_layer(evidence, condition, metric, f"rate {name}", layers=NOT_LAST if metric == KL else slice(None))
                for condition, name in names.items()
            ),
            log_y=metric != OVERLAP,
        )
    )
    if not panels:
        return []
    caption = "The small language model trained with the same steps at other peak learning rates."
    return [_profiles(evidence, "depth-rates", "The same model at other learning rates", panels, caption)]


def skips(evidence: Evidence) -> Sequence[Exhibit]:
    """What skipping blocks does, by block; as maps; and the depth scores that follow."""
    if MODEL not in evidence.conditions:
        return []
    panels = (
        *_beside(evidence, "Later blocks' work, later tokens", FUTURE, log_y=True),
        *_beside(evidence, "Later blocks' work, all tokens", "skips/current_mean", log_y=True),
        *_beside(evidence, "The same, largest over tokens", "skips/current_max", log_y=True),
        *_beside(evidence, "Output, later tokens", "skips/future_output_mean", layers=NOT_LAST, log_y=True),
        *_beside(evidence, "Output, all tokens", "skips/current_output_mean", log_y=True),
        *_beside(evidence, "Loss without the block (nats more)", "skips/loss_increase"),
    )
    caption = f"A block hands on its input instead of writing; position 0 is left alone. {BAND}"
    return [
        _profiles(evidence, "depth-skips", "What goes missing when a block is skipped", panels, caption),
        _skip_maps(evidence),
        *_scores(evidence),
    ]


def erasure(evidence: Evidence) -> Sequence[Exhibit]:
    """What later predictions lose when one position of a stream is erased."""
    panels = (
        *_beside(evidence, "Prediction at the position itself", "erasure/own"),
        *_beside(evidence, "Largest change afterwards", "erasure/future_max"),
        *_beside(evidence, "Mean change afterwards", "erasure/future_mean"),
    )
    if not panels:
        return []
    caption = f"A stream gets, at one position, its mean over all tokens; change of the probabilities, |Δp|₂. {BAND}"
    return [
        _profiles(evidence, "depth-erasure", "Until when later tokens need a position", panels, caption, x="stream")
    ]


def maps(evidence: Evidence) -> Sequence[Exhibit]:
    """The errors of all maps, and the best source of every target."""
    if MODEL not in evidence.conditions:
        return []
    seeds = evidence.seeds(MODEL)
    errors = np.mean([evidence.arrays(MODEL, seed)["map.errors"] for seed in seeds], axis=0)
    sources, targets = errors.shape
    diagonal = Series(
        name="same relative depth",
        x=tuple(range(targets)),
        y=tuple(target * (sources - 1) / (targets - 1) for target in range(targets)),
        dashed=True,
    )
    return [
        Heatmap(
            id="depth-maps",
            title="Predicting the streams of the deeper model from those of the shallower",
            caption="Relative error of an affine map on held-out tokens, mean over seeds. Rows: streams of the "
            "shallower model; columns: streams of the deeper one.",
            experiment=evidence.directory.name,
            panels=(HeatmapPanel(title="|ŷ - y| / |y|", matrix=errors.tolist()),),
            row_names=tuple(map(str, range(sources))),
            col_names=tuple(map(str, range(targets))),
            x_label="target stream",
            y_label="source stream",
            value_label="relative error",
        ),
        Curves(
            id="depth-maps-best",
            title="The best source of every stream",
            caption="Band: range over seeds. Solid: the trained model. Dashed: its untrained twin as target, and the "
            "diagonal.",
            experiment=evidence.directory.name,
            order=1,
            series=(
                *by_layer(evidence, MODEL, BEST, "best source"),
                *by_layer(evidence, MODEL, BEST, "untrained target", control=UNTRAINED, dashed=True),
                diagonal,
            ),
            x_label="target stream",
            y_label="source stream",
        ),
    ]


def _skip_maps(evidence: Evidence) -> Exhibit:
    seeds = evidence.seeds(MODEL)
    titles = ("later tokens", "all tokens", "later tokens, nothing adds up")
    panels = tuple(
        HeatmapPanel(
            title=title, matrix=np.mean([evidence.arrays(MODEL, seed)[name] for seed in seeds], axis=0).tolist()
        )
        for title, name in zip(titles, SHOWN, strict=True)
    )
    names = tuple(map(str, range(len(panels[0].matrix))))
    return Heatmap(
        id="depth-skip-maps",
        title="Who depends on whom",
        caption="Relative change of what a later block (column) writes when an earlier one (row) is skipped, mean over "
        "tokens and seeds. Right: each later block loses what the skipped one wrote, and nothing else.",
        experiment=evidence.directory.name,
        order=1,
        panels=panels,
        row_names=names,
        col_names=names,
        x_label="later block",
        y_label="skipped block",
        value_label="relative change",
        vmin=0,
        vmax=1,
    )


def _scores(evidence: Evidence) -> list[Exhibit]:
    kinds = {"output": "by the output", "propagated": "by later blocks' work"}
    bars: list[BarSeries] = []
    for name, control in (("trained", ""), ("untrained", UNTRAINED), ("all blocks alike", "chance")):
        try:
            values = [
                list(evidence.measured(MODEL, f"skips/depth_score_{kind}", control=control).values()) for kind in kinds
            ]
        except RunError:
            continue
        several = len(values[0]) > 1 and control != "chance"
        bars.append(
            BarSeries(
                name=name,
                values=tuple(statistics.fmean(one) for one in values),
                low=tuple(min(one) for one in values) if several else None,
                high=tuple(max(one) for one in values) if several else None,
            )
        )
    if not bars:
        return []
    return [
        Bars(
            id="depth-scores",
            title="Depth score: the mean block, weighted by what goes missing without it",
            caption="By future effects of skips. Interval: range over seeds.",
            experiment=evidence.directory.name,
            order=2,
            panels=(BarPanel(title="blocks from 0", categories=tuple(kinds.values()), series=tuple(bars)),),
            y_label="block",
        )
    ]


def _beside(
    evidence: Evidence, title: str, metric: str, *, layers: slice = slice(None), **options: Any
) -> list[ProfilePanel]:
    """Return a panel with the model and its untrained twin."""
    if MODEL not in evidence.conditions:
        return []
    own = by_layer(evidence, MODEL, metric, "trained", layers=layers)
    twin = by_layer(evidence, MODEL, metric, "untrained", control=UNTRAINED, dashed=True, layers=layers)
    return panel(title, own, twin, **options)


def _parts(evidence: Evidence, title: str, metric: str, names: dict[str, str], **options: Any) -> list[ProfilePanel]:
    curves = [by_layer(evidence, MODEL, metric.format(part), name) for part, name in names.items()]
    return panel(title, *curves, **options)


def _profiles(
    evidence: Evidence,
    id: str,
    title: str,
    panels: Sequence[ProfilePanel],
    caption: str,
    *,
    hero: bool = False,
    order: int = 0,
    x: str = "block",
) -> Exhibit:
    return Profiles(
        id=id,
        title=title,
        caption=caption,
        experiment=evidence.directory.name,
        hero=hero,
        order=order,
        panels=tuple(panels),
        x_label=x,
    )
