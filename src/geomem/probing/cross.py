"""Two models side by side: how alike their layers are, on the same words of the same text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from geomem.geometry.cca import canonical_correlations
from geomem.geometry.cka import unbiased_cka
from geomem.geometry.cka_map import LayerCKA
from geomem.geometry.procrustes import procrustes_similarity
from geomem.geometry.rsa import rsa, split_half_ceiling
from geomem.geometry.stimuli import needed_stimuli
from geomem.numbers import number
from geomem.probing.findings import Probed
from geomem.probing.rows import CHANCE
from geomem.probing.spec import ProbeSpec
from geomem.runs.exhibits import ExhibitBase, Heatmap, HeatmapPanel, ProfilePanel, Profiles, Reference, Series
from geomem.runs.tables import Measurement

SIZES = (32, 64, 128, 256)
DRAWS = 8
"""Samples of each size that are drawn to say how many words a verdict needs."""
STATES = "words/states"
"""Array of a pass with the states at the shared words, (L + 1, n, d); `words/groups` are their passages."""


@dataclass
class Compared:
    """Rows, pictures and sentences about pairs of models."""

    rows: list[Measurement] = field(default_factory=list[Measurement])
    exhibits: list[ExhibitBase] = field(default_factory=list[ExhibitBase])
    sentences: list[str] = field(default_factory=list[str])


def compare_models(models: Sequence[Probed], spec: ProbeSpec) -> Compared:
    """Compare the first model with each of the others."""
    found = Compared()
    first = models[0]
    arrays = first.measured.arrays()
    for other in models[1:]:
        theirs = other.measured.arrays()
        if STATES not in arrays or STATES not in theirs:
            found.sentences.append(
                f"{first.measured.model} and {other.measured.model} were not compared layer by layer: a tokenizer does "
                "not say which characters its tokens cover."
            )
            continue
        _pair(first, other, (list(arrays[STATES]), list(theirs[STATES])), arrays["words/groups"], spec, found)
    return found


def _pair(
    first: Probed, other: Probed, states: tuple[list[Tensor], list[Tensor]], groups: Tensor, spec: ProbeSpec,
    found: Compared,
) -> None:  # fmt: skip
    one, two = states
    names = [*(f"{first.measured.model}, layer {layer}" for layer in range(len(one))),
             *(f"{other.measured.model}, layer {layer}" for layer in range(len(two)))]  # fmt: skip
    metric = LayerCKA(names, seed=spec.seed)
    metric.update([*one, *two], groups)
    cka = metric.compute()[: len(one), len(one) :]
    low, high = (side[: len(one), len(one) :] for side in metric.interval())
    best = cka.argmax(1)
    label = f"{first.measured.model} / {other.measured.model}"
    n = len(groups)
    for layer in range(len(one)):
        match = int(best[layer])
        near = [place - len(one) for place in metric.as_near(layer, range(len(one), len(names)))]
        leading = canonical_correlations(one[layer], two[match])
        whole = canonical_correlations(one[layer], two[match], share=1.0)
        values = {
            "best_layer": (float(match), float(min(near)), float(max(near))),
            "best_cka": (float(cka[layer, match]), float(low[layer, match]), float(high[layer, match])),
            "rsa": (float(rsa(one[layer], two[match])), None, None),
            "procrustes": (float(procrustes_similarity(one[layer], two[match])), None, None),
            "rsa_ceiling": (_ceiling(one[layer], two[match]), None, None),
            "svcca": (float(leading.mean), None, None),
            "pwcca": (float(whole.weighted), None, None),
        }
        for name, (value, lower, upper) in values.items():
            found.rows.append(Measurement(model=label, layer=layer, metric=f"models/{name}", value=value, low=lower,
                                          high=upper, seed=spec.seed))  # fmt: skip
        for name, value in (("best_cka", 0.0), ("rsa", 0.0), ("svcca", leading.noise), ("pwcca", whole.noise)):
            found.rows.append(Measurement(model=label, condition=CHANCE, layer=layer, metric=f"models/{name}",
                                          value=value, seed=spec.seed))  # fmt: skip
    some = sorted({round(place * (len(one) - 1) / 4) for place in range(5)})
    words = _enough([one[layer] for layer in some], [two[int(best[layer])] for layer in some], spec.seed)
    found.rows.append(Measurement(model=label, metric="models/needed_words", seed=spec.seed,
                                  value=math.nan if words is None else float(words)))  # fmt: skip
    found.exhibits += _drawn(first, other, cka, found.rows, label)
    top = torch.tensor([float(cka[layer, int(best[layer])]) for layer in range(1, len(one))])
    steps = best.diff()
    order = "in the same order" if bool((steps >= 0).all()) else "not in one order"
    found.sentences.append(
        f"Layers of {first.measured.model} find their like in {other.measured.model} {order}: the best match has a "
        "CKA of "
        f"{number(float(top.min()))} to {number(float(top.max()))} over depth ({n} words; 0 for unrelated models). "
        + (
            "So many words do not tell neighbouring layers apart for certain."
            if words is None
            else f"{words} words would tell its layers apart."
        )
    )


def _ceiling(one: Tensor, two: Tensor) -> float:
    """Return what the RSA of two systems could reach, given how far each agrees with itself: both split in halves."""
    own = [split_half_ceiling(side, splits=5).value for side in (one, two)]
    return math.sqrt(max(0.0, own[0]) * max(0.0, own[1]))


def _enough(one: Sequence[Tensor], two: Sequence[Tensor], seed: int) -> int | None:
    """Return how many words a verdict on which layer is which needs, from samples of those there are; None for more."""
    sizes = [size for size in SIZES if size <= len(one[0]) // 2]
    if not sizes:
        return None
    return needed_stimuli(one, two, unbiased_cka, sizes=sizes, draws=DRAWS, seed=seed)[0]


def _drawn(first: Probed, other: Probed, cka: Tensor, rows: Sequence[Measurement], label: str) -> list[ExhibitBase]:
    key = f"{len(rows)}"
    profile = [row for row in rows if row.model == label and row.condition == ""]
    panels: list[ProfilePanel] = []
    for name, title in (("best_layer", f"Best layer of {other.measured.model}"), ("best_cka", "CKA with it"),
                        ("rsa", "RSA with it"), ("procrustes", "Procrustes similarity with it"),
                        ("svcca", "SVCCA with it"), ("pwcca", "PWCCA with it")):  # fmt: skip
        chosen = [row for row in profile if row.metric == f"models/{name}"]
        banded = all(row.low is not None for row in chosen)
        level = [row.value for row in rows if row.model == label and row.condition == CHANCE
                 and row.metric == f"models/{name}"]  # fmt: skip
        panels.append(ProfilePanel(title=title, series=(Series(
            name=label, x=tuple(row.layer or 0 for row in chosen), y=tuple(row.value for row in chosen),
            low=tuple(row.low or 0.0 for row in chosen) if banded else None,
            high=tuple(row.high or 0.0 for row in chosen) if banded else None,
        ),), references=(Reference(name="chance", value=level[0]),) if level else ()))  # fmt: skip
    return [
        Heatmap(id=f"models-cka-{key}", title=f"Layers of {first.measured.model} against {other.measured.model}",
                experiment="models", order=1,
                panels=(HeatmapPanel(title="CKA", matrix=tuple(map(tuple, cka.tolist()))),),
                x_label=f"layer of {other.measured.model}", y_label=f"layer of {first.measured.model}",
                value_label="unbiased CKA", vmin=0.0, vmax=1.0,
                caption="On the same words of the same text, whatever the tokenizers make of them."),
        Profiles(id=f"models-best-{key}", title="Best matching layers", experiment="models", order=2,
                 panels=tuple(panels), x_label=f"layer of {first.measured.model}",
                 caption="The band of the best layer holds all layers whose interval reaches the best one's."),
    ]  # fmt: skip
