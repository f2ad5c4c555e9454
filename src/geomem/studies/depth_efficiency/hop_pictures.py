"""The exhibits of the multi-hop contrast."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geomem.runs.exhibits import (
    Curves,
    Exhibit,
    Heatmap,
    HeatmapPanel,
    ProfilePanel,
    Profiles,
    Reference,
    Series,
    Table,
)
from geomem.studies.bands import band
from geomem.studies.depth_efficiency.hops import OUTPUT, RIGHT, SCORE, TREND
from geomem.studies.depth_efficiency.model import UNTRAINED
from geomem.studies.evidence import Evidence

COMPOSER = "composer"


def hops(evidence: Evidence) -> Sequence[Exhibit]:
    """Accuracy and depth score by hops, effects by block, the numbers, and where the answer is made."""
    if COMPOSER not in evidence.conditions:
        return []
    return [_by_hops(evidence), _by_block(evidence), *_table(evidence), *_positions(evidence)]


def _by_hops(evidence: Evidence) -> Exhibit:
    seeds = evidence.seeds(COMPOSER)
    own = evidence.settings.hops

    def line(metric: str) -> Series:
        found = {seed: evidence.series(COMPOSER, seed, metric) for seed in seeds}
        return band("composer", next(iter(found.values()))[0], {seed: values for seed, (_, values) in found.items()})

    alike = Reference(name="all blocks alike", value=(own.layers - 1) / 2)
    return Profiles(
        id="depth-hops",
        title="Longer chains of facts, later blocks?",
        caption="A tiny model learned to follow chains of relations. Held-out chains; a single fact was always trained "
        "on. Depth score: the mean block, weighted by how much the answer changes without it. Band: range over seeds.",
        experiment=evidence.directory.name,
        panels=(
            ProfilePanel(title="Depth score of the answer", series=(line(SCORE),), references=(alike,)),
            ProfilePanel(
                title="Share of right answers",
                series=(line(RIGHT),),
                references=(Reference(name="chance", value=1 / own.entities),),
            ),
        ),
        x_label="relations in the chain",
    )


def _by_block(evidence: Evidence) -> Exhibit:
    seeds = evidence.seeds(COMPOSER)
    layers = range(evidence.settings.hops.layers)
    found = {
        (seed, layer): dict(zip(*evidence.series(COMPOSER, seed, OUTPUT, layer), strict=True))
        for seed in seeds
        for layer in layers
    }
    counts = sorted(found[seeds[0], 0])
    return Curves(
        id="depth-hops-blocks",
        title="How much an answer changes without each block",
        caption="|Δp|₂ at the answer, mean over questions. Band: range over seeds.",
        experiment=evidence.directory.name,
        order=1,
        series=tuple(
            band(_counted(count), layers, {seed: [found[seed, layer][count] for layer in layers] for seed in seeds})
            for count in counts
        ),
        x_label="skipped block",
        y_label="change of the prediction",
    )


def _table(evidence: Evidence) -> list[Exhibit]:
    hops = range(1, evidence.settings.hops.hops + 1)
    rows: dict[tuple[int | None, str], dict[int | None, str]] = {}
    for row in evidence.rows(""):
        if row.metric in (SCORE, TREND):
            model = "untrained" if row.condition.endswith(UNTRAINED) else "trained"
            rows.setdefault((row.seed, model), {})[row.step] = f"{row.value:z.2f} [{row.low:z.2f}, {row.high:z.2f}]"
    return [
        Table(
            id="depth-hops-table",
            title="Depth scores with their intervals",
            caption="95 % bootstrap intervals over questions. The paper finds no slope in pretrained models.",
            experiment=evidence.directory.name,
            order=2,
            columns=("seed", "model", *map(_counted, hops), "slope, blocks a hop"),
            rows=tuple((*key, *(found.get(step) for step in (*hops, None))) for key, found in sorted(rows.items())),
        )
    ]


def _counted(hops: int) -> str:
    return f"{hops} hop{'s' if hops > 1 else ''}"


def _positions(evidence: Evidence) -> list[Exhibit]:
    """Draw what positions of the longest questions matter at which depth."""
    seeds = evidence.seeds(COMPOSER)
    names = ("start", "entity", *(f"r{number + 1}" for number in range(evidence.settings.hops.hops)))
    pictures = (
        ("attributions", "Integrated gradients of the answer", "share of the probability", "block", True),
        ("erased", "What erasing one position does to the answer", "change of the prediction", "stream", False),
    )
    made: list[Exhibit] = []
    for place, (key, title, value, what, diverging) in enumerate(pictures):
        matrix = np.mean([evidence.arrays(COMPOSER, seed)[key] for seed in seeds], axis=0)
        made.append(
            Heatmap(
                id=f"depth-hops-{key}",
                title=title,
                caption="Longest chains, mean over questions and seeds. A relation matters at a depth as long as the "
                "answer still reads it from there.",
                experiment=evidence.directory.name,
                order=3 + place,
                panels=(HeatmapPanel(title=_counted(len(names) - 2), matrix=matrix.tolist()),),
                row_names=tuple(map(str, range(len(matrix)))),
                col_names=names,
                x_label="position",
                y_label=what,
                value_label=value,
                diverging=diverging,
            )
        )
    return made
