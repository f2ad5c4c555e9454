"""The study's exhibits: numbers for curves, maps and tables. The report draws them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from geomem.runs.exhibits import (
    Cell,
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
from geomem.runs.tables import Measurement, select
from geomem.studies.bands import band
from geomem.studies.evidence import Evidence
from geomem.studies.over_training import by_step
from geomem.studies.representation_phases.course import ALPHA, LOSS, PHASE, RANKME, alignment
from geomem.studies.representation_phases.predicates import COURSE, PLANTED, TOY
from geomem.studies.representation_phases.settings import Settings
from geomem.studies.representation_phases.toy_runs import UNIFORM, controls, phase_names
from geomem.studies.representation_phases.truncation import EDITS, RANDOM

SEEDS = "Line: mean over seeds; band: their range."

# -- the language model ----------------------------------------------------------------------------------------------


def course_pictures(evidence: Evidence) -> Sequence[Exhibit]:
    """Curves over training, the map of layers, the phases; of a model alone the numbers beside its untrained twin."""
    if not by_step(evidence, COURSE, RANKME, ""):
        return [_alone(evidence)]
    orders = range(1, _settings(evidence).probe.order + 1)
    grams = [by_step(evidence, COURSE, alignment(n), "single tokens" if n == 1 else f"up to {n}-grams") for n in orders]
    return [
        _curve(evidence, "course-rankme", "Effective rank over training", RANKME, "RankMe", order=0, hero=True,
               caption="Spectrum of the last token of each sequence, after the final norm. The learning rate warms up "
               f"to step {_settings(evidence).lm.warmup}."),
        _curve(evidence, "course-alpha", "Power law of the spectrum over training", ALPHA, "alpha", order=1,
               caption="Exponent of the eigenvalues: large when few directions hold the variance."),
        Curves(
            id="course-alignment", title="Agreement with the n-grams of its own corpus", experiment=_name(evidence),
            order=2, series=tuple(one for some in grams for one in some), log_x=True, y_label="Spearman's correlation",
            caption="Log-probabilities of held-out tokens, the model's and the back-off n-grams', over tokens that the "
            f"n-grams find possible. {SEEDS}",
        ),
        _curve(evidence, "course-loss", "Loss on held-out text", LOSS, "nats a token", order=3,
               caption="The part of the text that no checkpoint was trained on."),
        _layers(evidence),
        _phases(evidence),
    ]  # fmt: skip


def _curve(
    evidence: Evidence, id: str, title: str, metric: str, label: str, *, order: int, caption: str, hero: bool = False
) -> Curves:
    return Curves(id=id, title=title, experiment=_name(evidence), order=order, hero=hero, log_x=True, y_label=label,
                  caption=f"{caption} {SEEDS}", series=tuple(by_step(evidence, COURSE, metric, label)))  # fmt: skip


def _layers(evidence: Evidence) -> Heatmap:
    seed = evidence.seeds(COURSE)[0]
    rows = select(_rows(evidence), metric="streams/rankme", seed=seed)
    steps, layers = (sorted({row.step for row in rows if row.step is not None}),
                     sorted({row.layer for row in rows if row.layer is not None}))  # fmt: skip
    value = {(row.layer, row.step): row.value for row in rows}
    matrix = tuple(tuple(value[layer, step] for step in steps) for layer in layers)
    return Heatmap(
        id="course-layers", title="Effective rank of every layer over training", experiment=_name(evidence), order=4,
        panels=(HeatmapPanel(title=f"seed {seed}", matrix=matrix),), x_label="step", y_label="stream",
        row_names=tuple(map(str, layers)), col_names=tuple(map(str, steps)), value_label="RankMe",
        caption="Stream 0 is the embedding, the last one leaves the last block, before the final norm.",
    )  # fmt: skip


def _phases(evidence: Evidence) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for row in select(_rows(evidence), metric=PHASE):
        same = {"condition": row.condition, "seed": row.seed, "step": row.step}
        (start,) = select(_rows(evidence), metric="phases/start", **same)
        (alpha,) = select(_rows(evidence), metric="phases/alpha", **same)
        rows.append((row.seed, row.condition.rpartition("/")[2], int(start.value), row.step, row.value, alpha.value))
    return Table(
        id="course-phases", title="Phases of representation geometry", experiment=_name(evidence), order=5,
        columns=("seed", "phase", "from step", "to step", "relative change of RankMe", "change of alpha"),
        rows=tuple(sorted(rows, key=lambda row: (row[0], row[2]))),
        caption="Stretches between turning points of RankMe that exceed 5 % and the noise, named by the directions of "
        "RankMe and alpha; mixed where both go the same way. A later decline is not expected of so short a training.",
    )  # fmt: skip


def _alone(evidence: Evidence) -> Table:
    names = {
        RANKME: "RankMe", ALPHA: "alpha", "final/rankme_singular_values": "RankMe of singular values",
        "final/anisotropy": "mean cosine of two sequences", LOSS: "loss on held-out text, nats a token",
        alignment(1): "agreement with single tokens",
        alignment(_settings(evidence).probe.order): f"agreement with n-grams up to {_settings(evidence).probe.order}",
    }  # fmt: skip
    (seed,) = evidence.seeds(COURSE)
    rows = [(words, evidence.measured(COURSE, one)[seed], evidence.measured(COURSE, one, control="untrained")[seed])
            for one, words in names.items()]  # fmt: skip
    return Table(
        id="course-alone", title="One checkpoint beside its untrained twin", experiment=_name(evidence), order=0,
        columns=("last tokens, after the final norm", "this model", "untrained"), rows=tuple(rows),
        caption="A course over training needs a run with checkpoints/step-*.",
    )  # fmt: skip


# -- the toy ---------------------------------------------------------------------------------------------------------


def toy_pictures(evidence: Evidence) -> Sequence[Exhibit]:
    """One run of each condition, the late part enlarged, and the turning points of all."""
    toy = _settings(evidence).toy
    arrays = evidence.arrays(TOY, evidence.seeds(TOY)[0])
    tilted = [f"tilt-{tilt:g}" for tilt in toy.tilts]
    late = toy.steps // 4

    def line(name: str, start: int = 0, base: float = 0.0, unit: float = 1.0) -> Series:
        values = (arrays[f"{name}/rankme"][0][start:] - base) / unit
        return Series(name=_words(evidence, name), x=tuple(range(start, start + len(values))), y=tuple(values.tolist()))

    every, falling = (*tilted, *controls(toy), UNIFORM), (*tilted, UNIFORM)
    panels = (
        ProfilePanel(title="Effective rank", series=tuple(line(one) for one in every)),
        ProfilePanel(
            title=f"From step {late} on: RankMe - {toy.width}, in thousandths",
            series=tuple(line(one, late, toy.width, 1e-3) for one in falling),
        ),
    )
    return [
        Profiles(
            id="toy-courses", title="Does effective rank fall again in the linear toy?", experiment=_name(evidence),
            order=10, hero=True, panels=panels, x_label="step",
            caption=f"RankMe of free features of {sum(toy.counts)} samples in {len(toy.counts)} classes, one run of "
            "each condition. The tilted starts meet all conditions of the claim, the others lack one each.",
        ),
        _turning_points(evidence, every),
    ]  # fmt: skip


def _turning_points(evidence: Evidence, names: Sequence[str]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    seed = evidence.seeds(TOY)[0]
    arrays = evidence.arrays(TOY, seed)
    for name in names:
        found = {key: evidence.measured(TOY, f"{name}/{key}")[seed]
                 for key in ("start", "dip", "dip_step", "peak", "peak_step", "trough", "trough_step")}  # fmt: skip
        least, largest = (evidence.measured(TOY, f"{name}/drawdown_{end}").values() for end in ("least", "largest"))
        rows.append((
            _words(evidence, name), f"{found['start']:.4f}", _point(found, "dip"), *_ends(found),
            f"{min(least):.4f} to {max(largest):.4f}", phase_names(torch.from_numpy(arrays[f"{name}/rankme"][0])),
        ))  # fmt: skip
    return Table(
        id="toy-turning-points", title="Turning points of the toy", experiment=_name(evidence), order=11,
        columns=("condition", "start", "dip (step)", "peak (step)", "trough (step)", "fall, all runs", "phases"),
        rows=tuple(rows),
        caption="RankMe of the run with the median fall, first seed; phases (changes by 0.2 %) of its first run.",
    )  # fmt: skip


def _ends(found: dict[str, float]) -> tuple[str, str]:
    """Return peak and trough in words, dashes where nothing falls again."""
    if f"{found['peak']:.4f}" == f"{found['trough']:.4f}":
        return "-", "-"
    return _point(found, "peak"), _point(found, "trough")


def _point(found: dict[str, float], key: str) -> str:
    return f"{found[key]:.4f} ({found[f'{key}_step']:.0f})"


def _words(evidence: Evidence, name: str) -> str:
    toy = _settings(evidence).toy
    known = {"wider": f"{toy.width + 1} dimensions", "squared-error": "squared error", "plain-start": "plain start",
             UNIFORM: "equal classes"}  # fmt: skip
    return known.get(name, name.replace("-", " "))


# -- the metrics -----------------------------------------------------------------------------------------------------


def planted_table(evidence: Evidence) -> Sequence[Exhibit]:
    """What was planted and what was found."""
    planted = _settings(evidence).planted
    seed = evidence.seeds(PLANTED)[0]
    rows: list[tuple[Cell, ...]] = [
        (
            "RankMe of isotropic Gaussian rows",
            float(planted.width),
            evidence.measured(PLANTED, "isotropic/rankme")[seed],
        ),
        ("RankMe of a matrix of rank 1", 1.0, evidence.measured(PLANTED, "rank-1/rankme")[seed]),
    ]
    for width in planted.widths:
        for exponent in planted.exponents:
            found = evidence.measured(PLANTED, f"power-law/{exponent:g}/{width}")[seed]
            rows.append((f"alpha of a power law, {width} directions", exponent, found))
    return [
        Table(id="planted", title="Spectra that are known", experiment=_name(evidence), order=30, rows=tuple(rows),
              columns=("quantity", "planted", "found"), caption="The code that reads the language model, on data.")
    ]  # fmt: skip


# -- truncation ------------------------------------------------------------------------------------------------------


def truncation_curves(evidence: Evidence) -> Sequence[Exhibit]:
    """Loss against the number of directions kept or removed, beside random directions."""
    condition = "truncation"
    words = {"keep": "kept alone", "remove": "removed"}
    series: list[Series] = []
    for control, which in (("", "leading directions"), (RANDOM, "random directions")):
        for edit in EDITS:
            found = {seed: evidence.profile(condition, seed, f"{edit}/loss", control=control)
                     for seed in evidence.seeds(condition)}  # fmt: skip
            ranks = next(iter(found.values()))[0]
            courses = {seed: values for seed, (_, values) in found.items()}
            series.append(band(f"{which} {words[edit]}", ranks, courses, dashed=bool(control)))
    whole = np.mean([evidence.profile(condition, seed, "remove/loss")[1][0] for seed in evidence.seeds(condition)])
    return [
        Curves(
            id="truncation", title="Which directions carry the predictions?", experiment=_name(evidence), order=20,
            series=tuple(series), references=(Reference(name="all directions", value=float(whole)),),
            x_label="directions", y_label="nats a token",
            caption="Loss on held-out text when the output layer reads only a part of its input, about the mean of "
            f"training tokens. {SEEDS}",
        )
    ]  # fmt: skip


def _rows(evidence: Evidence) -> list[Measurement]:
    return evidence.rows("")


def _name(evidence: Evidence) -> str:
    return evidence.directory.name


def _settings(evidence: Evidence) -> Settings:
    return evidence.settings
