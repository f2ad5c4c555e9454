"""Statistics over all pairs of classes, from one Gram matrix taken tile by tile: memory does not grow with K².

Every statistic keeps row sums, so that it comes with the influence of every class on it. Pairs whose class means (or
directions) coincide up to rounding have no finite distance to divide by: they are left out and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from geomem.geometry.class_statistic import ClassStatistic
from geomem.geometry.vectors import unit_rows

TILE = 512
"""Rows and columns of a tile: 2 MiB in float64, so that what is computed from it stays in the cache."""
COINCIDE = 1e-12
"""Squared distance, as a share of the two squared lengths, below which only rounding error is left of it."""


@dataclass(frozen=True)
class Kernel:
    """A function of the squared chord u = ||m~ - m~'||² = 2 - 2 cos of two directions.

    value: f(u). slope: df/dcos, from u and f(u).
    """

    value: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor, Tensor], Tensor]


LOG_KERNEL = Kernel(lambda u: u.log().mul_(-0.5), lambda u, value: u.reciprocal())
"""log(1 / distance), the hyperspherical uniformity of arXiv 2405.17767 (GNC2)."""


def riesz(exponent: float) -> Kernel:
    """Return the Riesz kernel sign(s) distance^-s of exponent s (arXiv 2303.06484)."""
    sign = 1.0 if exponent > 0 else -1.0
    return Kernel(lambda u: u.pow(-exponent / 2).mul_(sign), lambda u, value: value / u * exponent)


@dataclass(frozen=True)
class PairStatistics:
    """Means over pairs c < c'.

    cdnv: for each exponent. kernels: for each kernel, its mean and its mean square. dot_square: mean over ALL ordered
    pairs, c = c' included, of (m_c . m_c')², which is ||G||_F² / K². coincident: pairs left out of cdnv because their
    means coincide.
    """

    cdnv: tuple[ClassStatistic, ...]
    kernels: tuple[tuple[ClassStatistic, ClassStatistic], ...]
    dot_square: ClassStatistic
    coincident: int


def pair_statistics(
    centred: Float[Tensor, "k d"],
    variances: Float[Tensor, " k"] | None = None,
    *,
    exponents: Sequence[float] = (),
    kernels: Sequence[Kernel] = (),
) -> PairStatistics:
    """Return the statistics of class means minus their global mean. variances: (K,), needed where exponents are given.

    K² d operations for half the Gram matrix, and some forty passes over its tiles; memory is (K, d) and a few tiles.
    """
    if exponents and variances is None:
        raise ValueError("a CDNV needs the variances of the classes")
    rows = centred.double()
    sums = _Sums(rows, variances)
    for tile in sums.tiles():
        sums.add_dots(tile)
        if exponents:
            sums.add_cdnv(tile, exponents)
        if kernels:
            sums.add_kernels(tile, kernels)
    return PairStatistics(
        cdnv=tuple(sums.mean(f"cdnv{place}", "apart") for place in range(len(exponents))),
        kernels=tuple(
            (sums.kernel_mean(f"kernel{place}"), sums.kernel_mean(f"square{place}")) for place in range(len(kernels))
        ),
        dot_square=sums.dot_square(),
        coincident=sums.coincident if exponents else 0,
    )


@dataclass(frozen=True)
class _Tile:
    """Dot products of the classes `rows` with `columns`. pairs: which entries are pairs c < c'; None: all."""

    rows: slice
    columns: slice
    dots: Tensor
    pairs: Tensor | None


class _Sums:
    """Row sums over pairs, by name: entry c is the sum over all partners of c."""

    def __init__(self, centred: Tensor, variances: Tensor | None) -> None:
        self.centred = centred
        self.unit = unit_rows(centred)
        self.squared = centred.square().sum(1)
        self.inverse = torch.where(self.squared > 0, self.squared.rsqrt(), 0.0)
        self.variances = torch.zeros_like(self.squared) if variances is None else variances.double()
        self.ones = torch.ones_like(self.squared)
        self.sums: dict[str, Tensor] = {}

    def tiles(self) -> Iterator[_Tile]:
        """Cut the upper triangle of the Gram matrix, the diagonal included, into tiles."""
        classes = len(self.ones)
        blocks = [slice(start, min(start + TILE, classes)) for start in range(0, classes, TILE)]
        for place, rows in enumerate(blocks):
            for columns in blocks[place:]:
                dots = self.centred[rows] @ self.centred[columns].T
                yield _Tile(rows, columns, dots, torch.ones_like(dots).triu(1) > 0 if rows == columns else None)

    def add_dots(self, tile: _Tile) -> None:
        self._add("dots", tile, _masked(tile.dots.square(), tile.pairs))

    def add_cdnv(self, tile: _Tile, exponents: Sequence[float]) -> None:
        """Add, per exponent, within-class variance over the distance of the means of every pair in the tile."""
        lengths = self.squared[tile.rows, None] + self.squared[tile.columns]
        distance = lengths - 2 * tile.dots
        pairs = _apart(distance, lengths * COINCIDE, tile.pairs)
        within = (self.variances[tile.rows, None] + self.variances[tile.columns]) / 2
        self._count("apart", tile, pairs)
        for place, exponent in enumerate(exponents):
            self._add(f"cdnv{place}", tile, _masked(within / distance.pow(exponent), pairs))

    def add_kernels(self, tile: _Tile, kernels: Sequence[Kernel]) -> None:
        """Add every kernel, its square, and its slope by the global mean, over the pairs in the tile."""
        inverse_rows, inverse_columns = self.inverse[tile.rows, None], self.inverse[tile.columns]
        cosine = tile.dots * inverse_rows * inverse_columns
        chord = 2 - 2 * cosine
        pairs = _apart(chord, torch.full_like(chord, COINCIDE), tile.pairs)
        self._count("directions", tile, pairs)
        for place, kernel in enumerate(kernels):
            value = kernel.value(chord)
            slope = _masked(kernel.slope(chord, value), pairs)
            value = _masked(value, pairs)
            for name, values, slopes in (("kernel", value, slope), ("square", value.square(), 2 * value * slope)):
                self._add(f"{name}{place}", tile, values)
                # The two parts of the kernel's derivative by the global mean (see `kernel_mean`).
                self._add(f"{name}{place} across", tile, slopes, self.inverse)
                self._add(f"{name}{place} along", tile, slopes * cosine)

    def mean(self, name: str, count: str) -> ClassStatistic:
        """Return the mean over the pairs counted under `count`, which does not depend on the global mean."""
        rows, partners = self.sums[name], self.sums[count]
        mean = rows.sum() / partners.sum()
        return ClassStatistic(float(mean), 2 * len(rows) * (rows - mean * partners) / partners.sum())

    def kernel_mean(self, name: str) -> ClassStatistic:
        """Return the mean of a kernel, whose influence includes that of each class on the global mean.

        When the global mean moves by delta, cos(c, c') changes by -(m~_c' - cos m~_c) . delta / ||m_c|| and the same
        with c and c' exchanged.
        """
        fixed = self.mean(name, "directions")
        slopes = self.sums[f"{name} across"] - self.inverse * self.sums[f"{name} along"]
        gradient = 2 * (slopes @ self.unit) / self.sums["directions"].sum()
        return ClassStatistic(fixed.value, fixed.influence - self.centred @ gradient)

    def dot_square(self) -> ClassStatistic:
        """Return the mean of (m_c . m_c')² over all ordered pairs; moving the global mean does not change it."""
        rows = (self.sums["dots"] + self.squared.square()) / len(self.ones)
        return ClassStatistic(float(rows.mean()), 2 * (rows - rows.mean()))

    @property
    def coincident(self) -> int:
        """Number of pairs left out of the CDNV."""
        classes = len(self.ones)
        return (classes * (classes - 1) - int(self.sums["apart"].sum())) // 2

    def _count(self, name: str, tile: _Tile, pairs: Tensor | None) -> None:
        self._add(name, tile, torch.ones_like(tile.dots) if pairs is None else pairs.double())

    def _add(self, name: str, tile: _Tile, values: Tensor, weights: Tensor | None = None) -> None:
        """Add values (rows, columns), each weighted by its partner, to both classes of each pair."""
        weights = self.ones if weights is None else weights
        total = self.sums.setdefault(name, torch.zeros_like(self.ones))
        total[tile.rows] += values @ weights[tile.columns]
        total[tile.columns] += weights[tile.rows] @ values


def _apart(distance: Tensor, least: Tensor, pairs: Tensor | None) -> Tensor | None:
    """Return which entries are pairs at more than the least distance; None where all are."""
    far = distance > least
    far = far if pairs is None else far & pairs
    return None if bool(far.all()) else far


def _masked(values: Tensor, pairs: Tensor | None) -> Tensor:
    return values if pairs is None else values.where(pairs, 0.0)
