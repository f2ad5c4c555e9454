"""How far a similarity of two representations can be trusted: its null level, its interval, the stimuli it needs.

Source: Shi, Shea-Brown and Buice, arXiv 1911.07986 (similarity from few stimuli and units); Shao and Wu 1989, Annals of
Statistics 17 (half samples).

Stimuli are resampled as random halves without replacement, not with replacement: a stimulus drawn twice is its own
nearest neighbour on both sides, which raises CKA and RSA alike, whereas a half sample scatters about the full value
exactly as the full value scatters about the truth (variance s^2 (2/n - 1/n) = s^2/n).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from geomem.errors import InputError, unknown_name
from geomem.geometry.cca import pwcca, svcca
from geomem.geometry.cka import linear_cka, unbiased_cka
from geomem.geometry.procrustes import procrustes_similarity
from geomem.geometry.rsa import cknna, rsa
from geomem.seeding import torch_generator

Similarity = Callable[[Tensor, Tensor], Tensor]
"""From two representations (n, p) and (n, q) of the same stimuli to one number, larger when more alike."""

SIMILARITIES: dict[str, Similarity] = {
    "cka": linear_cka,
    "cka-unbiased": unbiased_cka,
    "svcca": svcca,
    "pwcca": pwcca,
    "procrustes": procrustes_similarity,
    "rsa": rsa,
    "cknna": cknna,
}

GAP = 0.05
"""Same-minus-neighbour gap from which a layer's identity is trusted (card, section 4)."""


def similarity(name: str) -> Similarity:
    """Return the similarity of that name. Raises InputError for an unknown one."""
    if name not in SIMILARITIES:
        raise unknown_name("similarity", name, SIMILARITIES)
    return SIMILARITIES[name]


@dataclass(frozen=True)
class Level:
    """Mean of a similarity over draws, and the range that holds 95 % of them."""

    mean: float
    low: float
    high: float


def noise_level(
    measure: Similarity, stimuli: int, first: int, second: int | None = None, *, draws: int = 20, seed: int = 0
) -> Level:
    """Return the level of pure noise: independent normal numbers, `stimuli` rows, `first` and `second` units."""
    generator = torch_generator(seed, "noise-level", stimuli, first)

    def noise(units: int) -> Tensor:
        return torch.randn(stimuli, units, generator=generator, dtype=torch.float64)

    return _level([float(measure(noise(first), noise(second or first))) for _ in range(draws)])


def shuffled_level(
    measure: Similarity, first: Float[Tensor, "n p"], second: Float[Tensor, "n q"], *, draws: int = 20, seed: int = 0
) -> Level:
    """Return the level of these very representations with the second's stimuli shuffled: the null to report beside."""
    generator = torch_generator(seed, "shuffled-level")
    orders = (torch.randperm(len(second), generator=generator) for _ in range(draws))
    return _level([float(measure(first, second[order.to(second.device)])) for order in orders])


@dataclass(frozen=True)
class Estimate:
    """A similarity with its 95 % interval over stimuli."""

    value: float
    low: float
    high: float


def half_samples(
    stimuli: int, resamples: int, seed: int, windows: Int[Tensor, " n"] | None = None
) -> Iterator[Int[Tensor, " h"]]:
    """Yield random halves of the rows 0..stimuli, without replacement; with `windows`, all rows of half the windows.

    windows: (n,) number of the text window of each row, for rows that are dependent within a window.
    """
    generator = torch_generator(seed, "half-samples")
    numbers = torch.arange(stimuli) if windows is None else torch.unique(windows.cpu(), return_inverse=True)[1]
    count = int(numbers.max()) + 1
    for _ in range(resamples):
        chosen = torch.zeros(count, dtype=torch.bool)
        chosen[torch.randperm(count, generator=generator)[: count // 2]] = True
        yield torch.nonzero(chosen[numbers]).flatten()


def with_interval(
    measure: Similarity,
    first: Float[Tensor, "n p"],
    second: Float[Tensor, "n q"],
    windows: Int[Tensor, " n"] | None = None,
    *,
    resamples: int = 200,
    seed: int = 0,
) -> Estimate:
    """Return the similarity with a 95 % interval over stimuli from half samples (over windows, where these are given).

    The halves give the spread only, moved onto the full value: some similarities are higher for fewer stimuli.
    Somewhat too wide for few stimuli. Raises InputError when half the stimuli are too few for `measure`.
    """
    value = float(measure(first, second))
    rows = [part.to(first.device) for part in half_samples(len(first), resamples, seed, windows)]
    found = torch.stack([measure(first[part], second[part]) for part in rows]).double()
    low, high = (found - found.mean()).quantile(found.new_tensor([0.025, 0.975])).tolist()
    return Estimate(value, value + low, value + high)


@dataclass(frozen=True)
class Sizing:
    """What a verdict on `stimuli` stimuli and `units` units a layer (None: all) would rest on.

    null: same layer, stimuli shuffled. same: same layer. gap: same layer less its most similar neighbour, of the layer
    where that is smallest; None when there is one layer only. identified: share of layers that are nearest to
    themselves, on average over draws.
    """

    stimuli: int
    units: int | None
    null: Level
    same: Level
    gap: Level | None
    identified: float

    @property
    def related(self) -> bool:
        """Whether such a sample tells the same layer from chance: 97.5 % of nulls lie below 97.5 % of values."""
        return self.null.high < self.same.low

    @property
    def enough(self) -> bool:
        """Whether it does, and in 97.5 % of samples every layer stands out from its neighbours by `GAP` or more."""
        return self.related and (self.gap is None or self.gap.low >= GAP)


def sizing(
    first: Sequence[Float[Tensor, "_ _"]],
    second: Sequence[Float[Tensor, "_ _"]],
    measure: Similarity,
    *,
    stimuli: int,
    units: int | None = None,
    draws: int = 20,
    seed: int = 0,
) -> Sizing:
    """Draw samples of so many stimuli (and units) from two systems with the same layers, and say what each would find.

    The second system may be another seed, model or checkpoint. A sample drawn from n of N stimuli varies too little
    about the whole, by sqrt(1 - n/N), so ranges are widened by that. Raises InputError for different numbers of layers,
    none, or `stimuli` more than half of those given.
    """
    given = _check_layers(first, second)
    if not 0 < stimuli <= given // 2:
        raise InputError(f"stimuli: samples of at most half the {given} given ones can be drawn, got {stimuli}")
    generator = torch_generator(seed, "sizing", stimuli)
    widen = 1 / math.sqrt(1 - stimuli / given)
    null: list[float] = []
    same: list[float] = []
    gaps: list[float] = []
    hits: list[float] = []
    for _ in range(draws):
        rows = torch.randperm(given, generator=generator)[:stimuli]
        ones, others = ([_sample(layer, rows, units, generator) for layer in side] for side in (first, second))
        order = torch.randperm(stimuli, generator=generator)
        null += [float(measure(x, y[order.to(y.device)])) for x, y in zip(ones, others, strict=True)]
        scores = similarity_band(ones, others, measure)
        same += scores.diagonal().tolist()
        margins = same_minus_neighbour(scores)
        gaps.append(float(margins.min()))
        hits.append(float((margins > 0).double().mean()))
    gap = _level(gaps, widen) if len(first) > 1 else None
    return Sizing(stimuli, units, _level(null), _level(same, widen), gap, sum(hits) / draws)


def needed_stimuli(
    first: Sequence[Float[Tensor, "_ _"]],
    second: Sequence[Float[Tensor, "_ _"]],
    measure: Similarity,
    *,
    units: int | None = None,
    sizes: Sequence[int] | None = None,
    draws: int = 20,
    seed: int = 0,
) -> tuple[int | None, list[Sizing]]:
    """Return the fewest stimuli that are enough (`Sizing.enough`), and the evidence for each size tried.

    sizes: by default 16, 32, ... up to half of what is given. None when no size is enough: more stimuli may be, or the
    layers may be too alike for any number. Enough means also at every larger size tried. Raises InputError as `sizing`.
    """
    given = _check_layers(first, second)
    tried = sorted(sizes) if sizes is not None else [2**power for power in range(4, 31) if 2**power <= given // 2]
    if not tried:
        raise InputError(f"stimuli: needs at least 32 to draw samples of 16 from, got {given}")
    found = [sizing(first, second, measure, stimuli=n, units=units, draws=draws, seed=seed) for n in tried]
    answer = None
    for one in reversed(found):
        if not one.enough:
            break
        answer = one.stimuli
    return answer, found


def similarity_band(
    first: Sequence[Float[Tensor, "n _"]], second: Sequence[Float[Tensor, "n _"]], measure: Similarity
) -> Float[Tensor, "l l"]:
    """Return similarities of each layer of one system with the same and the neighbouring layers of the other.

    (L, L), NaN outside the diagonal and its two neighbours.
    """
    count = len(first)
    scores = torch.full((count, count), torch.nan, dtype=torch.float64)
    for row in range(count):
        for column in range(max(0, row - 1), min(count, row + 2)):
            scores[row, column] = measure(first[row], second[column])
    return scores


def same_minus_neighbour(scores: Float[Tensor, "l l"]) -> Float[Tensor, " l"]:
    """Return for each layer the similarity with itself less the larger of those with its neighbours.

    scores: (L, L), row layer of one system, column of the other. Infinite for a single layer.
    """
    gaps = torch.full((len(scores),), torch.inf, dtype=torch.float64)
    for row, values in enumerate(scores):
        beside = [values[column] for column in (row - 1, row + 1) if 0 <= column < len(values)]
        if beside:
            gaps[row] = values[row] - torch.stack(beside).max()
    return gaps


def _check_layers(first: Sequence[Tensor], second: Sequence[Tensor]) -> int:
    if len(first) != len(second) or not first:
        raise InputError(f"layers: both systems need the same layers, got {len(first)} and {len(second)}")
    counts = {len(layer) for layer in (*first, *second)}
    if len(counts) > 1:
        raise InputError(f"layers: all need the same stimuli, got {', '.join(map(str, sorted(counts)))} rows")
    return counts.pop()


def _sample(layer: Tensor, rows: Tensor, units: int | None, generator: torch.Generator) -> Tensor:
    part = layer[rows.to(layer.device)]
    if units is None or units >= layer.shape[1]:
        return part
    return part[:, torch.randperm(layer.shape[1], generator=generator)[:units].to(layer.device)]


def _level(values: Sequence[float], widen: float = 1.0) -> Level:
    found = torch.tensor(values, dtype=torch.float64)
    mean = found.mean()
    low, high = (mean + widen * (found - mean).quantile(found.new_tensor([0.025, 0.975]))).tolist()
    return Level(float(mean), low, high)
