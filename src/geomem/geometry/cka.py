"""Centred kernel alignment (CKA) of two representations of the same stimuli: biased, unbiased, by minibatches.

Source: Kornblith et al., arXiv 1905.00414 (linear CKA); Song et al. 2012, JMLR 13, Eq. 5 (HSIC_u); Nguyen, Raghu and
Kornblith, arXiv 2010.15327, Section 3.2 (sums over minibatches).

Biased CKA of unrelated data grows as stimuli get fewer or units more; the unbiased one is 0 on average at any size. It
is never NaN: HSIC_u is an inner product (of U-centred matrices; Szekely and Rizzo 2014, arXiv 1310.2926), so a
representation's own HSIC_u is never negative, and where it is 0 (no variance at all, or all of it in a single row) the
representation shares nothing with anything and CKA is 0 here. Dead units change nothing.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchmetrics import Metric

from geomem.errors import InputError
from geomem.geometry.paired import ROUNDING, centred_pair
from geomem.seeding import torch_generator

LEAST = 4
"""Rows below which HSIC_u is not defined: it divides by n - 3."""


def linear_cka(first: Float[Tensor, "n p"], second: Float[Tensor, "n q"]) -> Float[Tensor, ""]:
    """Return biased linear CKA, |X^T Y|^2 / (|X^T X| |Y^T Y|) with centred columns, in [0, 1]; 0 without variance.

    Taken in feature space or over Gram matrices, whichever is smaller; both are equal. Raises InputError for
    different stimuli, fewer than two, or values that are not finite.
    """
    return cka_ratio(_overlaps(*centred_pair(first, second)))


def gram_cka(first: Float[Tensor, "n n"], second: Float[Tensor, "n n"]) -> Float[Tensor, ""]:
    """Return biased CKA from two Gram matrices of any kernel, not yet centred: tr(KHLH) / (|HKH| |HLH|)."""
    x, y = (_double_centred(gram.detach().double()) for gram in (first, second))
    return cka_ratio(torch.stack([(x * y).sum(), x.square().sum(), y.square().sum()]))


def unbiased_hsic(first: Float[Tensor, "n n"], second: Float[Tensor, "n n"]) -> Float[Tensor, ""]:
    """Return HSIC_u from two kernel matrices: [tr(KL) + sum K sum L / ((n-1)(n-2)) - 2/(n-2) 1^T K L 1] / (n(n-3)).

    Diagonals count as 0. The matrices need not be symmetric. Raises InputError for fewer than four stimuli.
    """
    count = len(first)
    if count < LEAST:
        raise InputError(f"unbiased CKA: needs at least {LEAST} stimuli (rows), got {count}")
    x, y = (gram.detach().double().clone().fill_diagonal_(0) for gram in (first, second))
    trace = (x * y.T).sum() + x.sum() * y.sum() / ((count - 1) * (count - 2))
    return (trace - 2 / (count - 2) * (x.sum(0) @ y.sum(1))) / (count * (count - 3))


def unbiased_hsics(first: Float[Tensor, "n p"], second: Float[Tensor, "n q"]) -> Float[Tensor, " 3"]:
    """Return HSIC_u of (first, second), of first with itself and of second with itself, for linear kernels.

    HSIC_u does not change when rows are shifted, and for centred rows the card's three terms become
    [|X^T Y|^2 - n/(n-2) sum_i |x_i|^2 |y_i|^2 + |X|^2 |Y|^2 / ((n-1)(n-2))] / (n(n-3)), which needs no n x n matrix.
    Raises InputError as `linear_cka`, for fewer than four stimuli.
    """
    x, y = centred_pair(first, second, least=LEAST)
    a, b = x.square().sum(1), y.square().sum(1)
    lengths = torch.stack([a @ b, a @ a, b @ b])
    totals = torch.stack([a.sum() * b.sum(), a.sum().square(), b.sum().square()])
    return _unbiased(_overlaps(x, y), lengths, totals, len(x))


def unbiased_cka(first: Float[Tensor, "n p"], second: Float[Tensor, "n q"]) -> Float[Tensor, ""]:
    """Return linear CKA with HSIC_u, in [-1, 1], 0 on average for unrelated data at any size; 0 without variance.

    Raises InputError for different stimuli, fewer than four, or values that are not finite.
    """
    return cka_ratio(unbiased_hsics(first, second))


def minibatch_cka(
    first: Float[Tensor, "n p"],
    second: Float[Tensor, "n q"],
    windows: Int[Tensor, " n"] | None = None,
    *,
    batch: int = 256,
    seed: int = 0,
) -> Float[Tensor, ""]:
    """Return the ratio of HSIC_u summed over minibatches (arXiv 2010.15327, Eq. 2), dealt as `deal_batches` does.

    windows: (n,) number of the text window of each row; None when the rows are independent. Each batch counts by its
    rows, which is the paper's plain mean where batches are equal. Raises InputError as `unbiased_cka`, and when no
    batch can be dealt.
    """
    centred_pair(first, second, least=LEAST)
    dealt = [rows for part in deal_batches(len(first), windows, batch, seed) for rows in part]
    if not dealt:
        raise InputError(f"minibatch CKA: needs rows of at least {LEAST} windows")
    return cka_ratio(torch.stack([len(rows) * unbiased_hsics(first[rows], second[rows]) for rows in dealt]).sum(0))


def deal_batches(count: int, windows: Int[Tensor, " n"] | None, batch: int, seed: int) -> list[Int[Tensor, "k b"]]:
    """Deal the rows 0..count at random into minibatches in which no two rows come from one window.

    Rows of one text window share their context. A pair of them is alike on both sides, which raises CKA, even that of
    unrelated models (0.07 instead of 0 with 32 windows of half shared variance), so pairs within a window must not
    count. In turn, each window gives one of its rows; the rows of a turn are one minibatch, or several of `batch` rows
    or a few more when there are many windows. Rows of turns with fewer than four windows left are not dealt.
    windows: (n,) number of the window of each row; None: each row is its own.
    Returns (k, b) row numbers, batches of equal size together; the same for the same arguments, so there is no small
    last batch, the usual cause of a NaN. Raises InputError for a batch of fewer than four.
    """
    if batch < LEAST:
        raise InputError(f"batch: unbiased CKA needs at least {LEAST} rows a batch, got {batch}")
    order = torch.randperm(count, generator=torch_generator(seed, "cka-batches"))
    turns = torch.zeros_like(order) if windows is None else _turns(windows.cpu()[order])
    by_size: dict[int, list[Tensor]] = {}
    for turn in order[turns.argsort(stable=True)].split(torch.bincount(turns).tolist()):
        if len(turn) >= LEAST:
            for rows in turn.tensor_split(max(1, len(turn) // batch)):
                by_size.setdefault(len(rows), []).append(rows)
    return [torch.stack(batches) for batches in by_size.values()]


def cka_ratio(hsics: Float[Tensor, " 3"]) -> Float[Tensor, ""]:
    """Return cross / sqrt(own of first x own of second) of three HSICs; 0 where one side has none of its own."""
    cross, own = hsics[0], hsics[1:].clamp(min=0).sqrt().prod()
    return torch.where(own > 0, cross / own.where(own > 0, 1.0), 0.0)


class LinearCKA(Metric):
    """Streaming CKA over all rows exactly, in feature space; memory (width + 2)^2, however many rows.

    A row enters as [x, |x|^2, 1], so that sums of products of such rows hold everything that the biased and the
    unbiased estimate need, and moving the origin to the final mean is a linear map. All pairs of rows count, also two
    tokens of one text window, which raises even the unbiased estimate a little (see `deal_batches`).
    """

    full_state_update = False
    cross: Tensor
    first: Tensor
    second: Tensor

    def __init__(self, first_width: int, second_width: int) -> None:
        super().__init__()
        p, q = first_width + 2, second_width + 2
        for name, shape in (("cross", (p, q)), ("first", (p, p)), ("second", (q, q))):
            self.add_state(name, torch.zeros(shape, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, first: Float[Tensor, "n p"], second: Float[Tensor, "m q"]) -> None:
        """Add rows: the same n stimuli in both. Raises InputError for different numbers or values not finite."""
        if len(first) != len(second):
            raise InputError(f"comparison: both sides need the same stimuli, got {len(first)} and {len(second)} rows")
        if len(first) == 0:
            return
        exact = torch.float64 in (first.dtype, second.dtype)
        (x, x_mean), (y, y_mean) = _augmented(first, exact, "first"), _augmented(second, exact, "second")
        count = len(first)
        self.cross += (x.T @ y).double() + count * torch.outer(x_mean, y_mean)
        self.first += (x.T @ x).double() + count * torch.outer(x_mean, x_mean)
        self.second += (y.T @ y).double() + count * torch.outer(y_mean, y_mean)

    @property
    def rows(self) -> int:
        """Number of rows seen."""
        return int(self.cross[-1, -1])

    def compute(self) -> Float[Tensor, ""]:
        """Return biased linear CKA of all rows seen; 0 without variance, and before the first row."""
        return cka_ratio(torch.stack([part[:-2, :-2].square().sum() for part in self._centred()]))

    def unbiased(self) -> Float[Tensor, ""]:
        """Return unbiased CKA of all rows seen. Raises InputError for fewer than four."""
        if self.rows < LEAST:
            raise InputError(f"unbiased CKA: needs at least {LEAST} stimuli (rows), got {self.rows}")
        cross, first, second = self._centred()
        overlaps = torch.stack([part[:-2, :-2].square().sum() for part in (cross, first, second)])
        lengths = torch.stack([part[-2, -2] for part in (cross, first, second)])
        a, b = first[-2, -1], second[-2, -1]
        return cka_ratio(_unbiased(overlaps, lengths, torch.stack([a * b, a * a, b * b]), self.rows))

    def covariances(self) -> tuple[Float[Tensor, "p p"], Float[Tensor, "q q"], Float[Tensor, "p q"]]:
        """Return sums of products of centred rows, X^T X, Y^T Y and X^T Y: CCA and Procrustes need no more."""
        cross, first, second = self._centred()
        return first[:-2, :-2], second[:-2, :-2], cross[:-2, :-2]

    def _centred(self) -> tuple[Tensor, Tensor, Tensor]:
        x, y = _recentring(self.first), _recentring(self.second)
        return x.T @ self.cross @ y, x.T @ self.first @ x, y.T @ self.second @ y


class MinibatchCKA(Metric):
    """Streaming unbiased CKA: each update is one minibatch, as arXiv 2010.15327 sums them; memory of three numbers.

    Give it batches of rows that are independent of each other: rows of one text window are not (see `deal_batches`).
    Updates of fewer than four rows cannot be used and are counted in `left_out`.
    """

    full_state_update = False
    hsics: Tensor
    left_out: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("hsics", torch.zeros(3, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("left_out", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, first: Float[Tensor, "n p"], second: Float[Tensor, "n q"]) -> None:
        """Add one minibatch. Raises InputError for different stimuli or values that are not finite."""
        if len(first) < LEAST:
            self.left_out += len(first)
        else:
            self.hsics += len(first) * unbiased_hsics(first, second).to(self.hsics.device)

    def compute(self) -> Float[Tensor, ""]:
        """Return CKA from the sums; 0 without variance, and before the first batch."""
        return cka_ratio(self.hsics)


def _turns(windows: Tensor) -> Tensor:
    """Return for each row how many rows of its window come before it."""
    together = windows.argsort(stable=True)
    _, sizes = torch.unique_consecutive(windows[together], return_counts=True)
    starts = (sizes.cumsum(0) - sizes).repeat_interleave(sizes)
    turns = torch.empty_like(together)
    turns[together] = torch.arange(len(windows)) - starts
    return turns


def _overlaps(x: Tensor, y: Tensor) -> Tensor:
    """Return |X^T Y|^2, |X^T X|^2, |Y^T Y|^2 of centred rows as (3,), by the smaller of the two ways."""
    if len(x) < max(x.shape[1], y.shape[1]):
        a, b = x @ x.T, y @ y.T
        return torch.stack([(a * b).sum(), a.square().sum(), b.square().sum()])
    return torch.stack([(a.T @ b).square().sum() for a, b in ((x, y), (x, x), (y, y))])


def _unbiased(overlaps: Tensor, lengths: Tensor, totals: Tensor, count: int) -> Tensor:
    """Return three HSIC_u; a side's own is set to 0 where nothing but rounding is left of it."""
    sums = overlaps - count / (count - 2) * lengths + totals / ((count - 1) * (count - 2))
    sums[1:] = sums[1:].where(sums[1:] > ROUNDING * totals[1:], 0.0)
    return sums / (count * (count - 3))


def _double_centred(gram: Tensor) -> Tensor:
    moved = gram - gram.mean(0) - gram.mean(1, keepdim=True) + gram.mean()
    return moved if bool(moved.square().sum() > ROUNDING**2 * gram.square().sum()) else torch.zeros_like(gram)


def _augmented(rows: Tensor, exact: bool, name: str) -> tuple[Tensor, Tensor]:
    """Return [x, |x|^2, 1] less its mean (float64 if exact, for products else float32), and that mean, float64."""
    table = rows.detach().double()
    whole = torch.cat([table, table.square().sum(1, keepdim=True), torch.ones_like(table[:, :1])], dim=1)
    mean = whole.mean(0)
    if not bool(mean.isfinite().all()):
        raise InputError(f"{name} representation: rows hold NaN or infinite values; leave these rows out")
    moved = whole - mean
    return (moved if exact else moved.float()), mean


def _recentring(moments: Tensor) -> Tensor:
    """Return the map that takes sums over [x, |x|^2, 1] to those over [x - m, |x - m|^2, 1], with m the mean.

    All zeros when the rows do not vary.
    """
    count = moments[-1, -1]
    mean = moments[:-2, -1] / count.clamp(min=1)
    spread = moments[-2, -1] - count * mean.square().sum()
    change = torch.eye(len(moments), dtype=moments.dtype, device=moments.device)
    change[:-2, -2] = -2 * mean
    change[-1, :-2] = -mean
    change[-1, -2] = mean.square().sum()
    return change if bool(spread > ROUNDING * moments[-2, -1]) else torch.zeros_like(change)
