"""The study's exhibits: spectra, divergence against rank, LinGen step by step, text beside text, principal cosines."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence

import numpy as np

from geomem.errors import RunError
from geomem.numbers import number
from geomem.runs.exhibits import Cell, Curves, Exhibit, Profiles, Reference, Series, Table
from geomem.studies.bands import band
from geomem.studies.depth_profiles import panel
from geomem.studies.evidence import Evidence
from geomem.studies.logit_low_rank.language import SHUFFLED, TEXTS, UNTRAINED
from geomem.studies.logit_low_rank.material import NONSENSE, OTHER, RANDOM
from geomem.studies.logit_low_rank.predicates import HMM, ISAN, MODEL
from geomem.studies.logit_low_rank.settings import Reading
from geomem.studies.over_training import by_step, log_steps

SEEDS = "Line: mean over seeds; band: their range."
METHODS = {
    "text/lingen": "LinGen",
    "nonsense/lingen": "LinGen from nonsense",
    "text/single-token": "without futures (single-token)",
    "nonsense/single-token": "without futures, from nonsense",
    "text/truncated": "the model, last 5 tokens",
    "text/unigram": "frequencies",
}
FLOOR = 1e-12


def language_pictures(evidence: Evidence) -> Sequence[Exhibit]:
    """Everything about a language model."""
    return [
        _lingen(evidence),
        *_texts(evidence),
        _spectra(evidence),
        _against_rank(evidence),
        *_training(evidence),
        _cosines(evidence),
        _table(evidence),
    ]


def _curve(evidence: Evidence, key: str, name: str, *, dashed: bool = False) -> Series:
    """Return an array of numbers by rank, over seeds."""
    found = {seed: evidence.arrays(MODEL, seed)[key] for seed in evidence.seeds(MODEL)}
    size = min(map(len, found.values()))
    return band(name, range(1, size + 1), {seed: one[:size].tolist() for seed, one in found.items()}, dashed=dashed)


def _spectra(evidence: Evidence) -> Curves:
    first, last = evidence.settings.reading.window
    alone = not by_step(evidence, MODEL, "spectrum/alpha", "")
    names = {"last": "trained", UNTRAINED: "untrained", SHUFFLED: "entries shuffled"}
    lines = [_normed(_curve(evidence, key, name, dashed=key != "last")) for key, name in names.items()]
    alpha = statistics.fmean(evidence.measured(MODEL, "spectrum/alpha").values())
    ranks = np.arange(first, min(last, len(lines[0].x)) + 1)
    middle = float(np.exp(np.log(ranks).mean()))
    height = float(np.interp(np.log(middle), np.log(lines[0].x), np.log(np.maximum(lines[0].y, FLOOR))))
    fit = Series(name=f"fit, α = {number(alpha)}", x=tuple(ranks), y=tuple(np.exp(height) * (ranks / middle) ** -alpha),
                 dashed=True)  # fmt: skip
    size = "" if alone else " At the end of training."
    return Curves(
        id="logit-spectra", title="Singular values of the extended logit matrix", experiment=_name(evidence), order=2,
        series=(*lines, fit), x_label="rank", y_label="σ / σ₁", log_x=True, log_y=True,
        caption=f"{_sizes(evidence)}{size} Fitted on ranks {first} to {ranks[-1]}. {SEEDS}",
    )  # fmt: skip


def _normed(series: Series) -> Series:
    top = max(series.y[0], FLOOR)

    def scaled(values: tuple[float, ...] | None) -> tuple[float, ...] | None:
        return None if values is None else tuple(max(value / top, FLOOR) for value in values)

    changed = {"y": scaled(series.y), "low": scaled(series.low), "high": scaled(series.high)}
    return Series.model_validate({**series.model_dump(), **changed})


def _sizes(evidence: Evidence) -> str:
    reading = evidence.settings.reading
    return (
        f"{reading.histories} histories of {reading.history_tokens} tokens, {reading.futures} futures of up to "
        f"{reading.future_tokens}, {reading.columns} tokens each."
    )


def _ranks(evidence: Evidence) -> tuple[int, ...]:
    reading: Reading = evidence.settings.reading
    return reading.kept


def _against_rank(evidence: Evidence) -> Curves:
    ranks = _ranks(evidence)
    lines: list[Series] = []
    for control, name in (("", "trained"), (UNTRAINED, "untrained"), (SHUFFLED, "entries shuffled")):
        values = [evidence.measured(MODEL, f"kl/rank_{rank}", control=control) for rank in ranks]
        by_seed = {seed: [max(one[seed], FLOOR) for one in values] for seed in values[0]}
        lines.append(band(name, ranks, by_seed, dashed=bool(control)))
    free = statistics.fmean(evidence.measured(MODEL, "kl/free").values())
    return Curves(
        id="logit-kl", title="How far the predictions of a truncation are off", experiment=_name(evidence), order=3,
        series=tuple(lines), references=(Reference(name="same for every history, trained", value=free),),
        x_label="rank", y_label="mean KL, nats", log_x=True, log_y=True, caption=SEEDS,
    )  # fmt: skip


def _training(evidence: Evidence) -> list[Exhibit]:
    ranks = _ranks(evidence)

    def course(metric: str, name: str = "trained") -> list[Series]:
        return [log_steps(one) for one in by_step(evidence, MODEL, metric, name)]

    def by_rank(metric: str) -> list[Series]:
        return [one for rank in ranks for one in course(f"{metric}_{rank}", f"rank {rank}")]

    panels = [
        *panel("Exponent α", course("spectrum/alpha")),
        *panel("Rank for 99 % of the squares", course("spectrum/rank_99")),
        *panel("KL of truncations, nats", by_rank("kl/rank"), log_y=True),
        *panel("The same over that of one fit for all histories", by_rank("kl/normalised"), log_y=True),
        *panel("Mean principal cosine with the end", course("transfer/to_end")),
    ]
    if not panels:
        return []
    caption = (
        "Before training logits hardly depend on the history, which makes a small network's spectrum steep: the rise "
        f"of KL is in the numbers, not in the structure; hence the fourth frame. {SEEDS}"
    )
    return [Profiles(id="logit-training", title="Over training", experiment=_name(evidence), order=4, caption=caption,
                     panels=tuple(panels), x_label="log10 of the step")]  # fmt: skip


def _lingen(evidence: Evidence) -> Curves:
    lines: list[Series] = []
    for key, name in METHODS.items():
        found = {seed: evidence.arrays(MODEL, seed)[f"steps/{key}"].mean(0) for seed in evidence.seeds(MODEL)}
        steps = range(1, len(next(iter(found.values()))) + 1)
        floor = {seed: np.maximum(one, 1e-4) for seed, one in found.items()}
        lines.append(band(name, steps, floor, dashed=not key.startswith("text/lingen")))
    reading = evidence.settings.reading
    return Curves(
        id="lingen-steps", title="LinGen: imitating a prompt by other prompts", experiment=_name(evidence), order=0,
        hero=True, series=tuple(lines), x_label="token written", y_label="KL from the model, nats", log_y=True,
        caption=f"Mean over {reading.targets} prompts, each method along its own text. The variant without futures is "
        f"fitted to the first token. Below 0.0001 is drawn there. {SEEDS}",
    )  # fmt: skip


def _texts(evidence: Evidence) -> list[Exhibit]:
    (seed, *_) = evidence.seeds(MODEL)
    file = evidence.cells[(MODEL, seed)] / TEXTS
    if not file.is_file():
        return []
    rows: list[tuple[Cell, ...]] = []
    for one in json.loads(file.read_text(encoding="utf-8")):
        rows.append((one["target"], "the model itself", one["model"], None))
        for key, name in METHODS.items():
            found = one.get(key.removeprefix("text/").replace("/", " "))
            if found is not None:
                rows.append(("", name, found["text"], found["kl"]))
    return [Table(id="lingen-texts", title="Text beside text", experiment=_name(evidence), order=1,
                  columns=("prompt", "written by", "text", "KL in all, nats"), rows=tuple(rows),
                  caption=f"Seed {seed}; all draw with the same random numbers. ↵ is a line end.")]  # fmt: skip


def _cosines(evidence: Evidence) -> Curves:
    words = {OTHER: "other futures of the text", NONSENSE: "the same, tokens permuted", RANDOM: "random tokens",
             SHUFFLED: "entries shuffled"}  # fmt: skip
    lines = [_curve(evidence, f"cosines/{key}", name, dashed=key == SHUFFLED) for key, name in words.items()]
    return Curves(
        id="logit-cosines", title="Do relations between histories carry over to other futures?",
        experiment=_name(evidence), order=5, series=tuple(lines), x_label="direction", y_label="principal cosine",
        caption=f"Column spaces of rank {evidence.settings.reading.shared}: the futures of the text against other "
        f"sets. {SEEDS}",
    )  # fmt: skip


def _table(evidence: Evidence) -> Table:
    names = {
        "spectrum/alpha": "exponent α",
        "spectrum/alpha_middle": "exponent α, ranks 10 to 60",
        "spectrum/rank_99": "rank for 99 % of the squares",
        "kl/free": "KL of one fit for all histories",
        **{f"kl/rank_{rank}": f"KL of rank {rank}" for rank in _ranks(evidence)},
        **{f"kl/normalised_{rank}": f"KL of rank {rank}, normalised" for rank in _ranks(evidence)},
    }
    rows: list[tuple[Cell, ...]] = []
    for metric, name in names.items():
        cells = [_mean(evidence, metric, control) for control in ("", UNTRAINED, SHUFFLED)]
        rows.append((name, *cells))
    return Table(id="logit-table", title="The model and its controls", experiment=_name(evidence), order=6,
                 columns=("quantity", "trained", "untrained", "entries shuffled"), rows=tuple(rows),
                 caption=f"{_sizes(evidence)} Means over seeds, nats.")  # fmt: skip


def _mean(evidence: Evidence, metric: str, control: str) -> float | None:
    try:
        return statistics.fmean(evidence.measured(MODEL, metric, control=control).values())
    except RunError:
        return None


def exact_pictures(evidence: Evidence) -> Sequence[Exhibit]:
    """Singular values of the generators of one experiment, a line a seed."""
    (condition,) = (one for one in (ISAN, HMM) if one in evidence.conditions)
    lines: list[Series] = []
    for seed in evidence.seeds(condition):
        values = evidence.arrays(condition, seed)["singular_values"]
        heights = np.maximum(values / values[0], 1e-18)
        lines.append(Series(name=f"seed {seed}", x=tuple(range(1, len(values) + 1)), y=tuple(heights)))
    settings = evidence.settings
    title, caption = {
        ISAN: (f"An input-switched affine network of {settings.isan.width} dimensions",
               "Beyond the last direction there is only rounding."),
        HMM: (f"A hidden Markov model of {settings.hmm.width} states", ""),
    }[condition]  # fmt: skip
    return [Curves(id=f"{condition}-spectrum", title=title, experiment=_name(evidence), order=10, series=tuple(lines),
                   x_label="rank", y_label="σ / σ₁", log_x=True, log_y=True,
                   caption=caption)]  # fmt: skip


def _name(evidence: Evidence) -> str:
    return evidence.directory.name
