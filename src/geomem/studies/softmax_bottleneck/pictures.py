"""The study's exhibits: the KL floor, spectra of three output layers, PMI beside dot products, a model's spectrum."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geomem.runs.exhibits import Curves, Exhibit, Heatmap, HeatmapPanel, Reference, Series, Table
from geomem.studies.bands import band
from geomem.studies.evidence import Evidence
from geomem.studies.softmax_bottleneck.predicates import FLOOR, MIXTURES, MODEL, SAMPLING
from geomem.studies.softmax_bottleneck.settings import Settings
from geomem.studies.softmax_bottleneck.work import HEADS

ROUNDING = 1e-14
"""Numbers below this are drawn at it: they are rounding, and a logarithm has no 0."""

NAMES = {"softmax": "one softmax", "contexts": "mixture of contexts", "softmaxes": "mixture of softmaxes"}


def floor(evidence: Evidence) -> Sequence[Exhibit]:
    """Draw the least KL against the dimension, with the rank marked."""
    settings: Settings = evidence.settings
    series: list[Series] = []
    for slot, rank in enumerate(settings.floor.ranks):
        widths = settings.floor.widths(rank)
        by_seed = {
            seed: [max(ROUNDING, evidence.measured(FLOOR, f"rank_{rank}/kl_{width}")[seed]) for width in widths]
            for seed in evidence.seeds(FLOOR)
        }
        drawn = band(f"logits of rank {rank}", widths, by_seed)
        series.append(drawn.model_copy(update={"colour": slot}))
        series.append(Series(name=f"d = {rank}, the rank", x=(rank, rank), y=(ROUNDING, 1.0), dashed=True, colour=slot))
    caption = (
        "The best of several L-BFGS fits, mean over seeds with their range. At the rank (dashed) nothing but rounding "
        "is left; below it no softmax gets under the curve found."
    )
    return [Curves(id="softmax-bottleneck-floor", title="The least KL of a softmax of d dimensions", caption=caption,
                   experiment=FLOOR, hero=True, series=tuple(series), x_label="dimensions d",
                   y_label="mean KL, nats", log_y=True)]  # fmt: skip


def sampling(evidence: Evidence) -> Sequence[Exhibit]:
    """Draw PMI - log k beside the dot products of every dimension, and the error over the steps."""
    settings: Settings = evidence.settings
    seed = evidence.seeds(SAMPLING)[0]
    kept, widths = evidence.arrays(SAMPLING, seed), settings.sampling.widths
    shift = math.log(settings.sampling.negatives)
    shown = {"PMI": kept["goal"]} | {f"w·c + log k, d = {d}": kept[f"products_{d}"] for d in (widths[0], widths[-1])}
    panels = [HeatmapPanel(title=title, matrix=(matrix + shift).tolist()) for title, matrix in shown.items()]
    lines: list[Series] = []
    for width in widths:
        by_seed = {
            one: np.maximum(ROUNDING, evidence.arrays(SAMPLING, one)[f"errors_{width}"]).tolist()
            for one in evidence.seeds(SAMPLING)
        }
        lines.append(band(f"d = {width}", [max(1, int(step)) for step in kept["steps"]], by_seed))
    return [
        Heatmap(id="softmax-bottleneck-pmi", title="What negative sampling learns", experiment=SAMPLING, order=1,
                panels=tuple(panels), x_label="context", y_label="word", value_label="nats", diverging=True,
                caption=f"Rows are words, columns contexts; seed {seed}. At full dimension the two are equal."),
        Curves(id="softmax-bottleneck-sgns", title="Largest error of a dot product", experiment=SAMPLING, order=2,
               series=tuple(lines), x_label="steps of gradient ascent", y_label="max |w·c − (PMI − log k)|",
               log_x=True, log_y=True, caption="Mean over seeds, with their range. The floor is that of float64."),
    ]  # fmt: skip


def mixtures(evidence: Evidence) -> Sequence[Exhibit]:
    """Draw the spectra of what three output layers say, and their numbers."""
    own = evidence.settings.mixtures
    seed = evidence.seeds(MIXTURES)[0]
    kept = evidence.arrays(MIXTURES, seed)
    names = {**NAMES, "target": f"the target, rank {own.rank}"}
    lines = [_spectrum(words, kept[f"{name}/spectrum"], dashed=name == "target") for name, words in names.items()]
    numbers = ("kl", "rank", "plain_rank", "effective_rank", "stable_rank", "parameters")
    rows = [
        (NAMES[name], *(float(np.mean(list(evidence.measured(MIXTURES, f"{name}/{number}").values())))
                        for number in numbers))
        for name in HEADS
    ]  # fmt: skip
    columns = ("output layer", "mean KL", "rank", "rank, not centred", "effective rank", "stable rank", "parameters")
    return [
        Curves(id="softmax-bottleneck-spectra", title="Singular values of centred log-probabilities", order=1,
               experiment=MIXTURES, series=tuple(lines), x_label="place", y_label="over the largest", log_y=True,
               references=(_threshold(own.contexts, own.vocabulary),), hero=True,
               caption=f"Output layers of dimension {own.dimension}, seed {seed}. Below the dashed level is rounding."),
        Table(id="softmax-bottleneck-heads", title="Three output layers on one target", experiment=MIXTURES, order=2,
              columns=columns, rows=tuple(rows), caption="Means over seeds."),
    ]  # fmt: skip


def language(evidence: Evidence) -> Sequence[Exhibit]:
    """Draw the spectrum of a language model, trained and untrained."""
    seed = evidence.seeds(MODEL)[0]
    kept = evidence.arrays(MODEL, seed)
    dimension, contexts, vocabulary = (
        int(evidence.measured(MODEL, f"model/{name}")[seed]) for name in ("dimension", "contexts", "vocabulary")
    )
    lines = [_spectrum(name, kept[name], most=2 * dimension, dashed=name == "untrained")
             for name in ("trained", "untrained")]  # fmt: skip
    numbers = ("rank", "plain_rank", "float32_rank", "effective_rank", "stable_rank")
    rows = [
        (one, name or "trained", *(evidence.measured(MODEL, f"model/{number}", control=name)[one]
                                   for number in numbers))
        for one in evidence.seeds(MODEL)
        for name in ("", "untrained")
    ]  # fmt: skip
    columns = ("seed", "model", "rank", "rank, not centred", "rank of float32 logits", "effective rank", "stable rank")
    return [
        Curves(id="softmax-bottleneck-model", title="Singular values of a language model's log-probabilities", order=1,
               experiment=MODEL, series=tuple(lines), x_label="place", y_label="over the largest", log_y=True,
               references=(_threshold(contexts, vocabulary),),
               caption=f"{contexts} held-out contexts, {vocabulary} tokens, {dimension} dimensions; seed {seed}, the "
               "first twice as many places as dimensions."),
        Table(id="softmax-bottleneck-ranks", title="Ranks of a language model's log-probabilities", experiment=MODEL,
              columns=columns, rows=tuple(rows), order=2),
    ]  # fmt: skip


def _spectrum(name: str, values: NDArray[np.float64], *, most: int | None = None, dashed: bool = False) -> Series:
    shares = np.maximum(ROUNDING, values[:most] / values[0])
    return Series(name=name, x=tuple(range(1, len(shares) + 1)), y=tuple(shares.tolist()), dashed=dashed)


def _threshold(contexts: int, vocabulary: int) -> Reference:
    return Reference(name="rounding", value=max(contexts, vocabulary) * float(np.finfo(np.float64).eps))
