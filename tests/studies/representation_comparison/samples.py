"""Evidence of the two experiments, as a run would have left it."""

from __future__ import annotations

import math

import numpy as np

from geomem.studies.representation_comparison.language import SHUFFLED
from geomem.studies.representation_comparison.predicates import DIGITS
from geomem.studies.representation_comparison.sampling import METRICS
from geomem.studies.representation_comparison.settings import SMOKE
from geomem.studies.representation_comparison.systems import CONDITION, OTHER, UNTRAINED
from tests.studies.written import Written, row

NOISE = {"cka": (0.03, 0.12), "cka-unbiased": (0.001, -0.01), "rsa": (-0.002, 0.005), "svcca": (0.17, 0.39)}
"""At the most and at the fewest stimuli, as the card has it."""


def noise_rows(sizes: tuple[tuple[int, int], ...], noise: dict[str, tuple[float, float]]) -> list:  # type: ignore[type-arg]
    return [
        row(f"noise/{metric}", value, step=size[0])
        for metric, values in noise.items()
        for size, value in zip(sizes, values, strict=True)
    ]


def digits(seeds: int = 2, **noise: tuple[float, float]) -> Written:
    """The table; noise: metric (with _ for -) -> its scores."""
    told = {**NOISE, **{name.replace("_", "-"): values for name, values in noise.items()}}
    rows = noise_rows(SMOKE.digits.sizes, told)
    for metric in METRICS:
        for stimuli, _ in SMOKE.digits.sizes:
            values = {"same": 0.9, "gap": 0.04, "identified": 0.67, "trusted": 0.2, "right": math.nan}
            rows += [row(f"{key}/{metric}", value, step=stimuli) for key, value in values.items()]
    arrays = {f"map-{metric}": np.eye(3) for metric in METRICS}
    cells = {(DIGITS, seed): rows for seed in range(seeds)}
    return Written("digits", cells, SMOKE, dict.fromkeys(cells, arrays))


def words(**noise: tuple[float, float]) -> Written:
    """A model of three streams beside another and an untrained twin."""
    told = {**NOISE, **{name.replace("_", "-"): values for name, values in noise.items()}}
    rows = noise_rows(SMOKE.words.sizes, told)
    for name in (OTHER, UNTRAINED):
        for layer in range(3):
            depth = layer / 2
            rows.append(row(f"{name}/depth", depth, layer=layer, low=max(0, depth - 0.5), high=min(1, depth + 0.5)))
            rows += [row(f"{name}/{key}", value, layer=layer)
                     for key, value in {"set": 2.0, "trusted": float(layer == 0)}.items()]  # fmt: skip
            rows += [row(f"{name}/encoding", value, layer=layer, condition=condition)
                     for condition, value in (("", 0.5), (SHUFFLED, 0.01))]  # fmt: skip
        for units in SMOKE.words.units:
            values = {"needed_related": 16.0, "needed_named": math.inf, "identified": 0.5}
            rows += [row(f"{name}/{key}", value, step=units) for key, value in values.items()]
    arrays = {f"{name}-cka": np.eye(3) for name in (OTHER, UNTRAINED)}
    return Written("language-models", {(CONDITION, 0): rows}, SMOKE, {(CONDITION, 0): arrays})
