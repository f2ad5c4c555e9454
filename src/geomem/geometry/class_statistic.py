"""Numbers computed over classes, with how far each class moves them: intervals without a second pass over the classes.

The influence of class c on a statistic is its derivative when c gets a little more weight in every mean over classes,
the global mean included (Efron & Tibshirani 1993, chapter 21, the infinitesimal jackknife). It costs row sums where a
delete-one jackknife costs K passes over all pairs, and it goes through any smooth function by the chain rule.

**What the intervals cover**: which K classes were followed, as if drawn from a larger population of them. They do not
cover the sampling of the text within a class, nor the seed of the model, nor what another K would give.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from geomem.geometry.vectors import Z95


@dataclass(frozen=True)
class Estimate:
    """A number, its 95 % interval (None where there is none) and what it is when nothing was learned (likewise)."""

    value: float
    low: float | None = None
    high: float | None = None
    chance: float | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """(low, high), or None."""
        return None if self.low is None or self.high is None else (self.low, self.high)


@dataclass(frozen=True)
class ClassStatistic:
    """A statistic of K classes. influence: (K,) float64, of mean zero; all NaN where it is not known."""

    value: float
    influence: Float[Tensor, " k"]

    def __float__(self) -> float:
        return self.value

    @property
    def error(self) -> float:
        """Jackknife standard error over classes; NaN with fewer than 3 classes.

        The factor is that of the delete-one jackknife of a mean over pairs, exact for CDNV.
        """
        classes = len(self.influence)
        if classes < 3:
            return math.nan
        return math.sqrt((classes - 1) / classes) / (classes - 2) * float(self.influence.norm())

    def estimate(self, chance: float | None = None, back: Callable[[float], float] | None = None) -> Estimate:
        """Return value and normal 95 % interval, both mapped by the increasing function `back` if there is one.

        So a positive number is given as its logarithm with `back` = `exp`, and its interval stays positive.
        """
        back = back or float
        half = Z95 * self.error
        if not math.isfinite(half):
            return Estimate(back(self.value), chance=chance)
        return Estimate(back(self.value), back(self.value - half), back(self.value + half), chance)


def mean_over_classes(
    values: Float[Tensor, " k"],
    centred: Float[Tensor, "k d"] | None = None,
    slopes: Float[Tensor, "k d"] | None = None,
) -> ClassStatistic:
    """Return the mean of `values`.

    slopes: (K, d), derivative of each value by its own centred class mean, for values that move with the global mean;
    `centred` are then the class means minus the global one.
    """
    mean = values.mean()
    influence = values - mean
    if centred is not None and slopes is not None:
        influence = influence - centred @ slopes.mean(0)
    return ClassStatistic(float(mean), influence)


def derive(
    function: Callable[[Tensor, Tensor], Tensor], first: ClassStatistic, second: ClassStatistic
) -> ClassStatistic:
    """Return `function` of two statistics, a differentiable torch function of float64 scalars (delta method)."""
    # The pass runs in inference mode, where nothing can be differentiated.
    with torch.inference_mode(False), torch.enable_grad():
        inputs = [torch.tensor(part.value, dtype=torch.float64, requires_grad=True) for part in (first, second)]
        result = function(*inputs)
        slopes = [float(slope) for slope in torch.autograd.grad(result, inputs)]
    return ClassStatistic(float(result.detach()), slopes[0] * first.influence + slopes[1] * second.influence)


def exp(value: float) -> float:
    """Return e^value, infinite where that is too large for a float."""
    return math.inf if value > 709 else math.exp(value)


def root(value: float) -> float:
    """Return the square root, 0 for what rounding left below 0."""
    return math.sqrt(value) if value > 0 else 0.0


def log_of(part: ClassStatistic) -> ClassStatistic:
    """Return the logarithm of a statistic that is not negative; its normal interval is one in ratios."""
    return ClassStatistic(math.log(part.value) if part.value else -math.inf, part.influence / part.value)


def log_variation(mean: ClassStatistic, square: ClassStatistic) -> ClassStatistic:
    """Return log(std / |mean|) from the mean and the mean square (std over all, not n - 1)."""
    return derive(_log_variation, mean, square)


def log_spread(mean: ClassStatistic, square: ClassStatistic) -> ClassStatistic:
    """Return log(std) from the mean and the mean square."""
    return derive(_log_spread, mean, square)


def _log_variation(mean: Tensor, square: Tensor) -> Tensor:
    return _log_spread(mean, square) - mean.abs().log()


def _log_spread(mean: Tensor, square: Tensor) -> Tensor:
    return 0.5 * (square - mean.square()).clamp(min=0).log()
