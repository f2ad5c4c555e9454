"""Scores of samples: how often a layer is found again among the other system's layers, and what pure noise scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from geomem.geometry.stimuli import GAP, SIMILARITIES, Similarity, same_minus_neighbour
from geomem.runs.tables import Measurement
from geomem.seeding import torch_generator

METRICS = ("cka", "cka-unbiased", "rsa", "svcca")
NAMES = {"cka": "CKA", "cka-unbiased": "unbiased CKA", "rsa": "RSA", "svcca": "SVCCA"}

Layers = Sequence[Float[Tensor, "n _"]]


@dataclass(frozen=True)
class Found:
    """Layers of one system looked for in another, on average over layers and samples.

    identified: share whose most similar layer is the same one. same: similarity with the same layer. gap: that less
    the larger of its neighbours'. trusted: share named with confidence, the best layer standing out from its
    neighbours by 0.05 or more. right: share of those that are right, NaN without any.
    """

    identified: float
    same: float
    gap: float
    trusted: float
    right: float


def find_layers(
    first: Layers, second: Layers, measure: Similarity, size: tuple[int, int], draws: int, seed: int
) -> Found:
    """Look for every layer of `first` among all layers of `second`, in samples of so many stimuli and units.

    Both systems see the same stimuli; units are drawn for each layer by itself. Where the sample is everything there
    is, one is enough.
    """
    stimuli, units = size
    whole = stimuli >= len(first[0]) and all(units >= layer.shape[1] for layer in (*first, *second))
    generator = torch_generator(seed, "find-layers", stimuli, units)
    scores = [similarities(*_sampled(first, second, size, generator), measure) for _ in range(1 if whole else draws)]
    hits = torch.stack([one.argmax(1) == torch.arange(len(one)) for one in scores])
    sure = torch.stack([stands_out(one) for one in scores])
    return Found(
        identified=float(hits.double().mean()),
        same=float(torch.stack([one.diagonal().mean() for one in scores]).mean()),
        gap=float(torch.stack([same_minus_neighbour(one).mean() for one in scores]).mean()),
        trusted=float(sure.double().mean()),
        right=float(hits[sure].double().mean()) if bool(sure.any()) else math.nan,
    )


def similarities(first: Layers, second: Layers, measure: Similarity) -> Float[Tensor, "l m"]:
    """Return the similarity of every layer of one system with every layer of the other."""
    return torch.stack([torch.stack([measure(one, other).double() for other in second]) for one in first])


def stands_out(scores: Float[Tensor, "l m"]) -> Bool[Tensor, " l"]:
    """Return for which layers (rows) the best match may be named: 0.05 or more above its most similar neighbour."""
    padded = torch.nn.functional.pad(scores, (1, 1), value=-torch.inf)
    best = scores.argmax(1, keepdim=True)
    beside = torch.maximum(padded.gather(1, best), padded.gather(1, best + 2))
    return (scores.gather(1, best) - beside)[:, 0] >= GAP


def score_noise(layers: Layers, measure: Similarity, size: tuple[int, int], draws: int, seed: int) -> float:
    """Return the mean score of samples of the layers against independent normal numbers of the same size."""
    stimuli, units = size
    generator = torch_generator(seed, "score-noise", stimuli, units)
    found: list[float] = []
    for _ in range(draws):
        rows = torch.randperm(len(layers[0]), generator=generator)[:stimuli]
        for layer in layers:
            part = _units(layer[rows], units, generator)
            noise = torch.randn(part.shape, generator=generator, dtype=torch.float64)
            found.append(float(measure(part, noise)))
    return sum(found) / len(found)


def noise_rows(layers: Layers, sizes: Sequence[tuple[int, int]], draws: int, seed: int) -> list[Measurement]:
    """Return "noise/METRIC" at every size; "step" is the number of stimuli."""
    return [
        Measurement(
            metric=f"noise/{name}",
            step=size[0],
            value=score_noise(layers, SIMILARITIES[name], size, draws, seed),
        )
        for name in METRICS
        for size in sizes
    ]


def _sampled(first: Layers, second: Layers, size: tuple[int, int], generator: torch.Generator) -> tuple[Layers, Layers]:
    rows = torch.randperm(len(first[0]), generator=generator)[: size[0]]
    ones, others = ([_units(layer[rows], size[1], generator) for layer in side] for side in (first, second))
    return ones, others


def _units(layer: Tensor, units: int, generator: torch.Generator) -> Tensor:
    return layer[:, torch.randperm(layer.shape[1], generator=generator)[:units]]
