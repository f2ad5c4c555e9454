"""Static skip plans at work: what each layer is missed, plans beside runs of neighbours, and many fresh starts.

A restart draws half of the windows, plans on the likeness of layers there, and scores plan and control on the other
half. The control is the strongest of its kind: the run of neighbouring layers with the highest mean likeness.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.geometry.skipping import contiguous_set, damage_correlation, plan_skips, retention
from geomem.interventions.skip import skip_blocks
from geomem.probing.rerun import add_estimate, mean_over_windows, score_windows
from geomem.probing.skip_plan import check_plans
from geomem.seeding import torch_generator

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter
    from geomem.probing.rows import Rows
    from geomem.studies.layer_skipping.settings import Plans

LARGEST = 48
"""Most layers of a random similarity vector."""


class Scores:
    """Scores of windows (W, T) without some blocks, each set of blocks run once; labels as in `score_windows`."""

    def __init__(self, adapter: Adapter, tokens: Tensor, labels: Tensor | None, batch_tokens: int) -> None:
        self.adapter, self.tokens, self.labels, self.batch_tokens = adapter, tokens, labels, batch_tokens
        self._known: dict[tuple[int, ...], Tensor] = {}

    def without(self, skipped: tuple[int, ...]) -> Tensor:
        """Return (W, 3) losses, hits and numbers of predictions; see `rerun.prediction_scores`."""
        if skipped not in self._known:
            with skip_blocks(self.adapter.blocks, skipped):
                self._known[skipped] = score_windows(
                    self.adapter, self.tokens, self.labels, batch_tokens=self.batch_tokens
                )
        return self._known[skipped]


def sizes(budgets: Sequence[int], depth: int) -> tuple[int, ...]:
    """Return the plan sizes that a network of `depth` layers has room for without neighbours."""
    return tuple(size for size in sorted(set(budgets)) if size <= (depth + 1) // 2)


def measure_plans(scores: Scores, similarity: Tensor, plans: Plans, rows: Rows, seed: int) -> None:
    """Add rows about leaving out single layers and planned sets; similarity (W, L) of windows of the same kind.

    `skips/loss_ratio` and `skips/loss_increase` at every block, `damage/spearman` of S_l and -(loss increase) and its
    `damage/chance`; `plan/...` of `check_plans`; `plan/neighbours`, pairs of neighbours in all plans; for every size K
    `restarts/skipK_share`, the share of restarts in which the plan keeps at least as much accuracy as the control.
    """
    adapter = scores.adapter
    depth = len(adapter.blocks)
    full = scores.without(())
    increases: list[Tensor] = []
    for layer in range(depth):
        found = scores.without((layer,))
        add_estimate(rows, "skips/loss_ratio", retention(found[:, 0], full[:, 0]), layer)
        add_estimate(rows, "skips/loss_increase", mean_over_windows(found[:, 0] - full[:, 0], full[:, 2]), layer)
        increases.append((found[:, 0] - full[:, 0]) / full[:, 2])
    damage = damage_correlation(similarity, torch.stack(increases, 1), seed=seed)
    add_estimate(rows, "damage/spearman", damage.rho)
    rows.add("damage/chance", damage.chance_high)
    mean, wanted = similarity.mean(0), sizes(plans.budgets, depth)
    rows.take(
        check_plans(
            adapter,
            scores.tokens,
            mean,
            budgets=wanted,
            threshold=plans.threshold,
            labels=scores.labels,
            sets=plans.random_sets,
            seed=seed,
            batch_tokens=scores.batch_tokens,
        )
    )
    chosen = [plan_skips(mean, size, plans.threshold).layers for size in wanted]
    rows.add("plan/neighbours", float(sum(neighbours(layers) for layers in chosen)))
    for size in wanted:
        share, planned = restart(scores, similarity, size, plans, seed)
        rows.add(f"restarts/skip{size}_share", share)
        rows.add(f"restarts/skip{size}_planned", planned)


def restart(scores: Scores, similarity: Tensor, size: int, plans: Plans, seed: int) -> tuple[float, float]:
    """Return the share of restarts in which the plan keeps at least the control's accuracy, and of those with a plan.

    A restart in which fewer than `size` layers pass the threshold without being neighbours has no plan and does not
    count; NaN when that is so in most of them.
    """
    generator = torch_generator(seed, "restarts", size)
    half = len(similarity) // 2
    won: list[bool] = []
    for _ in range(plans.restarts):
        order = torch.randperm(len(similarity), generator=generator)
        seen = similarity[order[:half]].mean(0)
        plan = plan_skips(seen, size, plans.threshold).layers
        if len(plan) == size:
            # Of the same windows, accuracies and their shares of the full model's compare alike.
            hits = [scores.without(layers)[order[half:], 1].sum() for layers in (plan, contiguous_set(seen, size))]
            won.append(bool(hits[0] >= hits[1]))
    planned = len(won) / plans.restarts
    return (sum(won) / len(won) if planned > 0.5 else math.nan), planned


def neighbours(layers: Sequence[int]) -> int:
    """Return how many pairs of neighbouring layers a set (ascending) has."""
    return sum(two - one == 1 for one, two in pairwise(layers))


def random_plans(count: int, seed: int) -> dict[str, float]:
    """Plan on random likeness vectors of all depths, sizes and thresholds; return what should never happen.

    rule/neighbours: pairs of neighbours in all plans. rule/missed: plans with room for a further candidate.
    """
    generator = torch_generator(seed, "random-plans")
    pairs = missed = 0
    for _ in range(count):
        depth = int(torch.randint(1, LARGEST + 1, (), generator=generator))
        values = torch.rand(depth, generator=generator, dtype=torch.float64)
        # Many equal values too: ties must not make neighbours.
        values = values if torch.rand((), generator=generator) < 0.5 else (values * 4).round() / 4
        size = int(torch.randint(1, depth + 1, (), generator=generator))
        plan = plan_skips(values, size, float(torch.rand((), generator=generator)))
        pairs += neighbours(plan.layers)
        free = [one for one in plan.candidates if all(abs(one - layer) > 1 for layer in plan.layers)]
        missed += len(plan.layers) < size and len(free) > 0
    return {"rule/neighbours": float(pairs), "rule/missed": float(missed)}
