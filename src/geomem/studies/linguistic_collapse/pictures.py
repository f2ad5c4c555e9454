"""The study's exhibits: numbers for curves, profiles and tables. The report draws them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from geomem.errors import RunError
from geomem.runs.exhibits import Cell, Curves, Exhibit, ProfilePanel, Profiles, Reference, Series, Table
from geomem.studies.evidence import Evidence
from geomem.studies.linguistic_collapse.classes import NEXT_TOKEN, SUPPORT
from geomem.studies.linguistic_collapse.course import LOSS
from geomem.studies.linguistic_collapse.predicates import CDNV, COURSE, GATES, NC4
from geomem.studies.over_training import by_step, course, log_steps

SEEDS = "Line: mean over seeds; band: their range."

WORDS = {
    "cdnv": "NC1: CDNV, exponent 1",
    "cdnv_squared": "NC1: CDNV, exponent 2 as published",
    "variance_ratio": "NC1: variance within / between classes",
    "covariance_ratio": "NC1: tr(Σ_B⁺ Σ_W) / K",
    "norm_cov": "NC2: CoV of the lengths of class means",
    "log_norm_cov": "NC2: CoV of their logarithms",
    "etf_error": "NC2: distance from a simplex",
    "interference_std": "NC2: spread of dot products of class means",
    "log_kernel": "GNC2: mean log kernel",
    "log_kernel_cov": "GNC2: CoV of the log kernel",
    "dual_error": "NC3: distance of W Mᵀ from a simplex",
    "dual_distance": "NC3: mean distance of output rows and means",
    "dual_cosine": "UNC3: mean cosine of output rows and means",
    "dual_cosine_cov": "UNC3: CoV of that cosine",
    "nc4": "NC4: agreement with the nearest mean",
    "nc4_vocabulary": "NC4: the same, the model choosing from all tokens",
}
"""What a reader sees for each number."""

SHOWN = ("cdnv", "variance_ratio", "norm_cov", "etf_error", "log_kernel_cov", "dual_error", "dual_cosine",
         "dual_cosine_cov", "nc4")  # fmt: skip
LOG = ("cdnv", "variance_ratio", "dual_cosine_cov")
GROUPINGS = {NEXT_TOKEN: "next token", SUPPORT: "set of possible next tokens"}


def training_pictures(evidence: Evidence) -> Sequence[Exhibit]:
    """CDNV and NC4 over training, loss against CDNV, all measures, a table; of a model alone the table."""
    if not by_step(evidence, COURSE, CDNV, ""):
        return [_alone(evidence)]
    groups = [one for name, words in GROUPINGS.items() for one in by_step(evidence, COURSE, f"{name}/cdnv", words)]
    return [
        Curves(
            id="training-cdnv", title="Do states with one next token draw together?", experiment=_name(evidence),
            order=0, hero=True, log_x=True, log_y=True, series=tuple(groups), y_label="CDNV (exponent 1)",
            references=_chance(evidence, CDNV, "shuffled next tokens"),
            caption="Variance within classes over the squared distance between their means, averaged over pairs. 0 is "
            f"full collapse. {SEEDS}",
        ),
        Curves(
            id="training-nc4", title="Does the output layer decide as the nearest class mean does?",
            experiment=_name(evidence), order=1, log_x=True, percent=True, y_label="agreement on unseen tokens",
            series=tuple(by_step(evidence, COURSE, NC4, "next token")),
            references=_chance(evidence, NC4, "chance"), caption=SEEDS,
        ),
        _against_loss(evidence),
        _profiles(evidence),
        _table(evidence),
    ]  # fmt: skip


def _against_loss(evidence: Evidence) -> Curves:
    series: list[Series] = []
    for seed in evidence.seeds(COURSE):
        losses, variances = (course(evidence, COURSE, seed, metric) for metric in (LOSS, CDNV))
        points = sorted((losses[step], variances[step]) for step in losses)
        series.append(Series(name=f"seed {seed}", x=tuple(one for one, _ in points), y=tuple(two for _, two in points)))
    return Curves(
        id="training-loss", title="Collapse against loss", experiment=_name(evidence), order=2, log_y=True,
        series=tuple(series), x_label="loss on held-out text, nats a token", y_label="CDNV (exponent 1)",
        caption="Every checkpoint of a training is a point; training goes from right to left.",
    )  # fmt: skip


def _profiles(evidence: Evidence) -> Profiles:
    panels: list[ProfilePanel] = []
    for name in SHOWN:
        lines = [log_steps(one) for group, words in GROUPINGS.items()
                 for one in by_step(evidence, COURSE, f"{group}/{name}", words)]  # fmt: skip
        levels = _chance(evidence, f"{NEXT_TOKEN}/{name}", "next token at chance")
        panels.append(ProfilePanel(title=WORDS[name], series=tuple(lines), references=levels, log_y=name in LOG))
    return Profiles(
        id="training-measures", title="All measures of collapse over training", experiment=_name(evidence), order=3,
        panels=tuple(panels), x_label="log10 of the step",
        caption="Sets of possible next tokens are no tokens: they have no row of the output layer, so no duality and "
        f"no NC4. GNC2 and UNC3 are reported without a threshold. {SEEDS}",
    )  # fmt: skip


def _table(evidence: Evidence) -> Table:
    early = evidence.settings.from_step
    rows: list[tuple[Cell, ...]] = []
    for group, whose in GROUPINGS.items():
        for name, words in WORDS.items():
            lines = by_step(evidence, COURSE, f"{group}/{name}", words)
            if not lines:
                continue
            found = dict(zip(lines[0].x, lines[0].y, strict=True))
            at_start, at_early, at_end = (found.get(step) for step in (0, early, max(found)))
            level = _chance(evidence, f"{group}/{name}", "")
            rows.append((whose, words, at_start, at_early, at_end, level[0].value if level else None))
    return Table(
        id="training-table", title="Start, early and end", experiment=_name(evidence), order=4, sortable=True,
        columns=("classes", "measure", "step 0", f"step {early}", "end", "chance at the end"), rows=tuple(rows),
        caption=_sizes(evidence),
    )  # fmt: skip


def _alone(evidence: Evidence) -> Table:
    (seed,) = evidence.seeds(COURSE)
    rows: list[tuple[Cell, ...]] = []
    for group, whose in GROUPINGS.items():
        for name, words in WORDS.items():
            values = [_known(evidence, f"{group}/{name}", control, seed) for control in ("", "untrained", "chance")]
            if values[0] is not None:
                rows.append((whose, words, *values))
    losses = [_known(evidence, LOSS, control, seed) for control in ("", "untrained")]
    rows.append(("", "loss on held-out text, nats a token", *losses, None))
    return Table(
        id="training-table", title="One checkpoint beside its untrained twin", experiment=_name(evidence), order=0,
        columns=("classes", "measure", "this model", "untrained", "chance"), rows=tuple(rows), sortable=True,
        caption=f"{_sizes(evidence)} A course over training needs a run with checkpoints/step-*.",
    )  # fmt: skip


def _sizes(evidence: Evidence) -> str:
    """Return how many classes there are, in words."""
    parts: list[str] = []
    for group, whose in GROUPINGS.items():
        try:
            sizes = [statistics.fmean(evidence.measured(COURSE, f"{group}/{one}").values())
                     for one in ("classes", "samples")]  # fmt: skip
        except RunError:
            continue
        parts.append(f"{sizes[0]:.0f} classes by {whose} ({sizes[1]:.0f} states)")
    shared = statistics.fmean(evidence.measured(COURSE, "text/contexts").values())
    return f"{'; '.join(parts)}. On average {shared:.1f} contexts share a set of possible next tokens."


def gates_table(evidence: Evidence) -> Sequence[Exhibit]:
    """What must be and what was found."""
    expected = {
        "simplex/etf_error": ("perfect simplex: distance from a simplex", "0"),
        "simplex/norm_cov": ("perfect simplex: CoV of lengths", "0"),
        "simplex/log_kernel_cov": ("perfect simplex: CoV of the log kernel", "0"),
        "simplex/cdnv": ("perfect simplex: CDNV", "0"),
        "simplex/nc4": ("perfect simplex: NC4", "1"),
        "simplex/dual_cosine": ("perfect simplex: mean cosine with output rows", "1"),
        "scaling/unchanged": ("scaling: largest relative change", "0"),
        "scaling/squared": ("scaling: error of the 1/t² law of exponent 2", "0"),
        "shift/unchanged": ("shift: largest relative change", "0"),
        "random/log_kernel": ("random means: mean log kernel", "-0.3466"),
        "random/log_kernel_cov": ("random means: CoV of the log kernel", "about 0.18"),
        "random/dual_cosine": ("random means: mean cosine with random rows", "0"),
    }
    seed = evidence.seeds(GATES)[0]
    rows = tuple((words, target, evidence.measured(GATES, name)[seed]) for name, (words, target) in expected.items())
    return [
        Table(id="gates", title="Class means whose geometry is known", experiment=_name(evidence), order=10, rows=rows,
              columns=("quantity", "must be", "found"), caption="The code that reads the language model, on data.")
    ]  # fmt: skip


def _chance(evidence: Evidence, metric: str, name: str) -> tuple[Reference, ...]:
    """Return the chance level of a metric at the last checkpoint, mean over seeds; nothing where it has none."""
    try:
        return (
            Reference(name=name, value=statistics.fmean(evidence.measured(COURSE, metric, control="chance").values())),
        )
    except RunError:
        return ()


def _known(evidence: Evidence, metric: str, control: str, seed: int) -> float | None:
    try:
        return evidence.measured(COURSE, metric, control=control)[seed]
    except RunError:
        return None


def _name(evidence: Evidence) -> str:
    return evidence.directory.name
