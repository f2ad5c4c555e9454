"""NC4: does the output layer decide as the nearest class mean does? Source: arXiv 2405.17767 (released code).

Class means come from one part of the text and decisions from another, since a mean lies nearer to its own samples.
Raw class means, as the released code has them; a bias is added where the output layer has one.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchmetrics import Metric

from geomem.geometry.class_means import ClassTable, class_rows
from geomem.geometry.class_statistic import Estimate
from geomem.geometry.vectors import row_chunks, wilson_interval


class ClassAgreement(Metric):
    """Streaming share of tokens on which argmax_c (<w_c, h> + b_c) = argmin_c ||h - mu_c||², over the table's classes.

    table: class means (K, d) of other tokens than those `update` brings. unembedding: (K, d), the output layer's rows
    of `table.ids`; bias: (K,). States are sums: (K,) decisions of either side, and moments over windows.

    Given the model's own choice over the whole vocabulary, the same share is kept for it too (`vocabulary`).
    """

    full_state_update = False
    higher_is_better = True
    moments: Tensor
    nearest: Tensor
    linear: Tensor
    chosen: Tensor
    ids: Tensor
    centre: Tensor
    means: Tensor
    rows: Tensor
    bias: Tensor

    def __init__(
        self, table: ClassTable, unembedding: Float[Tensor, "k d"], bias: Float[Tensor, " k"] | None = None
    ) -> None:
        super().__init__()
        centre = table.means.mean(0)
        known = {"ids": table.ids, "centre": centre, "means": table.means - centre, "rows": unembedding}
        known["bias"] = table.means.new_zeros(len(table.ids)) if bias is None else bias
        for name, value in known.items():
            self.register_buffer(name, value, persistent=False)
        # Rows: among the classes, in the vocabulary. Columns: windows, tokens, hits and their squares and products.
        self.add_state("moments", torch.zeros(2, 6, dtype=torch.float64), dist_reduce_fx="sum")
        for name in ("nearest", "linear", "chosen"):
            self.add_state(name, torch.zeros(len(table.ids), dtype=torch.float64), dist_reduce_fx="sum")

    def update(
        self,
        hidden: Float[Tensor, "n d"],
        windows: Int[Tensor, " n"] | None = None,
        choices: Int[Tensor, " n"] | None = None,
    ) -> None:
        """Add tokens: hidden (n, d), what the output layer reads.

        windows: (n,), the window of each token; all tokens of a window must come in one call. Without it, tokens count
        as independent. choices: (n,), the id of the largest logit over the whole vocabulary.
        """
        nearest, linear = self.decide(hidden)
        groups = torch.arange(len(hidden), device=hidden.device) if windows is None else windows
        self.nearest += torch.bincount(nearest, minlength=len(self.nearest))
        self.linear += torch.bincount(linear, minlength=len(self.linear))
        self.moments[0] += _moments(nearest == linear, groups)
        if choices is not None:
            places = class_rows(choices, self.ids)
            self.moments[1] += _moments(nearest == places, groups)
            self.chosen += torch.bincount(places[places >= 0], minlength=len(self.chosen))

    def decide(self, hidden: Float[Tensor, "n d"]) -> tuple[Int[Tensor, " n"], Int[Tensor, " n"]]:
        """Return the place in the table of the nearest class mean and of the largest of the classes' logits, (n,) each.

        float32 tokens are compared in float32, distances after both sides were centred; float64 tokens in float64.
        """
        dtype = torch.promote_types(hidden.dtype, torch.float32)
        means, rows, bias = self.means.to(dtype), self.rows.to(dtype), self.bias.to(dtype)
        offset = (self.means.square().sum(1) / 2).to(dtype)
        nearest, linear = [torch.zeros_like(self.ids[:0])], [torch.zeros_like(self.ids[:0])]
        for part in row_chunks(len(hidden), len(means)):
            tokens = hidden[part].to(dtype)
            # argmin ||h - mu||² = argmax <h, mu> - ||mu||² / 2
            nearest.append(((tokens - self.centre.to(dtype)) @ means.T - offset).argmax(1))
            linear.append(torch.addmm(bias, tokens, rows.T).argmax(1))
        return torch.cat(nearest), torch.cat(linear)

    def compute(self) -> Float[Tensor, ""]:
        """Return the share of tokens on which the two agree, among the classes; NaN before the first."""
        return self.moments[0, 2] / self.moments[0, 1]

    def agreement(self) -> Estimate:
        """Return that share with its interval over windows; chance: two independent deciders with these frequencies."""
        return _estimate(self.moments[0], self.nearest, self.linear)

    def vocabulary(self) -> Estimate | None:
        """Return the share of tokens whose nearest class is the model's own choice; None when no choices were given."""
        return _estimate(self.moments[1], self.nearest, self.chosen) if float(self.moments[1, 1]) else None


def clustered_wilson(moments: Float[Tensor, " 6"]) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share whose trials come in windows.

    moments: sums over windows of 1, n, hits, n², n hits, hits². Trials are first divided by the design effect, the
    ratio of the variance between windows to that of independent trials (Kish 1965; Korn & Graubard 1998), and never
    taken for more than there were. Where windows do not differ at all, each counts as one trial.
    """
    windows, trials, hits, trials2, cross, hits2 = (float(value) for value in moments)
    if trials == 0:
        return 0.0, 1.0
    share = hits / trials
    residual = hits2 - 2 * share * cross + share**2 * trials2
    if windows == trials:
        effective = trials
    elif windows < 2 or residual <= 1e-12 * trials2:
        effective = windows
    else:
        variance = windows / (windows - 1) * residual / trials**2
        effective = min(trials, share * (1 - share) / variance)
    # Hits and trials shrink together; a fraction of a trial does not matter here.
    whole = max(1, round(effective))
    return wilson_interval(share * whole, whole)


def _moments(hits: Tensor, windows: Tensor) -> Tensor:
    _, place = windows.unique(return_inverse=True)
    trials = torch.bincount(place).double()
    found = torch.zeros_like(trials).index_add_(0, place, hits.double())
    parts = (torch.ones_like(trials), trials, found, trials.square(), trials * found, found.square())
    return torch.stack([part.sum() for part in parts])


def _estimate(moments: Tensor, nearest: Tensor, other: Tensor) -> Estimate:
    trials = float(moments[1])
    if trials == 0:
        return Estimate(math.nan)
    low, high = clustered_wilson(moments)
    chance = float(nearest @ other) / (float(nearest.sum()) * trials)
    return Estimate(float(moments[2]) / trials, low, high, chance)
