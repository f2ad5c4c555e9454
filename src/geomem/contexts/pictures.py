"""Pictures of a context matrix: support sizes, the spectrum of the centred support, and a part of the support."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from geomem.contexts.matrix import ContextMatrix
from geomem.contexts.statistics import support_sizes
from geomem.contexts.supports import CentredSVD
from geomem.runs.exhibits import Curves, Heatmap, HeatmapPanel, Series

Names = Callable[[Sequence[int]], list[str]]


def sizes_picture(matrix: ContextMatrix) -> Curves:
    """Return how many contexts are followed by k different tokens, for every k that occurs."""
    histogram = support_sizes(matrix).histogram
    return Curves(
        id="contexts-sizes",
        title="Support sizes",
        series=(Series(name="contexts", x=tuple(histogram), y=tuple(histogram.values())),),
        x_label="different next tokens, k",
        y_label="contexts",
        log_x=True,
        log_y=True,
    )


def spectrum_picture(svd: CentredSVD) -> Curves:
    """Return the singular values of the centred support over their rank; zeros to rounding are left out."""
    values = svd.values[svd.values > 1e-9 * svd.values[0]].tolist() if float(svd.values[0]) > 0 else [0.0]
    return Curves(
        id="contexts-spectrum",
        title="Singular values of the centred support",
        series=(Series(name="singular value", x=tuple(range(1, len(values) + 1)), y=tuple(values)),),
        x_label="rank",
        y_label="singular value",
        log_x=True,
        log_y=True,
    )


def support_picture(matrix: ContextMatrix, names: Names, *, tokens: int = 30, contexts: int = 60) -> Heatmap:
    """Return the support of the most frequent contexts on the tokens that follow most of them.

    Rows and columns are put in the order of their angle in the two leading singular directions of the centred part, so
    that tokens that follow the same contexts, and contexts that the same tokens follow, stand together.
    """
    chosen = torch.sort(matrix.totals, descending=True, stable=True).indices[:contexts]
    part = matrix.select(chosen).compact()
    types = matrix.select(chosen).types
    spread = torch.bincount(part.indices, minlength=part.vocabulary)
    often = torch.sort(spread, descending=True, stable=True).indices[:tokens].sort().values
    support = part.support()[often]
    centred = support.double() - support.double().mean(0)
    left, _, right = torch.linalg.svd(centred, full_matrices=False)
    rows, columns = angular_order(left[:, :2]), angular_order(right[:2].T)
    ordered: Any = support[rows][:, columns].int().tolist()
    return Heatmap(
        id="contexts-support",
        title="Support of the most frequent contexts",
        panels=(HeatmapPanel(title="support", matrix=ordered),),
        row_names=tuple(names(types[often[rows]].tolist())),
        x_label="contexts, the most frequent ones",
        y_label="next tokens",
        vmin=0,
        vmax=1,
    )


def angular_order(plane: Tensor) -> Tensor:
    """Return the order of points (n, 1 or 2) by angle around the origin, beginning at the widest gap."""
    if plane.shape[1] < 2:
        return plane[:, 0].sort(stable=True).indices
    angles, order = torch.atan2(plane[:, 1], plane[:, 0]).sort(stable=True)
    gaps = torch.cat([angles[1:] - angles[:-1], angles[:1] + 2 * torch.pi - angles[-1:]])
    return order.roll(-int(gaps.argmax()) - 1)
