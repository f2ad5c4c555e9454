"""Neural collapse: how closely the tokens of a class gather round one point, and how the classes' points lie.

A class is a next token, by arXiv 2405.17767 and its released code, whose names and formulas these are. Class means mu_c
are centred by their UNWEIGHTED mean: m_c = mu_c - mean.

| name | what | collapsed | chance |
| --- | --- | --- | --- |
| `cdnv` | NC1: mean over pairs of (s_c + s_c')/2 / distance² | 0 | shuffled labels |
| `cdnv_squared` | NC1: the same over distance⁴, as published | 0 | shuffled labels |
| `variance_ratio` | NC1: tr Sigma_W / tr Sigma_B | 0 | shuffled labels |
| `covariance_ratio` | NC1: tr(Sigma_B^+ Sigma_W) / K | 0 | - |
| `norm_cov`, `log_norm_cov` | NC2: CoV of the lengths of m_c, and of their logarithms | 0 | random means |
| `etf_error` | NC2: distance of the Gram matrix from a simplex, in [0, 2] | 0 | random means |
| `interference` | NC2: mean of m_c . m_c' over pairs | - | - |
| `interference_std` | NC2: their standard deviation | 0 | random means |
| `log_kernel`, `log_kernel_cov` | GNC2: mean and CoV of log(1 / distance of directions) | low | random means |
| `riesz_kernel`, `riesz_kernel_cov` | GNC2: the same of 1 / distance | low | random means |
| `dual_error` | NC3: distance of W M^T from a simplex, in [0, 2] | 0 | sqrt 2 |
| `dual_distance` | NC3: mean distance of w_c / norm from m_c / norm | 0 | near sqrt 2 |
| `dual_cosine` | UNC3: mean of cos(w_c, m_c) | 1 | 0 |
| `dual_cosine_cov` | UNC3: its CoV | 0 | sqrt(K) / 0.67 |
| `nc4`, `nc4_vocabulary` | NC4: unseen tokens that nearest mean and output layer decide alike | 1 | frequencies |

CoV is std / |mean|, std over all values (not n - 1). `cdnv_squared` has the unit 1 / length² and must not be compared
with `cdnv`. Next-token classes mix contexts, so their variance cannot vanish where the next token is ambiguous; give
support-set classes (arXiv 2408.15417) as labels for classes that can collapse. Few samples a class inflate the
distances between means: compare layers or checkpoints on the same text and classes, beside the chance level.

Intervals cover the choice of classes (`class_statistic`), those of NC4 the windows of the text. Simulated with 60 and
with 200 classes of a skewed population they hold 90 to 95 %, but 86 % for `norm_cov` and 60 to 90 % for `cdnv_squared`,
in which a few close pairs outweigh all others.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry import collapse_chance as at_chance
from geomem.geometry.class_agreement import ClassAgreement
from geomem.geometry.class_means import ClassTable
from geomem.geometry.class_pairs import LOG_KERNEL, PairStatistics, pair_statistics, riesz
from geomem.geometry.class_statistic import (
    ClassStatistic,
    Estimate,
    derive,
    exp,
    log_of,
    log_spread,
    log_variation,
    mean_over_classes,
    root,
)
from geomem.geometry.vectors import row_chunks, unit_rows

FEWEST_CLASSES = 3
"""Two centred means always make a simplex."""


@dataclass(frozen=True)
class CollapseReport(Mapping[str, Estimate]):
    """The numbers of one layer, by the names in the table above; those without evidence are absent.

    classes: K. samples: tokens in those classes. coincident: pairs of classes with one and the same mean, left out of
    everything that divides by their distance.
    """

    classes: int
    samples: int
    coincident: int
    numbers: dict[str, Estimate]

    def __getitem__(self, name: str) -> Estimate:
        return self.numbers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)


def collapse_report(
    table: ClassTable, unembedding: Float[Tensor, "k d"] | None = None, *, agreement: ClassAgreement | None = None
) -> CollapseReport:
    """Return all numbers of one layer.

    table: from `ClassMeans.table()`, with a covariance from `ClassScatter.table()`. unembedding: (K, d), the output
    layer's rows of `table.ids`, meaningful where hidden states are what the output layer reads. agreement: fed with
    other tokens. Raises InputError with fewer than 3 classes.
    """
    classes = len(table.ids)
    if classes < FEWEST_CLASSES:
        raise InputError(
            f"collapse: {classes} classes were seen often enough, at least {FEWEST_CLASSES} are needed; read more text"
        )
    centred = table.centred
    pairs = pair_statistics(centred, table.variances, exponents=(1.0, 2.0), kernels=(LOG_KERNEL, riesz(1.0)))
    numbers = {
        **variability(table, pairs),
        **equinorm(centred),
        **simplex(centred, pairs),
        **uniformity(classes, centred.shape[1], pairs),
    }
    if unembedding is not None:
        numbers |= duality(centred, unembedding)
    if agreement is not None:
        own = agreement.vocabulary()
        numbers |= {"nc4": agreement.agreement()} | ({} if own is None else {"nc4_vocabulary": own})
    return CollapseReport(classes, int(table.counts.sum()), pairs.coincident, numbers)


def variability(table: ClassTable, pairs: PairStatistics) -> dict[str, Estimate]:
    """NC1: CDNV for the two exponents of `pairs`, and within-class variance as a share of that between classes."""
    centred, counts = table.centred, table.counts.double()
    plain, squared = (log_of(part) for part in pairs.cdnv)
    within = float((counts * table.variances).sum() / counts.sum())
    # A mean over tokens: class c weighs N_c.
    pooled = ClassStatistic(within, counts / counts.mean() * (table.variances - within))
    between = mean_over_classes(centred.square().sum(1))
    # If labels knew nothing, the variance within classes would be the total one.
    overall = counts @ table.means / counts.sum()
    total = within + float(counts @ (table.means - overall).square().sum(1) / counts.sum())
    shuffled = at_chance.cdnv_chance(table.counts), at_chance.cdnv_chance(table.counts, 2.0, total)
    ratio = derive(_log_ratio, pooled, between)
    found = {
        "cdnv": plain.estimate(shuffled[0], exp),
        "cdnv_squared": squared.estimate(shuffled[1], exp),
        "variance_ratio": ratio.estimate(at_chance.variance_ratio_chance(table.counts), exp),
    }
    if table.covariance is not None:
        # No interval: what a class adds to the covariance within classes is not kept, it would be (K, d, d).
        found["covariance_ratio"] = Estimate(covariance_ratio(table.means, table.covariance))
    return found


def equinorm(centred: Float[Tensor, "k d"]) -> dict[str, Estimate]:
    """NC2: CoV of the lengths of the centred class means, and of the logarithms of their lengths."""
    length, unit = centred.norm(dim=1), unit_rows(centred)
    logs, inverse = length.log(), torch.where(length > 0, 1 / length, 0.0)
    mean, square = mean_over_classes(length, centred, unit), mean_over_classes(length.square())
    log_mean = mean_over_classes(logs, centred, unit * inverse[:, None])
    log_square = mean_over_classes(logs.square(), centred, unit * (2 * logs * inverse)[:, None])
    width = centred.shape[1]
    return {
        "norm_cov": log_variation(mean, square).estimate(at_chance.norm_chance(width), exp),
        "log_norm_cov": log_variation(log_mean, log_square).estimate(
            # The spread of logarithms knows no unit, their mean does: it is taken from the data.
            at_chance.log_norm_chance(width) / abs(log_mean.value) if log_mean.value else None,
            exp,
        ),
    }


def simplex(centred: Float[Tensor, "k d"], pairs: PairStatistics) -> dict[str, Estimate]:
    """NC2: ETF error, and how the dot products of pairs of class means (interference) are spread."""
    classes, width = centred.shape
    squared = centred.square().sum(1)
    energy = mean_over_classes(squared)
    fourth = mean_over_classes(squared.square(), centred, 4 * squared[:, None] * centred)
    # All dot products add up to 0, so that those of pairs are minus those of classes with themselves.
    mean = ClassStatistic(-energy.value / (classes - 1), -energy.influence / (classes - 1))
    spread = log_spread(mean, derive(partial(_over_pairs, classes), pairs.dot_square, fourth))
    return {
        "etf_error": _etf_square(classes, energy, pairs).estimate(at_chance.etf_error_chance(classes, width), root),
        "interference": mean.estimate(),
        "interference_std": spread.estimate(energy.value / math.sqrt(width), exp),
    }


def uniformity(classes: int, width: int, pairs: PairStatistics) -> dict[str, Estimate]:
    """GNC2: mean and CoV of the logarithmic and of the Riesz kernel (s = 1), the two kernels of `pairs`."""
    found: dict[str, Estimate] = {}
    chances = (at_chance.log_kernel_chance(classes, width), at_chance.riesz_chance(classes, width))
    for name, (mean, square), (level, spread) in zip(
        ("log_kernel", "riesz_kernel"), pairs.kernels, chances, strict=True
    ):
        found[name] = mean.estimate(level)
        found[f"{name}_cov"] = log_variation(mean, square).estimate(spread, exp)
    return found


def duality(centred: Float[Tensor, "k d"], unembedding: Float[Tensor, "k d"]) -> dict[str, Estimate]:
    """NC3 and UNC3: how far the rows W (K, d) of the output layer point where the class means point."""
    classes, width = centred.shape
    length, unit, row_unit = centred.norm(dim=1, keepdim=True), unit_rows(centred), unit_rows(unembedding)
    cosine = (row_unit * unit).sum(1)
    slopes = (row_unit - cosine[:, None] * unit) * torch.where(length > 0, 1 / length, 0.0)
    distance = (2 - 2 * cosine).clamp(min=0).sqrt()
    inverse = torch.where(distance > 0, 1 / distance, 0.0)
    mean = mean_over_classes(cosine, centred, slopes)
    square = mean_over_classes(cosine.square(), centred, 2 * cosine[:, None] * slopes)
    apart = mean_over_classes(distance, centred, -inverse[:, None] * slopes)
    return {
        "dual_error": _dual_square(centred, unembedding).estimate(at_chance.DUAL_ERROR_CHANCE, root),
        "dual_distance": apart.estimate(at_chance.dual_distance_chance(width)),
        "dual_cosine": mean.estimate(0.0),
        "dual_cosine_cov": log_variation(mean, square).estimate(at_chance.dual_variation_chance(classes), exp),
    }


def cdnv(means: Float[Tensor, "k d"], variances: Float[Tensor, " k"], exponent: float = 1.0) -> float:
    """Return the mean over pairs of (s_c + s_c')/2 / ||mu_c - mu_c'||^(2 exponent).

    means: (K, d). variances: (K,). Exponent 1 is the class-distance normalised variance of arXiv 2112.15121; the
    published numbers of arXiv 2405.17767 have exponent 2. Pairs with one and the same mean are left out.
    """
    return pair_statistics(means - means.mean(0), variances, exponents=(exponent,)).cdnv[0].value


def log_kernel(means: Float[Tensor, "k d"]) -> tuple[float, float]:
    """Return mean and CoV over pairs of log(1 / ||m~_c - m~_c'||): the hyperspherical uniformity GNC2."""
    (mean, square) = pair_statistics(means - means.mean(0), kernels=(LOG_KERNEL,)).kernels[0]
    return mean.value, exp(log_variation(mean, square).value)


def riesz_kernel(means: Float[Tensor, "k d"], exponent: float = 1.0) -> tuple[float, float]:
    """Return mean and CoV over pairs of sign(s) ||m~_c - m~_c'||^-s (arXiv 2303.06484); the release has s = d - 2."""
    (mean, square) = pair_statistics(means - means.mean(0), kernels=(riesz(exponent),)).kernels[0]
    return mean.value, exp(log_variation(mean, square).value)


def etf_error(means: Float[Tensor, "k d"]) -> float:
    """Return || G/||G||_F - (I - 11^T/K)/sqrt(K-1) ||_F, G the Gram matrix of the centred means; in [0, 2].

    It equals sqrt(2 - 2 sqrt(p / (K-1))) with p the participation ratio of the spectrum of the means, so that it
    cannot fall below `collapse_chance.etf_error_floor` when d < K - 1.
    """
    centred = (means - means.mean(0)).double()
    pairs = pair_statistics(centred)
    return root(_etf_square(len(means), mean_over_classes(centred.square().sum(1)), pairs).value)


def dual_error(means: Float[Tensor, "k d"], unembedding: Float[Tensor, "k d"]) -> float:
    """Return || W M^T/||W M^T||_F - (I - 11^T/K)/sqrt(K-1) ||_F, M the centred means; in [0, 2]."""
    return root(_dual_square((means - means.mean(0)).double(), unembedding).value)


def covariance_ratio(means: Float[Tensor, "k d"], covariance: Float[Tensor, "d d"]) -> float:
    """Return tr(Sigma_B^+ Sigma_W) / K, the first measure of within-class collapse (arXiv 2008.08186).

    covariance: Sigma_W (d, d). Sigma_B is the mean over classes of m_c m_c^T; the released code divides by d instead of
    K, so that its value is ours times d / K. Directions in which the means do not differ (more than K - 1, or rounding)
    are left out by the pseudo-inverse, which makes it the truncated variant too.
    """
    centred = (means - means.mean(0)).double()
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(centred))
    keep = values > values[-1] * len(values) * torch.finfo(values.dtype).eps
    spread = ((covariance.double() @ vectors) * vectors).sum(0)
    return float((spread[keep] / values[keep]).sum()) / len(centred)


def _etf_square(classes: int, energy: ClassStatistic, pairs: PairStatistics) -> ClassStatistic:
    return derive(partial(_simplex_distance, classes), energy, pairs.dot_square)


def _dual_square(centred: Float[Tensor, "k d"], unembedding: Float[Tensor, "k d"]) -> ClassStatistic:
    rows, classes = unembedding.double(), len(centred)
    trace = mean_over_classes((rows * centred).sum(1), centred, rows)
    by_row, by_mean = torch.zeros_like(rows[:, 0]), torch.zeros_like(rows[:, 0])
    for part in row_chunks(classes, classes):
        cross = (rows[part] @ centred.T).square()
        by_row[part] = cross.sum(1)
        by_mean += cross.sum(0)
    # The rows of M add up to 0, so that moving the global mean does not change ||W M^T||_F.
    dots = by_row.sum() / classes**2
    square = ClassStatistic(float(dots), (by_row + by_mean) / classes - 2 * dots)
    return derive(partial(_simplex_distance, classes), trace, square)


def _simplex_distance(classes: int, trace: Tensor, square: Tensor) -> Tensor:
    """Return the squared Frobenius distance of A / ||A||_F from (I - 11^T/K) / sqrt(K-1), which has norm 1 too.

    trace: tr A / K. square: ||A||_F² / K². Of the inner product of the two only the trace of A is left when A's rows,
    or its columns, add up to 0.
    """
    return 2 - 2 * trace / (square * (classes - 1)).sqrt()


def _over_pairs(classes: int, everywhere: Tensor, diagonal: Tensor) -> Tensor:
    """Return the mean off the diagonal of a (K, K) matrix from its mean and that of its diagonal."""
    return (classes * everywhere - diagonal) / (classes - 1)


def _log_ratio(above: Tensor, below: Tensor) -> Tensor:
    return above.log() - below.log()
