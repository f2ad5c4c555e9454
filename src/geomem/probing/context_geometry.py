"""Whether the states that a model has after each context lie as the supports do, layer by layer."""

from __future__ import annotations

import math
from collections.abc import Mapping

import scipy.sparse
import torch
from torch import Tensor

from geomem.contexts.matrix import ContextMatrix
from geomem.contexts.supports import SupportPatterns, overlaps, support_patterns
from geomem.geometry.cka_map import LayerCKA
from geomem.geometry.subspace_collapse import SubspaceCollapse, subspace_collapse
from geomem.geometry.vectors import unit_rows
from geomem.probing.rows import Rows
from geomem.seeding import torch_generator

COLLAPSE = ("within", "between", "scatter_ratio")
"""Numbers of subspace collapse that are shown; the extreme pairs of many contexts say little."""

_ROUNDING = 1e-12
"""Eigenvalues of a Gram matrix below this share of the largest are rounding."""


def support_gram(patterns: SupportPatterns) -> Tensor:
    """Return S^T (I - 11^T/V) S, (m, m) float64: products of the centred support's columns (arXiv 2408.15417).

    From the overlaps of the distinct supports alone: |S_i and S_j| - k_i k_j / V. Raises InputError as `overlaps`.
    """
    sizes = patterns.sizes.double()
    distinct = overlaps(patterns).double() - torch.outer(sizes, sizes) / patterns.vocabulary
    return distinct[patterns.pattern][:, patterns.pattern]


def share_gram(matrix: ContextMatrix) -> Tensor:
    """Return P^T P, (m, m) float64: products of the next-token distributions of every two contexts."""
    values = (matrix.counts / matrix.totals[matrix.rows]).numpy()
    shares = scipy.sparse.csr_array(
        (values, matrix.indices.numpy(), matrix.indptr.numpy()), shape=(len(matrix), matrix.vocabulary)
    )
    return torch.from_numpy((shares @ shares.T).toarray())


def gram_rows(gram: Tensor) -> Tensor:
    """Return rows (m, r), float64, whose products are a positive semi-definite matrix (m, m)."""
    values, vectors = torch.linalg.eigh(gram)
    kept = values > _ROUNDING * values[-1].clamp(min=0)
    return vectors[:, kept] * values[kept].sqrt() if bool(kept.any()) else gram.new_zeros(len(gram), 1)


def measure_geometry(states: Mapping[int, Tensor], matrix: ContextMatrix, rows: Rows, seed: int) -> None:
    """Add `contexts/support_cka`, `contexts/shares_cka` and subspace collapse of states (m, d) by layer.

    CKA is unbiased, with intervals over contexts; 0 for unrelated states. shares_cka: with the distributions, not the
    supports. Collapse: cosines of states less their mean, within and between groups of equal support; chance: the same
    groups dealt at random.
    """
    patterns = support_patterns(matrix.compact())
    names = [f"layer {layer}" for layer in states]
    metric = LayerCKA([*names, "the support", "the distributions"], seed=seed)
    metric.update([*states.values(), gram_rows(support_gram(patterns)), gram_rows(share_gram(matrix.compact()))])
    cka, (low, high) = metric.compute(), metric.interval()
    for place, layer in enumerate(states):
        for name, other in (("support_cka", len(states)), ("shares_cka", len(states) + 1)):
            interval = float(low[place, other]), float(high[place, other])
            rows.add(f"contexts/{name}", float(cka[place, other]), layer=layer, interval=interval)
            rows.chance(f"contexts/{name}", 0.0, layer=layer)
    rows.lines += [f"contexts: {line}" for line in metric.notes()]
    _collapse(states, patterns.pattern, rows, seed)


def centred_cosines(rows: Tensor) -> Tensor:
    """Return the cosines (m, m), float64, of rows (m, d) less their mean."""
    unit = unit_rows(rows - rows.mean(0))
    return unit @ unit.T


def _collapse(states: Mapping[int, Tensor], groups: Tensor, rows: Rows, seed: int) -> None:
    count = int(groups.max()) + 1
    if count in (1, len(groups)):
        which = "all contexts have one support" if count == 1 else "no two contexts have the same support"
        rows.lines.append(f"contexts: {which}, so nothing is said of subspace collapse")
        return
    dealt = groups[torch.randperm(len(groups), generator=torch_generator(seed, "contexts", "groups"))]
    for layer, table in states.items():
        columns = (table - table.mean(0)).T
        own, null = subspace_collapse(columns, groups), subspace_collapse(columns, dealt)
        for name in COLLAPSE:
            _add(rows, name, own, null, layer)


def _add(rows: Rows, name: str, own: SubspaceCollapse, null: SubspaceCollapse, layer: int) -> None:
    value, chance = own.numbers()[name], null.numbers()[name]
    rows.add(f"contexts/{name}", value, layer=layer)
    if math.isfinite(chance):
        rows.chance(f"contexts/{name}", chance, layer=layer)
