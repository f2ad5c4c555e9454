"""Means over tokens with error bars that know that the tokens of one window are dependent.

A window (one sequence of the text) is a cluster. Each window w gives the vector z_w = (1, n_w, s_w1, ..., s_wL): one,
its number of tokens, and its sums over tokens at L layers. The sum over windows of z z^T is all that means, ratios of
means and their cluster-robust (linearised) variances need, so it is the only state: plain sums, whatever the length of
the text. With m = S / N the covariance of the means is W / (W - 1) * sum_w (s_w - m n_w)(s_w - m n_w)^T / N^2 (the
ratio estimator of cluster sampling: Cochran, Sampling Techniques, 3rd ed., section 9A), and intervals use Student's t
with W - 1 degrees of freedom.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Shaped
from scipy.special import stdtrit
from torch import Tensor
from torchmetrics import Metric

from geomem.errors import InputError
from geomem.seeding import numpy_generator


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval; low and high are NaN where one window or example leaves the error unknown."""

    value: float
    low: float
    high: float


class Estimates:
    """Several numbers with their 95 % intervals: tensors `value`, `low`, `high` of one shape, float64."""

    # No dataclass and no tuple: torchmetrics takes those apart, and drops the axis of a single layer.
    def __init__(
        self, value: Float[Tensor, "*shape"], low: Float[Tensor, "*shape"], high: Float[Tensor, "*shape"]
    ) -> None:
        self.value, self.low, self.high = value, low, high

    def at(self, *index: int) -> Estimate:
        """Return one of the numbers."""
        return Estimate(float(self.value[index]), float(self.low[index]), float(self.high[index]))


def t95(windows: float) -> float:
    """Return the 97.5 % point of Student's t with `windows` - 1 degrees of freedom; NaN for fewer than two windows."""
    return float(stdtrit(windows - 1, 0.975)) if windows >= 2 else math.nan


def window_gram(totals: Float[Tensor, "b *k l"], counts: Shaped[Tensor, " b"]) -> Float[Tensor, "*k m m"]:
    """Return sum over windows of z z^T, m = l + 2, float64.

    totals: sums over the tokens of each window. counts: tokens summed; windows with none are left out.
    """
    seen = counts > 0
    shape = (*totals.shape[:-1], 1)
    leading = (-1, *(1,) * (totals.ndim - 1))
    one = seen.double().reshape(leading).expand(shape)
    number = counts.double().reshape(leading).expand(shape)
    rows = torch.cat([one, number, totals.double() * one], dim=-1).movedim(0, -2)
    return rows.mT @ rows


def window_covariance(gram: Float[Tensor, "*k m m"]) -> Float[Tensor, "*k l l"]:
    """Return the covariance matrix of the L means; NaN for fewer than two windows."""
    windows, number = gram[..., :1, :1], gram[..., :1, 1:2]
    cross, square = gram[..., 1:2, 2:], gram[..., 1:2, 1:2]
    mean = gram[..., :1, 2:] / number
    spread = gram[..., 2:, 2:] - mean.mT * cross - cross.mT * mean + mean.mT * mean * square
    factor = torch.where(windows > 1, windows / (windows - 1), torch.nan)
    return factor * spread / number.square()


def window_means(gram: Float[Tensor, "*k m m"]) -> Estimates:
    """Return the L means over all tokens with 95 % intervals over windows."""
    mean = gram[..., 0, 2:] / gram[..., 0, 1:2]
    error = window_covariance(gram).diagonal(dim1=-2, dim2=-1).clamp(min=0).sqrt()
    points = [t95(float(windows)) for windows in gram[..., 0, 0].flatten()]
    half = gram.new_tensor(points).reshape(*gram.shape[:-2], 1) * error
    return Estimates(mean, mean - half, mean + half)


def window_ratio(gram: Float[Tensor, "m m"], above: Float[Tensor, " l"], below: Float[Tensor, " l"]) -> Estimate:
    """Return (above . means) / (below . means) with its linearised 95 % interval over windows."""
    means = window_means(gram).value
    bottom = float(below @ means)
    ratio = float(above @ means) / bottom
    contrast = above - ratio * below
    variance = float(contrast @ window_covariance(gram) @ contrast) / bottom**2
    half = t95(float(gram[0, 0])) * math.sqrt(max(variance, 0.0))
    return Estimate(ratio, ratio - half, ratio + half)


def profile_interval(
    gram: Float[Tensor, "m m"],
    statistic: Callable[[Float[Tensor, " l"]], float],
    *,
    draws: int = 400,
    seed: int = 0,
) -> Estimate:
    """Return any function of the depth profile of means with a 95 % interval over windows.

    The interval is the central part of the function over seeded draws from the profile's estimated distribution
    (multivariate t with the cluster covariance): what a bootstrap of windows gives, from sums alone.
    """
    mean = window_means(gram).value
    value, windows = statistic(mean), int(gram[0, 0])
    if windows < 2:
        return Estimate(value, math.nan, math.nan)
    eigenvalues, vectors = torch.linalg.eigh(window_covariance(gram))
    root = vectors * eigenvalues.clamp(min=0).sqrt()
    generator = numpy_generator(seed, "profile-interval")
    normal = torch.from_numpy(generator.standard_normal((draws, len(mean)))).to(root)
    scale = torch.from_numpy(np.sqrt((windows - 1) / generator.chisquare(windows - 1, draws))).to(root)
    drawn = [statistic(row) for row in mean + scale[:, None] * (normal @ root.T)]
    return percentile_interval(value, torch.tensor(drawn, dtype=torch.float64), windows)


def bootstrap_means(
    examples: Float[Tensor, " n *k"], *, resamples: int = 1000, seed: int = 0, name: str = ""
) -> Float[Tensor, " r *k"]:
    """Return the means of `resamples` bootstrap draws of the examples (windows, prompts), float64.

    name: two draws of one seed are independent when their names differ.
    """
    count = len(examples)
    drawn = numpy_generator(seed, "bootstrap", name).multinomial(count, np.full(count, 1 / count), size=resamples)
    return torch.tensordot(torch.from_numpy(drawn / count).to(examples.device), examples.double(), dims=1)


def percentile_interval(value: float, drawn: Float[Tensor, " r"], examples: int) -> Estimate:
    """Return `value` with the central 95 % of its bootstrap draws; no interval from fewer than two examples."""
    if examples < 2:
        return Estimate(value, math.nan, math.nan)
    low, high = torch.quantile(drawn, drawn.new_tensor([0.025, 0.975])).tolist()
    return Estimate(value, low, high)


def bootstrap_interval(
    examples: Float[Tensor, " n *k"], statistic: Callable[[Float[Tensor, "*k"]], float], *, seed: int = 0
) -> Estimate:
    """Return a function of the mean over examples (windows, prompts) with its 95 % bootstrap interval."""
    drawn = [statistic(row) for row in bootstrap_means(examples, seed=seed)]
    value = statistic(examples.double().mean(0))
    return percentile_interval(value, torch.tensor(drawn, dtype=torch.float64), len(examples))


class LayerMeans(Metric):
    """Streaming means and maxima of named per-token numbers at L layers; the window is the unit of the error bars.

    names: what may come. layers: L. Feed whole windows: `update` takes one batch of them at all layers, so that which
    tokens to keep can be decided after the forward pass.
    """

    full_state_update = False
    gram: Tensor
    largest: Tensor

    def __init__(self, names: Sequence[str], layers: int) -> None:
        # No cache: merging does not clear it.
        super().__init__(compute_with_cache=False)
        self.names = tuple(names)
        size = layers + 2
        self.add_state("gram", torch.zeros(len(names), size, size, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state(
            "largest", torch.full((len(names), layers), -torch.inf, dtype=torch.float64), dist_reduce_fx="max"
        )

    def update(self, scalars: Mapping[str, Float[Tensor, "l b t"]], keep: Bool[Tensor, "b t"] | None = None) -> None:
        """Add a batch of windows; names may be missing, if they are missing always. keep: tokens to count.

        Raises InputError when a tensor's layers or window shape are not those of this metric and of `keep`.
        """
        for name, values in scalars.items():
            place = self.names.index(name)
            kept = values.new_ones(values.shape[1:], dtype=torch.bool) if keep is None else keep
            if len(values) != self.largest.shape[1] or values.shape[1:] != kept.shape:
                raise InputError(
                    f"{name}: expected {self.largest.shape[1]} layers of {tuple(kept.shape)} tokens, "
                    f"got {tuple(values.shape)}"
                )
            totals = values.masked_fill(~kept, 0).sum(-1, dtype=torch.float64)
            self.gram[place] += window_gram(totals.T, kept.sum(-1))
            highest = values.masked_fill(~kept, -torch.inf).amax((1, 2)).double()
            self.largest[place] = torch.maximum(self.largest[place], highest)

    def compute(self) -> dict[str, Estimates]:
        """Return the mean over kept tokens at every layer, (l,), of each name that came."""
        return {name: window_means(self.gram[place]) for place, name in self._seen()}

    def maxima(self) -> dict[str, Float[Tensor, " l"]]:
        """Return the largest value over kept tokens at every layer, of each name that came."""
        return {name: self.largest[place] for place, name in self._seen()}

    def gram_of(self, name: str) -> Float[Tensor, "m m"]:
        """Return the sums behind one name, for `window_ratio` and `profile_interval`."""
        return self.gram[self.names.index(name)]

    def _seen(self) -> list[tuple[int, str]]:
        return [(place, name) for place, name in enumerate(self.names) if self.gram[place, 0, 0] > 0]
