"""The study's exhibits: levels against log priors, slopes over training, AUROCs by gauge, and sums."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from geomem.errors import RunError
from geomem.geometry.spilled_energy import POOLS
from geomem.runs.exhibits import (
    BarPanel,
    Bars,
    BarSeries,
    Curves,
    Exhibit,
    ProfilePanel,
    Profiles,
    Reference,
    Series,
    Table,
)
from geomem.studies.bands import band
from geomem.studies.evidence import Evidence
from geomem.studies.joint_vs_conditional.arithmetic import SCORES
from geomem.studies.joint_vs_conditional.features import DENSE, DESCENT, OFF_CENTRE, RIDGE, ridge_name
from geomem.studies.joint_vs_conditional.predicates import (
    ARITHMETIC,
    DENSE_SOURCE,
    FEATURES,
    SEQUENCES,
    SPARSE_SOURCE,
)
from geomem.studies.joint_vs_conditional.settings import Settings

RUNS = {DESCENT: "gradient descent", OFF_CENTRE: "the same, large first vectors", DENSE: "no unseen tokens"}
GROUPS = 16
"""Groups that pairs are put in for a picture."""

SCORE_NAMES = {
    "spill_centred": "spill, centred",
    "spill_raw": "spill, raw",
    "surprise": "−log p",
    "level_centred": "−level, centred",
    "level_raw": "−level, raw",
}


def features(evidence: Evidence) -> Sequence[Exhibit]:
    """Draw levels against log priors, and slope, correlation and gap over training."""
    return [_levels(evidence), _courses(evidence), _ridges(evidence)]


def _levels(evidence: Evidence) -> Exhibit:
    seed = evidence.seeds(FEATURES)[0]
    kept = evidence.arrays(FEATURES, seed)
    prior = kept["log_prior"].tolist()
    names = {DESCENT: RUNS[DESCENT], RIDGE: "smallest ridge", DENSE: RUNS[DENSE]}
    series = [Series(name=words, x=prior, y=kept[f"{name}/levels"].tolist()) for name, words in names.items()]
    middle = float(np.mean(kept[f"{DESCENT}/levels"]) - np.mean(kept["log_prior"]))
    ends = (prior[0], prior[-1])
    series.append(Series(name="slope 1", x=ends, y=tuple(x + middle for x in ends), dashed=True))
    return Curves(id="joint-levels", title="The level of a context's logits against its probability", hero=True,
                  experiment=FEATURES, series=tuple(series), x_label="log probability of the context",
                  y_label="logsumexp of centred logits",
                  caption=f"Unconstrained features, each context once; seed {seed}.")  # fmt: skip


def _courses(evidence: Evidence) -> Exhibit:
    panels: list[ProfilePanel] = []
    wanted = (("slope", "slope of the level over the log prior", False), ("correlation", "partial correlation", False),
              ("gap", "loss above the entropy, nats", True))  # fmt: skip
    for metric, title, log in wanted:
        series: list[Series] = []
        for name, words in RUNS.items():
            steps = evidence.series(FEATURES, evidence.seeds(FEATURES)[0], f"{name}/{metric}")[0]
            from_one = [place for place, step in enumerate(steps) if step >= 1]
            by_seed = {
                seed: [evidence.series(FEATURES, seed, f"{name}/{metric}")[1][place] for place in from_one]
                for seed in evidence.seeds(FEATURES)
            }
            places = [float(np.log10(steps[place])) for place in from_one]
            series.append(band(words, places, by_seed, dashed=name == DENSE))
        references = (Reference(name="joint", value=1.0),) if metric == "slope" else ()
        panels.append(ProfilePanel(title=title, series=tuple(series), log_y=log, references=references))
    return Profiles(id="joint-courses", title="Over training", experiment=FEATURES, panels=tuple(panels), hero=True,
                    order=1, x_label="log10 of the step",
                    caption="Unconstrained features; means over seeds with their range.")  # fmt: skip


def _ridges(evidence: Evidence) -> Exhibit:
    settings: Settings = evidence.settings
    own = settings.features
    series = [
        band(words, own.ridges,
             {seed: [evidence.measured(FEATURES, f"{ridge_name(ridge)}/{name}")[seed] for ridge in own.ridges]
              for seed in evidence.seeds(FEATURES)})
        for name, words in (("slope", "level"), ("unseen_slope", "−mean log q of unseen tokens"))
    ]  # fmt: skip
    limit = 1 - own.support / own.vocabulary
    return Curves(id="joint-ridges", title="Slopes along the ridge path", experiment=FEATURES, order=2,
                  series=tuple(series), x_label="ridge", y_label="slope over the log prior", log_x=True,
                  references=(Reference(name="limit, 1 − k/V", value=limit), Reference(name="joint", value=1.0)),
                  caption="From right to left the ridge falls; means over seeds with their range.")  # fmt: skip


def sequences(evidence: Evidence) -> Sequence[Exhibit]:
    """Draw AUROCs by gauge, the levels of pairs, slopes over training, and a table."""
    return [*_anomalies(evidence), *_pair_levels(evidence), *_sequence_courses(evidence), *_numbers(evidence)]


def _anomalies(evidence: Evidence) -> list[Exhibit]:
    def bars(words: str, suffix: str) -> BarSeries:
        # Only the spill was measured in another gauge: -log p has none.
        shown = [not suffix or score.startswith("spill") for score in SCORE_NAMES]
        found = [
            list(evidence.measured(SPARSE_SOURCE, f"anomaly/{score}{suffix}").values()) if there else [math.nan]
            for score, there in zip(SCORE_NAMES, shown, strict=True)
        ]
        return BarSeries(name=words, values=tuple(map(float, map(np.mean, found))),
                         low=tuple(map(min, found)), high=tuple(map(max, found)))  # fmt: skip

    series = (bars("as trained", ""), bars("after a change of gauge", "_shifted"))
    panel = BarPanel(
        title="a forbidden token against the true one", categories=tuple(SCORE_NAMES.values()), series=series
    )
    caption = (
        "Larger is more suspicious; below one half the score points the other way. The change of gauge adds to all "
        "logits of a context one number, a random linear function of its state: no prediction changes."
    )
    return [Bars(id="joint-anomalies", title="Which score finds a token that cannot be", experiment=SEQUENCES, order=1,
                 panels=(panel,), y_label="AUROC", references=(Reference(name="chance", value=0.5),), hero=True,
                 caption=caption)]  # fmt: skip


def _pair_levels(evidence: Evidence) -> list[Exhibit]:
    series: list[Series] = []
    for condition in (SPARSE_SOURCE, DENSE_SOURCE):
        kept = evidence.arrays(condition, evidence.seeds(condition)[0])
        groups = min(GROUPS, len(kept["pair/levels"]))
        prior, levels = (np.array_split(kept[f"pair/{name}"], groups) for name in ("log_prior", "levels"))
        low, middle, high = (tuple(float(np.quantile(one, q)) for one in levels) for q in (0.25, 0.5, 0.75))
        series.append(Series(name=condition.replace("-", " "), x=tuple(float(one.mean()) for one in prior), y=middle,
                             low=low, high=high))  # fmt: skip
    return [Curves(id="joint-pair-levels", title="The level after a pair of tokens against its probability", order=2,
                   experiment=SEQUENCES, series=tuple(series), x_label="log stationary probability of the pair",
                   y_label="logsumexp of centred logits",
                   caption=f"A small Transformer, first seed. Pairs that occur, in {GROUPS} groups of equal size by "
                   "their probability: median of each group, and its middle half.")]  # fmt: skip


def _sequence_courses(evidence: Evidence) -> list[Exhibit]:
    panels: list[ProfilePanel] = []
    for what, words in (("pair", "pairs of tokens"), ("prefix", "whole prefixes")):
        for kind in ("correlation", "slope"):
            series: list[Series] = []
            for condition in (SPARSE_SOURCE, DENSE_SOURCE):
                metric = f"{what}/centred/{kind}"
                steps = evidence.series(condition, evidence.seeds(condition)[0], metric)[0]
                by_seed = {seed: evidence.series(condition, seed, metric)[1] for seed in evidence.seeds(condition)}
                places = [float(np.log10(max(step, 1))) for step in steps]
                later = [place for place, step in enumerate(steps) if step >= 1]
                series.append(band(condition.replace("-", " "), [places[place] for place in later],
                                   {seed: [values[place] for place in later] for seed, values in by_seed.items()},
                                   dashed=condition == DENSE_SOURCE))  # fmt: skip
            panels.append(ProfilePanel(title=f"{kind}, {words}", series=tuple(series)))
    return [Profiles(id="joint-sequence-courses", title="A Transformer over training", experiment=SEQUENCES, order=3,
                     panels=tuple(panels), x_label="log10 of the step",
                     caption="Level of centred logits and log prior; partial, given entropy and support.")]  # fmt: skip


def _numbers(evidence: Evidence) -> list[Exhibit]:
    names = {
        "markov/held_out/excess": "excess, nats", "prefix/centred/correlation": "J, prefixes",
        "prefix/centred/slope": "slope, prefixes", "pair/centred/correlation": "J, pairs",
        "pair/centred/slope": "slope, pairs", "spill/consistency/correlation": "consistency",
    }  # fmt: skip
    rows: list[tuple[str | int | float | None, ...]] = []
    for condition in (SPARSE_SOURCE, DENSE_SOURCE):
        for seed in evidence.seeds(condition):
            found = [evidence.measured(condition, name)[seed] for name in names]
            rows.append((condition.removesuffix("-source"), seed, *found))
    return [Table(id="joint-numbers", title="At the end of training", experiment=SEQUENCES, order=4,
                  columns=("source", "seed", *names.values()), rows=tuple(rows),
                  caption="Consistency: partial correlation of a token's logit with the level after it.")]  # fmt: skip


def arithmetic(evidence: Evidence) -> Sequence[Exhibit]:
    """Draw the AUROC of every score for every range of errors; one line where no model was given."""
    settings: Settings = evidence.settings
    try:
        seed = evidence.seeds(ARITHMETIC)[0]
    except RunError:
        return [Table(id="joint-arithmetic", title="Sums told to a language model", experiment=ARITHMETIC,
                      columns=("left out",),
                      rows=(("no model was given; name one with --set model=PATH",),))]  # fmt: skip
    rows: list[tuple[str | int | float | None, ...]] = []
    panels: list[BarPanel] = []
    for low, high in settings.arithmetic.ranges:
        where = f"off by {low} to {high}"
        series: list[BarSeries] = []
        for score in SCORES:
            found = [evidence.measured(ARITHMETIC, f"off_{low}_to_{high}/{score}/{how}")[seed] for how in POOLS]
            rows.append((where, score.replace("_", ", "), *found))
            series.append(BarSeries(name=score.replace("_", ", "), values=tuple(found)))
        panels.append(BarPanel(title=where, categories=POOLS, series=tuple(series)))
    name = str(settings.model).rstrip("/").rpartition("/")[2]
    return [
        Bars(id="joint-arithmetic", title="Right and wrong sums", experiment=ARITHMETIC, panels=tuple(panels),
             references=(Reference(name="chance", value=0.5),), y_label="AUROC",
             x_label="pool over the answer's tokens",
             caption=f"{name}; larger is more suspicious, below one half the score points the other way."),
        Table(id="joint-arithmetic-table", title="AUROC by score and pool", experiment=ARITHMETIC, order=1,
              columns=("wrong answers", "score", *POOLS), rows=tuple(rows)),
    ]  # fmt: skip
