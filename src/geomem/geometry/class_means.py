"""Means and variances by class, in one pass: what every measurement of neural collapse is made from.

A class is whatever an int64 label says: the next token (arXiv 2405.17767), or the set of tokens that can follow
(arXiv 2408.15417). The sums are float64, so within-class variance may be taken as E||h||² - ||mu||²: its relative error
is below 1e-14 ||mu||² / variance, that is 1e-8 where the mean is a thousand times the spread in every coordinate.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchmetrics import Metric

from geomem.errors import InputError
from geomem.geometry.vectors import row_chunks

MIN_SAMPLES = 5
"""Samples below which a class's mean is mostly noise (arXiv 2405.17767 at small scale: drop the rest and report K)."""
LIMIT = 1024
"""Classes followed by default: 6 MiB a layer at width 768."""
_CHUNK = 1 << 19
"""Entries converted to float64 at once: 4 MiB, which stays in the cache."""


@dataclass(frozen=True)
class ClassTable:
    """K classes. ids: (K,) their labels. counts: (K,) samples. means: (K, d) float64, not centred.

    variances: (K,) float64, E||h - mu_c||², summed over coordinates and divided by the count.
    covariance: (d, d) float64, E (h - mu)(h - mu)^T over all samples together, each about its own class's mean; None
    where it was not asked for.
    """

    ids: Int[Tensor, " k"]
    counts: Int[Tensor, " k"]
    means: Float[Tensor, "k d"]
    variances: Float[Tensor, " k"]
    covariance: Float[Tensor, "d d"] | None = None

    @property
    def centred(self) -> Float[Tensor, "k d"]:
        """The means minus their UNWEIGHTED mean over classes, as arXiv 2405.17767 centres them."""
        return self.means - self.means.mean(0)


def choose_classes(counts: Int[Tensor, " v"], min_samples: int = MIN_SAMPLES, limit: int = LIMIT) -> Int[Tensor, " k"]:
    """Return the ids, ascending, of the `limit` most frequent classes with at least `min_samples` samples.

    counts: (V,) samples of every class, by id. Of equally frequent classes the lower ids are taken. May be empty.
    """
    order = counts.argsort(descending=True, stable=True)[:limit]
    return order[counts[order] >= min_samples].sort().values


def class_table(
    hidden: Float[Tensor, "n d"],
    classes: Int[Tensor, " n"],
    ids: Int[Tensor, " k"] | None = None,
    min_samples: int = MIN_SAMPLES,
) -> ClassTable:
    """Return the table of all samples at once, in two passes: the means, then the scatter about them.

    ids: classes to follow (all by default). Those with fewer than `min_samples` samples are left out of the table; the
    covariance is over the samples of all that are followed.
    """
    followed = classes.unique() if ids is None else ids
    rows = class_rows(classes, followed)
    table, rows = hidden[rows >= 0].double(), rows[rows >= 0]
    counts = torch.bincount(rows, minlength=len(followed))
    each = counts.clamp(min=1).double()
    means = table.new_zeros(len(followed), table.shape[1]).index_add_(0, rows, table) / each[:, None]
    spread = table - means[rows]
    variances = each.new_zeros(len(followed)).index_add_(0, rows, spread.square().sum(1)) / each
    keep = counts >= min_samples
    covariance = spread.T @ spread / max(1, len(spread))
    return ClassTable(followed[keep], counts[keep], means[keep], variances[keep], covariance)


class ClassMeans(Metric):
    """Streaming `class_table` without the covariance: states are sums by class, (K, d) float64 in all.

    ids: (K,) the classes to follow, e.g. from `choose_classes`; rows of the table come in this order. width: d.
    min_samples: classes seen less often are left out of the result (shards may see few of some). Memory does not grow
    with the samples. Raises InputError when a class is named twice.
    """

    full_state_update = False
    count: Tensor
    total: Tensor
    squares: Tensor

    def __init__(self, ids: Int[Tensor, " k"], width: int, min_samples: int = MIN_SAMPLES) -> None:
        super().__init__()
        if len(ids.unique()) < len(ids):
            raise InputError(f"classes: {len(ids)} ids were given but only {len(ids.unique())} of them differ")
        self.min_samples = min_samples
        self.ids: Tensor
        self.register_buffer("ids", ids, persistent=False)
        self.add_state("count", torch.zeros(len(ids), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("total", torch.zeros(len(ids), width, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("squares", torch.zeros(len(ids), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, hidden: Float[Tensor, "n d"], classes: Int[Tensor, " n"]) -> None:
        """Add samples (n, d) with their classes (n,); classes that are not followed are passed over."""
        rows = class_rows(classes, self.ids)
        # In the order of the classes, so that the rows added to stay in the cache.
        places = rows.argsort()[(rows < 0).sum() :]
        for part in row_chunks(len(places), hidden.shape[1], _CHUNK):
            where = places[part]
            chosen, table = rows[where], hidden[where].double()
            self.count.index_add_(0, chosen, table.new_ones(len(table)))
            self.total.index_add_(0, chosen, table)
            self.squares.index_add_(0, chosen, torch.linalg.vecdot(table, table))

    def compute(self) -> Float[Tensor, "k d"]:
        """Return the means of the classes seen often enough, in the order of `table().ids`."""
        return self.table().means

    def table(self) -> ClassTable:
        """Return ids, counts, means and variances of the classes seen at least `min_samples` times."""
        keep = self.count >= max(1, self.min_samples)
        count = self.count[keep]
        means = self.total[keep] / count[:, None]
        variances = (self.squares[keep] / count - means.square().sum(1)).clamp(min=0)
        return ClassTable(self.ids[keep], count.long(), means, variances)


class ClassScatter(ClassMeans):
    """Streaming `class_table` with the (d, d) within-class covariance, which costs n d² operations more.

    The covariance is over the samples of all followed classes, also of those the table leaves out.
    """

    products: Tensor

    def __init__(self, ids: Int[Tensor, " k"], width: int, min_samples: int = MIN_SAMPLES) -> None:
        super().__init__(ids, width, min_samples)
        self.add_state("products", torch.zeros(width, width, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, hidden: Float[Tensor, "n d"], classes: Int[Tensor, " n"]) -> None:
        """Add samples (n, d) with their classes (n,); classes that are not followed are passed over."""
        super().update(hidden, classes)
        places = (class_rows(classes, self.ids) >= 0).nonzero().flatten()
        for part in row_chunks(len(places), hidden.shape[1]):
            rows = hidden[places[part]]
            rows = rows.to(torch.promote_types(rows.dtype, torch.float32))
            # float32 rows are multiplied in float32, which is safe once their mean is gone: it would swamp the spread.
            shift = rows.mean(0)
            rest = rows - shift
            centre, left = shift.double(), rest.sum(0, dtype=torch.float64)
            cross = torch.outer(left, centre)
            self.products += (rest.T @ rest).double() + cross + cross.T + len(rest) * torch.outer(centre, centre)

    def table(self) -> ClassTable:
        """Return the table of `ClassMeans` with the covariance."""
        plain = super().table()
        # A class never seen has a total of zero, so that it adds nothing here.
        scaled = self.total / self.count.clamp(min=1).sqrt()[:, None]
        covariance = (self.products - scaled.T @ scaled) / self.count.sum().clamp(min=1)
        return ClassTable(plain.ids, plain.counts, plain.means, plain.variances, covariance)


def class_rows(classes: Int[Tensor, " n"], ids: Int[Tensor, " k"]) -> Int[Tensor, " n"]:
    """Return for each class its place in `ids` (distinct, in any order), -1 where it is not among them."""
    if len(ids) == 0:
        return torch.full_like(classes, -1)
    ordered, order = ids.sort()
    place = torch.searchsorted(ordered, classes.contiguous()).clamp(max=len(ids) - 1)
    return torch.where(ordered[place] == classes, order[place], -1)
