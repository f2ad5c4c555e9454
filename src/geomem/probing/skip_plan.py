"""The static skip plan, run: blocks whose input and output are most alike are left out, and the model is scored.

Source: arXiv 2603.07475. The plan, its contiguous control and random sets without neighbours come from
`geometry.skipping`; here the model runs with each of them, the same set for every prompt and every position.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.skipping import THRESHOLD, SkipPlan, contiguous_set, plan_skips, random_sets, retention
from geomem.geometry.windows import bootstrap_means
from geomem.interventions.skip import skip_blocks
from geomem.probing.rerun import (
    BATCH_TOKENS,
    Steps,
    add_estimate,
    mean_over_windows,
    no_progress,
    require_blocks,
    score_windows,
)
from geomem.probing.rows import Rows

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter
    from geomem.probing.rerun import Progress

BUDGETS = (2, 4, 6, 8)
RANDOM_SETS = 8


def check_plans(
    adapter: Adapter,
    tokens: Tensor,
    similarity: Tensor,
    *,
    budgets: Sequence[int] = BUDGETS,
    threshold: float = THRESHOLD,
    labels: Tensor | None = None,
    sets: int = RANDOM_SETS,
    seed: int = 0,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress = no_progress,
) -> Rows:
    """Plan by similarity S_l (L,) for each budget k, run windows (W, T) without the planned blocks, and score them.

    labels: needed for masked models. sets: random sets without neighbours, as a control for choosing by similarity,
    among all blocks but the first, without which no model works. A budget for which there are not enough candidates
    gives the plan of as many as there are, once. Rows without a layer are `plan/skipK_NAME`, K the blocks left out,
    where NAME may begin with "contiguous_" or "random_" (mean over the sets):

        loss_increase   nats a token above the full model's, paired by window      loss_ratio   the two losses' ratio
        retention       share of the next-token accuracy that is kept (NaN if the full model's is 0)
        flops_saved     K / L
        share           share of resamples of the windows in which the contiguous set's loss is at least the plan's
        random_share    share of the random sets whose loss is at least the plan's

    and `plan/skipK_chosen` at every block, 1 or 0; `plan/loss` and `plan/accuracy` are the full model's. The gap
    between plan and controls shows whether the choice matters. Raises InputError for a model without blocks or output
    layer, a similarity not of its depth, and masked models without labels.
    """
    require_blocks(adapter, "plan")
    depth = len(adapter.blocks)
    if len(similarity) != depth:
        raise InputError(f"plan: the model has {depth} blocks, the similarity {len(similarity)} numbers")
    rows = Rows("")
    plans = _plans(similarity, budgets, threshold, rows)
    controls = {plan: _controls(similarity, len(plan.layers), sets, seed) for plan in plans}
    steps = Steps(1 + sum(2 + len(some) for _, some in controls.values()), progress)

    def scores(skipped: Sequence[int]) -> Tensor:
        with skip_blocks(adapter.blocks, skipped):
            found = score_windows(adapter, tokens, labels, batch_tokens=batch_tokens)
        steps.step()
        return found

    full = scores(())
    add_estimate(rows, "plan/loss", mean_over_windows(full[:, 0], full[:, 2]))
    add_estimate(rows, "plan/accuracy", mean_over_windows(full[:, 1], full[:, 2]))
    for plan, (contiguous, some) in controls.items():
        name = f"plan/skip{len(plan.layers)}_"
        planned, neighbours = scores(plan.layers), scores(contiguous)
        _add_scores(rows, name, planned, full)
        _add_scores(rows, f"{name}contiguous_", neighbours, full)
        rows.add(f"{name}flops_saved", plan.flops_saved)
        rows.add(f"{name}share", _share(planned[:, 0], neighbours[:, 0], seed))
        if some:
            random = torch.stack([scores(skipped) for skipped in some])
            _add_scores(rows, f"{name}random_", random.mean(0), full)
            losses = random[:, :, 0].sum(1)
            rows.add(f"{name}random_share", float((losses >= planned[:, 0].sum()).double().mean()))
        for block in range(depth):
            rows.add(f"{name}chosen", float(block in plan.layers), layer=block)
    return rows


def _plans(similarity: Tensor, budgets: Sequence[int], threshold: float, rows: Rows) -> list[SkipPlan]:
    """Return plans of different sizes, and say in a line what they leave out."""
    plans: list[SkipPlan] = []
    for budget in sorted(set(budgets)):
        if budget > len(similarity):
            continue
        plan = plan_skips(similarity, budget, threshold)
        if plan.layers and plan not in plans:
            plans.append(plan)
            rows.lines.append(
                f"plan: without {'block' if len(plan.layers) == 1 else 'blocks'} {', '.join(map(str, plan.layers))}"
                f" of {plan.depth}"
            )
    if not plans:
        rows.lines.append(f"plan: no block passes its input on with a cosine above {threshold:g}, so none is left out")
    return plans


def _controls(similarity: Tensor, count: int, sets: int, seed: int) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    contiguous = contiguous_set(similarity, count)
    later = range(1, len(similarity))
    # Of 1..L-1 at most half, rounded up, are without neighbours.
    some = random_sets(later, count, sets, seed) if count <= (len(later) + 1) // 2 else []
    return contiguous, some


def _add_scores(rows: Rows, name: str, found: Tensor, full: Tensor) -> None:
    counts = full[:, 2]
    add_estimate(rows, f"{name}loss_increase", mean_over_windows(found[:, 0] - full[:, 0], counts))
    add_estimate(rows, f"{name}loss_ratio", retention(found[:, 0], full[:, 0]))
    if float(full[:, 1].sum()) > 0:
        add_estimate(rows, f"{name}retention", retention(found[:, 1], full[:, 1]))
    else:
        rows.add(f"{name}retention", float("nan"))


def _share(planned: Tensor, other: Tensor, seed: int) -> float:
    drawn = bootstrap_means(torch.stack([planned, other], dim=1), seed=seed, name="plan")
    return float((drawn[:, 1] >= drawn[:, 0]).double().mean())
