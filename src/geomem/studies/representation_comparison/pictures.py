"""The study's exhibits: the measured table on digits, and language models placed in one another."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import numpy as np

from geomem.geometry.stimuli import GAP
from geomem.runs.exhibits import (
    Curves,
    Exhibit,
    Heatmap,
    HeatmapPanel,
    Matrix,
    ProfilePanel,
    Profiles,
    Reference,
    Series,
    Table,
)
from geomem.studies.bands import band
from geomem.studies.evidence import Evidence
from geomem.studies.language_model import SIBLING
from geomem.studies.representation_comparison.language import SHUFFLED
from geomem.studies.representation_comparison.passages import relative
from geomem.studies.representation_comparison.predicates import DIGITS, NULL
from geomem.studies.representation_comparison.sampling import METRICS, NAMES
from geomem.studies.representation_comparison.systems import CONDITION, OTHER, UNTRAINED

SYSTEMS = {OTHER: "other model", SIBLING: "shallower sibling", UNTRAINED: "untrained twin"}


def digits(evidence: Evidence) -> Sequence[Exhibit]:
    """What noise scores, the table, and the maps of similarities."""
    return [_noise(evidence, DIGITS, "digits-noise", hero=True), _table(evidence), _maps(evidence)]


def language_models(evidence: Evidence) -> Sequence[Exhibit]:
    """Where layers sit, what a verdict needs, encoding and noise."""
    return [
        _depth(evidence),
        _similarity_maps(evidence),
        _needed(evidence),
        _encoding(evidence),
        _noise(evidence, CONDITION, "words-noise"),
    ]


def _noise(evidence: Evidence, condition: str, id: str, *, hero: bool = False) -> Exhibit:
    series: list[Series] = []
    for metric in METRICS:
        found = {seed: evidence.series(condition, seed, f"noise/{metric}") for seed in evidence.seeds(condition)}
        steps = next(iter(found.values()))[0]
        series.append(band(NAMES[metric], steps, {seed: values for seed, (_, values) in found.items()}))
    what = "a trained network's layers" if condition == DIGITS else "the language model's layers"
    return Curves(
        id=id,
        title="What pure noise scores",
        caption=f"Similarity of {what} with random numbers, by the number of stimuli; units are fewer with them, as in "
        "the table of settings. Band: range over seeds.",
        experiment=evidence.directory.name,
        hero=hero,
        order=5,
        series=tuple(series),
        references=(Reference(name="allowed", value=NULL),),
        x_label="stimuli",
        y_label="score with noise",
        log_x=True,
    )


def _table(evidence: Evidence) -> Exhibit:
    rows: list[tuple[str | float | None, ...]] = []
    for metric in METRICS:
        for stimuli, units in evidence.settings.digits.sizes:
            same, gap, identified, named, right, noise = (
                _mean(evidence, DIGITS, f"{key}/{metric}", stimuli)
                for key in ("same", "gap", "identified", "trusted", "right", "noise")
            )
            trust = "yes" if gap is not None and gap >= GAP else "no"
            rows.append((NAMES[metric], stimuli, units, same, gap, trust, identified, named, right, noise))
    return Table(
        id="digits-table",
        title="Two networks trained on digits, from ever smaller samples",
        caption="Gap: same layer less its most similar neighbour; layers are trusted to be identified where that is "
        f"{GAP} or more on average. Identified: share of layers whose most similar layer of the other network is the "
        f"same one. Named: share that stand out by {GAP} in a single sample, and of those the share that is right.",
        experiment=evidence.directory.name,
        order=1,
        columns=("similarity", "stimuli", "units", "same layer", "gap", "trusted", "identified", "named",
                 "right if named", "noise"),
        rows=tuple(rows),
    )  # fmt: skip


def _maps(evidence: Evidence) -> Exhibit:
    panels = tuple(
        HeatmapPanel(title=NAMES[metric], matrix=_mean_array(evidence, DIGITS, f"map-{metric}"))
        for metric in METRICS
        if metric != "cka"
    )
    return Heatmap(
        id="digits-maps",
        title="Every layer of one network against every layer of the other",
        caption="All 500 pictures and 64 units, mean over seeds.",
        experiment=evidence.directory.name,
        order=2,
        panels=panels,
        row_names=("1", "2", "3"),
        col_names=("1", "2", "3"),
        x_label="layer of the second network",
        y_label="layer of the first",
        value_label="similarity",
    )


def _depth(evidence: Evidence) -> Exhibit:
    panels: list[ProfilePanel] = []
    for name in _systems(evidence):
        lines: dict[int, list[float]] = {}
        low, high = list[list[float]](), list[list[float]]()
        for seed in evidence.seeds(CONDITION):
            rows = [row for row in evidence.rows("") if row.seed == seed and row.metric == f"{name}/depth"]
            rows.sort(key=lambda row: row.layer or 0)
            lines[seed] = [row.value for row in rows]
            low.append([row.low or 0.0 for row in rows])
            high.append([math.nan if row.high is None else row.high for row in rows])
        depths = relative(low[0])
        series = Series(
            name="best layer",
            x=tuple(depths),
            y=tuple(np.mean(list(lines.values()), axis=0)),
            low=tuple(np.min(low, axis=0)),
            high=tuple(np.max(high, axis=0)),
        )
        diagonal = Series(name="same relative depth", x=(0.0, 1.0), y=(0.0, 1.0), dashed=True)
        panels.append(ProfilePanel(title=SYSTEMS[name].capitalize(), series=(series, diagonal)))
    return Profiles(
        id="words-depth",
        title="Where the layers of another model sit in this one",
        caption="Relative depth (0 embedding, 1 last layer) of the most similar layer by unbiased CKA. Band: all "
        "layers that the words cannot rule out, with 95 % confidence, over all seeds.",
        experiment=evidence.directory.name,
        hero=True,
        panels=tuple(panels),
        x_label="relative depth in the other model",
    )


def _similarity_maps(evidence: Evidence) -> Exhibit:
    return Heatmap(
        id="words-maps",
        title="Layers of other models against the layers of this one",
        caption="Unbiased CKA on the last words of held-out passages, mean over seeds; the embedding is at the top "
        "left.",
        experiment=evidence.directory.name,
        order=1,
        panels=tuple(
            HeatmapPanel(title=SYSTEMS[name], matrix=_mean_array(evidence, CONDITION, f"{name}-cka"))
            for name in _systems(evidence)
        ),
        x_label="layer of this model",
        y_label="layer of the other",
        value_label="unbiased CKA",
        vmin=0.0,
        vmax=1.0,
    )


def _needed(evidence: Evidence) -> Exhibit:
    most = evidence.settings.words.stimuli // 2
    rows: list[tuple[str | float | None, ...]] = []
    for name in _systems(evidence):
        for units in evidence.settings.words.units:
            related, named = (
                _count(evidence, f"{name}/{key}", units, most) for key in ("needed_related", "needed_named")
            )
            rows.append((SYSTEMS[name], units, related, named, _mean(evidence, CONDITION, f"{name}/identified", units)))
    return Table(
        id="words-needed",
        title="How many words and units a verdict needs",
        caption="Related: to tell layers at one relative depth from shuffled words in 97.5 % of samples. Named: also "
        f"to tell every layer from its neighbours by {GAP}. Medians over seeds; identified: at the most words tried.",
        experiment=evidence.directory.name,
        order=2,
        columns=("compared with", "units a layer", "words to call them related", "words to name layers", "identified"),
        rows=tuple(rows),
    )


def _encoding(evidence: Evidence) -> Exhibit:
    series: list[Series] = []
    for name in _systems(evidence):
        found = {seed: evidence.profile(CONDITION, seed, f"{name}/encoding") for seed in evidence.seeds(CONDITION)}
        layers = next(iter(found.values()))[0]
        lines = {seed: values for seed, (_, values) in found.items()}
        series.append(band(SYSTEMS[name], relative(layers), lines, dashed=name == UNTRAINED))
    control = statistics.fmean(
        value
        for seed in evidence.seeds(CONDITION)
        for value in evidence.profile(CONDITION, seed, f"{_systems(evidence)[0]}/encoding", control=SHUFFLED)[1]
    )
    return Curves(
        id="words-encoding",
        title="How well the layers of other models predict this model's last layer",
        caption="Encoding score: Pearson's R of held-out ridge predictions, mean over units. Band: range over seeds.",
        experiment=evidence.directory.name,
        order=3,
        series=tuple(series),
        references=(Reference(name="shuffled words", value=control),),
        x_label="relative depth in the other model",
        y_label="encoding score",
    )


def _systems(evidence: Evidence) -> list[str]:
    names = {row.metric.partition("/")[0] for row in evidence.rows("")}
    return [name for name in SYSTEMS if name in names]


def _at(evidence: Evidence, condition: str, metric: str, step: int) -> list[float]:
    """Return the value at a step for every seed."""
    return [
        dict(zip(*evidence.series(condition, seed, metric), strict=True))[step] for seed in evidence.seeds(condition)
    ]


def _mean(evidence: Evidence, condition: str, metric: str, step: int) -> float | None:
    """Return the mean over the seeds that have a value, None where none has."""
    values = [value for value in _at(evidence, condition, metric, step) if not math.isnan(value)]
    return statistics.fmean(values) if values else None


def _count(evidence: Evidence, metric: str, units: int, most: int) -> str:
    """Return the median over seeds in words: a number of stimuli, or more than were tried."""
    median = statistics.median(_at(evidence, CONDITION, metric, units))
    return f"{median:.0f}" if math.isfinite(median) else f"more than {most}"


def _mean_array(evidence: Evidence, condition: str, name: str) -> Matrix:
    rows = np.mean([evidence.arrays(condition, seed)[name] for seed in evidence.seeds(condition)], axis=0)
    return tuple(tuple(row) for row in rows.tolist())
