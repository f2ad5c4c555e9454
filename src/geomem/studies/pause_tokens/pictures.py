"""Pictures of accuracy against the number of pauses, from evidence alone."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from geomem.runs.exhibits import Curves, Exhibit, Reference, Series, Table
from geomem.studies.bands import band
from geomem.studies.evidence import Evidence
from geomem.studies.over_training import by_step
from geomem.studies.pause_tokens.predicates import (
    BOTH,
    CHANCE,
    COUNTS,
    EXACT,
    MECHANICS,
    SCORE,
    VARIANTS,
    VARIED,
    accuracy,
    counted,
    filler,
)
from geomem.studies.pause_tokens.settings import ASKED, Settings

SMALL = 0.1
"""A fall without pauses that is smaller than this is marked."""

WORDS = {
    "standard-standard": "no pauses in training",
    "standard-pause": "pauses in fine-tuning",
    "pause-standard": "pauses in pre-training",
    "pause-pause": "pauses in both",
}


def mechanics(evidence: Evidence) -> Sequence[Exhibit]:
    """List the errors of the exact checks."""
    rows = tuple((words, max(evidence.measured(MECHANICS, metric).values())) for metric, words in EXACT.items())
    return [Table(id="pause-tokens-mechanics", title="What must be exact", experiment=MECHANICS,
                  columns=("what", "largest over seeds"), rows=rows)]  # fmt: skip


def variants(evidence: Evidence) -> Sequence[Exhibit]:
    """Draw variants: behind any number of pauses, over training, and behind filler."""
    settings, experiment = evidence.settings, evidence.directory.name
    names = [name for name in VARIANTS if name in evidence.conditions]
    own = {name: settings.pauses if VARIANTS[name][1] else 0 for name in names}
    shared = _training(settings)
    return [
        _against(evidence, experiment, {name: WORDS[name] for name in names}, hero=experiment == BOTH,
                 caption=f"Held-out prompts with that many pauses before the answer. Fine-tuned with {settings.pauses} "
                 "or with none. Mean over seeds, with their range."),
        Curves(id=f"{experiment}-course", title="Learning to look up", experiment=experiment, order=1, percent=True,
               series=tuple(line for name in names
                            for line in by_step(evidence, name, SCORE, WORDS[name])),
               references=(_chance(evidence, names[0]),), y_label="accuracy",
               caption=f"Each asked with as many pauses as it is trained with at that step. {shared}"),
        _numbers(evidence, experiment, {name: (WORDS[name], count) for name, count in own.items()}, order=2),
        _filler(evidence, names),
    ]  # fmt: skip


def counts(evidence: Evidence) -> Sequence[Exhibit]:
    """Draw runs with pauses in both stages by their number in fine-tuning."""
    settings: Settings = evidence.settings
    words = {counted(count): f"fine-tuned with {count}" for count in settings.counts}
    words[VARIED] = f"with {', '.join(map(str, settings.varied))} in turn"
    asked = {counted(count): count for count in settings.counts} | {VARIED: max(settings.varied)}
    found = {name: text for name, text in words.items() if name in evidence.conditions}
    return [
        _against(evidence, COUNTS, found,
                 caption="Pauses in pre-training and fine-tuning. Mean over seeds, with their range."),
        _numbers(evidence, COUNTS, {name: (text, asked[name]) for name, text in found.items()}, order=1),
    ]  # fmt: skip


def _against(
    evidence: Evidence, experiment: str, names: dict[str, str], *, caption: str, hero: bool = False
) -> Exhibit:
    lines: list[Series] = []
    for name, words in names.items():
        by_seed = {seed: [evidence.measured(name, accuracy(count))[seed] for count in ASKED]
                   for seed in evidence.seeds(name)}  # fmt: skip
        lines.append(band(words, ASKED, by_seed))
    first = next(iter(names))
    return Curves(id=f"{experiment}-pauses", title="Accuracy against the number of pauses", experiment=experiment,
                  hero=hero, series=tuple(lines), references=(_chance(evidence, first),), percent=True,
                  x_label="pauses at test time", y_label="accuracy", caption=caption)  # fmt: skip


def _numbers(evidence: Evidence, experiment: str, names: dict[str, tuple[str, int]], *, order: int) -> Exhibit:
    rows: list[tuple[str | float | None, ...]] = []
    for name, (words, count) in names.items():
        own, none, two, half = (evidence.measured(name, accuracy(asked)) for asked in (count, 0, 2, count // 2))
        for seed in evidence.seeds(name):
            seen = (words, seed, count, own[seed], none[seed], two[seed])
            fall = own[seed] - none[seed]
            mark = "under ten points" if fall < SMALL else ""
            rows.append((*seen, half[seed], fall, mark) if count > 0 else (*seen, None, None, ""))
    columns = ("training", "seed", "pauses M", "accuracy at M", "at 0", "at 2", "at M/2", "fall without", "mark")
    return Table(id=f"{experiment}-numbers", title="Where training ended", experiment=experiment, order=order,
                 columns=columns, rows=tuple(rows), sortable=True,
                 caption="M: pauses in fine-tuning, or the most of several. The fall from M pauses to none is reported "
                 "whatever it is.")  # fmt: skip


def _filler(evidence: Evidence, names: Sequence[str]) -> Exhibit:
    experiment = evidence.directory.name

    def mean(name: str, metric: str) -> float:
        return statistics.fmean(evidence.measured(name, metric).values())

    rows = [(WORDS[name], count, mean(name, filler(count)), mean(name, accuracy(count)))
            for name in names for count in (0, 2, 10, 20)]  # fmt: skip
    return Table(id=f"{experiment}-filler", title="An ordinary token in the place of pauses", experiment=experiment,
                 order=3,
                 columns=("training", "tokens", "accuracy behind `?`", "behind pauses"), rows=tuple(rows),
                 caption="`?` stands in every prompt, before the key. Means over seeds.")  # fmt: skip


def _training(settings: Settings) -> str:
    return (
        f"Fine-tuning begins after step {settings.pre_steps}; before, no prompt was shown. In pre-training all pass "
        "equally many positions, in fine-tuning the same prompts."
    )


def _chance(evidence: Evidence, condition: str) -> Reference:
    value = statistics.fmean(evidence.measured(condition, CHANCE).values())
    return Reference(name="guessing among the values shown", value=value)
