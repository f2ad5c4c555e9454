"""Which linear combination of histories is nearest to a target, in the logits after a set of futures."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from geomem.errors import InputError


@dataclass(frozen=True)
class Weights:
    """values: (n,) float64, one a history. residual: |target - combination| / |target|, over all columns."""

    values: Tensor
    residual: float


def fit_weights(rows: Tensor, target: Tensor, ridge: float) -> Weights:
    """Return v = argmin |target - sum_h v_h rows_h|^2 + ridge * s |v|^2 (arXiv 2510.24966, LinGen).

    rows: (n, ...) of histories; target: (...), the same columns. s is the mean of |rows_h|^2, so that ridge has no
    unit. With ridge 0 the combination of least norm. Raises InputError for a negative ridge.
    """
    if ridge < 0:
        raise InputError(f"ridge: expected 0 or more, got {ridge}")
    table, wanted = rows.double().flatten(1), target.double().flatten()
    if ridge == 0:
        # The driver that bears a table of lower rank than it has rows.
        values = torch.linalg.lstsq(table.T, wanted[:, None], driver="gelsd").solution[:, 0]
    else:
        gram = table @ table.T
        gram.diagonal().add_(ridge * gram.diagonal().mean())
        values = torch.linalg.solve(gram, table @ wanted)
    missed = wanted - values @ table
    return Weights(values, float(missed.norm() / wanted.norm()))
