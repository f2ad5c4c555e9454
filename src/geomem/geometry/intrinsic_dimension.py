"""Intrinsic dimension: of how many numbers the tokens of a layer are a smooth function, from nearest neighbours.

TwoNN (Facco, d'Errico, Rodriguez & Laio, Scientific Reports 7, 2017): where the density is about constant up to the
second neighbour, the ratio mu of the distances to the second and the first follows a Pareto law of exponent d, whatever
the density. MLE (Levina & Bickel, NeurIPS 2004), its inverses averaged over tokens as MacKay & Ghahramani (2005) say.

Both are exact on a sample (n, d) of tokens. Tokens that are equal (one word at the embedding layer) have no distance
ratio: only one of each is kept, so the dimension is that of the set of distinct vectors. Both see the scale of the
n-th part of the data: noise has more dimensions the closer one looks, and above about 10 dimensions both read low.

The intervals know the dependence within windows, not that near tokens share their distances with each other, however
far apart their windows are: simulated, the spread of independent samples is 0 to 20 % (TwoNN) and 10 to 30 % (MLE)
above what the intervals say. They hold no bias.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.special import chdtri
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.spectral_error import half_widths
from geomem.geometry.vectors import row_chunks
from geomem.seeding import torch_generator

KEEP = 0.9
"""Share of the ratios that TwoNN uses; the paper discards the largest tenth, where the density is least constant."""

NEIGHBOURS = 20
"""Neighbours of the MLE."""

SPARE = 8
"""Candidates beyond those asked for, among which exact distances decide."""


@dataclass(frozen=True)
class Dimension:
    """An intrinsic dimension with its 95 % interval, and the number of distinct vectors that it comes from.

    With too few distinct vectors all three numbers are NaN.
    """

    value: float
    low: float
    high: float
    points: int


@dataclass(frozen=True)
class NearestDistances:
    """Distances of distinct vectors to their nearest others.

    distances: (p, k) ascending, all positive, float64; k is smaller than asked for where there are too few vectors.
    rows: (p,) the row of the sample that each of the distinct vectors first stood in.
    """

    distances: Float[Tensor, "p k"]
    rows: Int[Tensor, " p"]


def nearest_distances(x: Float[Tensor, "n d"], neighbours: int = NEIGHBOURS) -> NearestDistances:
    """Return the Euclidean distances of each distinct row of x to its `neighbours` nearest other distinct rows.

    Candidates are found by products of the centred rows, in chunks that bound memory; the distances of the candidates
    are then taken from differences in float64, so that close pairs in a cloud far from 0 keep all their digits.
    Raises InputError when x holds NaN or infinite values.
    """
    if not x.isfinite().all():
        raise InputError("tokens: hidden states hold NaN or infinite values, so that they have no distances")
    table = x.detach().cpu().to(torch.promote_types(x.dtype, torch.float32))
    rows = _first_rows(table)
    points = (table - table.mean(0))[rows]
    count = len(points)
    k = max(0, min(neighbours, count - 1))
    candidates = min(k + SPARE, count - 1)
    found = points.new_zeros(count, k, dtype=torch.float64)
    squares = points.square().sum(1)
    # An exact difference holds one vector for each candidate, a product one number for each other point.
    width = max(count, (candidates + 1) * points.shape[1])
    for part in row_chunks(count if k else 0, width):
        scores = torch.addmm(squares, points[part], points.T, beta=-0.5)
        here = torch.arange(part.start, part.stop)
        scores[here - part.start, here] = -torch.inf
        nearest = scores.topk(candidates, dim=1).indices
        apart = (points[nearest] - points[part][:, None]).double().norm(dim=2)
        found[part] = apart.sort(dim=1).values[:, :k]
    return NearestDistances(found, rows)


def two_nn(nearest: NearestDistances, windows: Int[Tensor, " n"] | None = None) -> Dimension:
    """Return the TwoNN dimension: the exponent of the Pareto law of mu = r2 / r1, by maximum likelihood.

    The smallest `KEEP` of the ratios are used; of the rest only that they are larger (type II censoring), so the m kept
    of p give d = (m - 1) / (sum of ln mu over the kept + (p - m) ln of the largest kept). 2 d_true times that sum is
    chi-squared with 2 m degrees of freedom where ratios are independent, which gives the interval. windows: (n,) the
    window of each row of the sample; the interval then lets whole windows vary (linearised). NaN below 3 kept ratios.
    """
    logs = _log_ratios(nearest)
    kept = int(KEEP * len(logs))
    if kept < 3:
        return _unknown(len(nearest.rows))
    ordered = logs.sort().values
    total = float(ordered[:kept].sum() + (len(logs) - kept) * ordered[kept - 1])
    value = (kept - 1) / total
    if windows is None:
        low, high = (float(chdtri(2 * kept, tail)) / (2 * total) for tail in (0.975, 0.025))
        return Dimension(value, low, high, len(logs))
    # d is a ratio of means, events over exposure, so the influence of a token is (event - d exposure) / mean exposure.
    event, exposure = (logs <= ordered[kept - 1]).double(), logs.clamp(max=float(ordered[kept - 1]))
    influences = (event - value * exposure) / exposure.mean()
    return _with_windows(value, influences, windows[nearest.rows], len(logs))


def two_nn_line(nearest: NearestDistances) -> float:
    """Return the TwoNN dimension as its paper fits it: a line through 0 in (ln mu, -ln(1 - F)), over the kept ratios.

    F is the empirical distribution, i / p for the i-th of p ratios. Same law as `two_nn`, without an interval.
    """
    logs = _log_ratios(nearest).sort().values
    kept = logs[: int(KEEP * len(logs))]
    if len(kept) < 3:
        return math.nan
    reached = torch.arange(1, len(kept) + 1, dtype=torch.float64) / len(logs)
    return float(-(kept * torch.log1p(-reached)).sum() / kept.square().sum())


def mle(nearest: NearestDistances, windows: Int[Tensor, " n"] | None = None) -> Dimension:
    """Return the maximum likelihood dimension over the k nearest neighbours given, k >= 2.

    The inverse dimension at a token is the mean over j < k of ln(r_k / r_j); the result is one over the mean of these.
    windows: (n,) the window of each row of the sample; the interval lets whole windows vary, or, without, single
    tokens, which neglects that neighbours share each other. NaN where a token has fewer than 2 neighbours.
    """
    distances = nearest.distances
    points, k = distances.shape
    if k < 2:
        return _unknown(points)
    inverses = (distances[:, -1:] / distances[:, :-1]).log().mean(1)
    value = float(1 / inverses.mean())
    clusters = torch.arange(points) if windows is None else windows[nearest.rows]
    return _with_windows(value, -(value**2) * (inverses - inverses.mean()), clusters, points)


def isotropic_nearest(
    count: int, width: int, neighbours: int = NEIGHBOURS, seed: int = 0, name: str = ""
) -> NearestDistances:
    """Return nearest distances of an isotropic Gaussian sample of this size: the chance level, to be read by the rest.

    No closed form is known: in many dimensions both estimates stay far below the true one, d, at any feasible n.
    name: two samples of one seed are independent when their names differ.
    """
    generator = torch_generator(seed, "intrinsic-dimension", name)
    return nearest_distances(torch.randn(count, width, generator=generator), neighbours)


def _first_rows(table: Tensor) -> Tensor:
    """Return the first row of each distinct vector, in order. Rows are compared as bytes, which is quick."""
    # Adding 0 turns -0 into 0, which is equal but not in its bytes.
    plain = np.ascontiguousarray((table + 0.0).numpy())
    packed = plain.view(np.dtype((np.void, plain.dtype.itemsize * plain.shape[1]))).ravel()
    return torch.from_numpy(np.sort(np.unique(packed, return_index=True)[1]))


def _log_ratios(nearest: NearestDistances) -> Tensor:
    distances = nearest.distances
    return (distances[:, 1] / distances[:, 0]).log() if distances.shape[1] >= 2 else distances.new_zeros(0)


def _with_windows(value: float, influences: Tensor, windows: Tensor, points: int) -> Dimension:
    half = float(half_widths(influences[:, None], windows))
    return Dimension(value, value - half, value + half, points)


def _unknown(points: int) -> Dimension:
    return Dimension(math.nan, math.nan, math.nan, points)
