"""The study's exhibits: creativity over training, against memorisation, against temperature; tables of all numbers."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from geomem.runs.exhibits import Curves, Exhibit, Reference, Series, Table
from geomem.studies.algorithmic_creativity.cells import METHODS, length_name
from geomem.studies.algorithmic_creativity.predicates import LENGTHS, LISTS, SIBLINGS, TRIANGLES
from geomem.studies.algorithmic_creativity.settings import Settings, Training
from geomem.studies.bands import band
from geomem.studies.evidence import Evidence

ID = "algorithmic-creativity"
NUMBERS = ("creativity", "creativity_raw", "diversity", "coherence", "memorisation")


def decoded(name: str) -> float:
    """Return the temperature a method is shown at: seeds with greedy decoding, the others at 1."""
    return 0.0 if METHODS[name].seeded else 1.0


def siblings(evidence: Evidence) -> Sequence[Exhibit]:
    """Draw every method on sibling discovery."""
    settings: Settings = evidence.settings
    ceiling = _ceiling(evidence, "ntp", "siblings")
    return [
        Curves(id=f"{ID}-course", title="New siblings over training", experiment=SIBLINGS, hero=True,
               series=tuple(_course(evidence, name) for name in METHODS), references=(ceiling,),
               x_label="batches passed", y_label="creativity", percent=True,
               caption="Share of the sampled outputs that are coherent, not in the training set, and different from "
               "each other. With seeds: greedy; without: temperature 1. Band: range over seeds."),
        Curves(id=f"{ID}-memorisation", title="Creativity against memorisation", experiment=SIBLINGS, order=1,
               series=tuple(_against(evidence, name) for name in METHODS), references=(ceiling,),
               x_label="memorisation", y_label="creativity",
               caption="Each line is a training, from its start to its end at equal passes; mean over seeds."),
        Curves(id=f"{ID}-temperature", title="Creativity at the end, by temperature", experiment=SIBLINGS, order=2,
               series=tuple(_by_temperature(evidence, name, settings.siblings) for name in METHODS),
               references=(ceiling,), x_label="temperature; 0 is greedy", y_label="creativity", percent=True,
               caption="After all passes. Band: range over seeds."),
        _table(evidence, SIBLINGS, "siblings", list(METHODS), settings.siblings, order=3),
    ]  # fmt: skip


def lengths(evidence: Evidence) -> Sequence[Exhibit]:
    """Draw greedy creativity against the length of the seed."""
    own: Settings = evidence.settings
    x = own.siblings.seed_lengths
    first = length_name(x[0])
    by_seed = {
        seed: [evidence.measured(length_name(length), "siblings/creativity@t0")[seed] for length in x]
        for seed in evidence.seeds(first)
    }
    return [
        Curves(id=f"{ID}-seed-length", title="Creativity by length of the seed", experiment=LENGTHS,
               series=(band("next token, greedy", x, by_seed),), x_label="letters of the seed",
               y_label="creativity", percent=True, references=(_ceiling(evidence, first, "siblings"),),
               caption="After all passes. Band: range over seeds. Without a seed greedy decoding has one output."),
        _table(evidence, LENGTHS, "siblings", [length_name(length) for length in x], own.siblings, order=1),
    ]  # fmt: skip


def triangles(evidence: Evidence) -> Sequence[Exhibit]:
    """List the numbers of triangle discovery."""
    settings: Settings = evidence.settings
    conditions = [f"triangle-{name}" for name in METHODS if METHODS[name].causal]
    return [_table(evidence, TRIANGLES, "triangles", conditions, settings.triangles)]


def lists(evidence: Evidence) -> Sequence[Exhibit]:
    """List the numbers of circles and lines."""
    settings: Settings = evidence.settings
    causal = [name for name in METHODS if METHODS[name].causal]
    return [
        _table(evidence, LISTS, f"{shape}s", [f"{shape}-{name}" for name in causal], settings.lists, order=place)
        for place, shape in enumerate(("circle", "line"))
    ]


def _course(evidence: Evidence, name: str) -> Series:
    metric = f"siblings/creativity@t{decoded(name):g}"
    found = {seed: evidence.series(name, seed, metric) for seed in evidence.seeds(name)}
    steps = next(iter(found.values()))[0]
    method = METHODS[name]
    drawn = band(method.words, [step * method.passes for step in steps], {seed: one[1] for seed, one in found.items()})
    return drawn.model_copy(update={"colour": list(METHODS).index(name)})


def _against(evidence: Evidence, name: str) -> Series:
    axes: list[list[float]] = []
    for number in ("memorisation", "creativity"):
        metric = f"siblings/{number}@t{decoded(name):g}"
        courses = [evidence.series(name, seed, metric)[1] for seed in evidence.seeds(name)]
        axes.append([statistics.fmean(values) for values in zip(*courses, strict=True)])
    return Series(name=METHODS[name].words, x=tuple(axes[0]), y=tuple(axes[1]), colour=list(METHODS).index(name))


def _by_temperature(evidence: Evidence, name: str, own: Training) -> Series:
    x = sorted(own.temperatures)
    by_seed = {
        seed: [evidence.measured(name, f"siblings/creativity@t{t:g}")[seed] for t in x] for seed in evidence.seeds(name)
    }
    return band(METHODS[name].words, x, by_seed).model_copy(update={"colour": list(METHODS).index(name)})


def _ceiling(evidence: Evidence, condition: str, stream: str) -> Reference:
    found = evidence.measured(condition, f"{stream}/ceiling")
    return Reference(name="uniform over all coherent", value=statistics.fmean(found.values()))


def _table(
    evidence: Evidence, experiment: str, stream: str, conditions: Sequence[str], own: Training, *, order: int = 0
) -> Table:
    """List final numbers, and the peak of creativity over training, by condition and temperature; means over seeds."""
    rows: list[tuple[str | float, ...]] = []
    for condition in conditions:
        for t in sorted(own.temperatures):
            final = [statistics.fmean(evidence.measured(condition, f"{stream}/{name}@t{t:g}").values())
                     for name in NUMBERS]  # fmt: skip
            peak = statistics.fmean(evidence.best(condition, f"{stream}/creativity@t{t:g}").values())
            rows.append((condition, t, *final, peak))
    ceiling = _ceiling(evidence, conditions[0], stream).value
    return Table(id=f"{ID}-{stream}-{experiment}", title=f"What was sampled: {stream}", experiment=experiment,
                 columns=("method", "temperature", *NUMBERS, "peak of creativity"), rows=tuple(rows), order=order,
                 caption=f"After all passes, means over seeds. Uniform sampling over all that is coherent would have "
                 f"a creativity of {ceiling:.3g}.")  # fmt: skip
