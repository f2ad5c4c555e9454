"""What a model says after each context beside what was counted there: numbers with intervals over contexts.

Tables have a column a context, as in `geometry.next_token`. Rows are the next-token types of the matrix (V of arXiv
2408.15417) and one more for all other tokens of the model's vocabulary, so that nothing is normalised again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from geomem.contexts.matrix import ContextMatrix
from geomem.contexts.statistics import entropies, unigram
from geomem.geometry.next_token import (
    centre,
    centred_support,
    context_gaps,
    directional_part,
    finite_component,
    finite_projection,
)
from geomem.geometry.vectors import CHUNK_ENTRIES
from geomem.geometry.windows import Estimate, bootstrap_interval
from geomem.probing.rerun import log_probabilities, prediction_chunks

SUMS = ("share", "entropy", "gap", "inside", "odds_cross", "odds_own", "odds_goal", "side_cross", "side_own",
        "side_goal")  # fmt: skip
"""Columns of the table of sums, a row a context; all but the last six are weighted by the context's share."""


def model_sums(adapter: Any, stream: Tensor, matrix: ContextMatrix) -> Tensor:
    """Return `SUMS` (m, 10) of a model, from the stream that leaves its last block after each context, (m, d)."""
    types, compact = matrix.types, matrix.compact()
    found: list[Tensor] = []
    for part in prediction_chunks(adapter, len(matrix)):
        log_probs = log_probabilities(adapter, stream[part].to(adapter.device)).cpu()
        known = log_probs[:, types]
        other = log_probs.index_fill(1, types, -math.inf).logsumexp(1, keepdim=True)
        index = torch.arange(len(matrix))[part]
        found.append(context_sums(torch.cat([known, other], dim=1).T, compact.select(index), matrix.shares()[index]))
    return torch.cat(found)


def frequency_sums(matrix: ContextMatrix) -> Tensor:
    """Return `SUMS` (m, 10) of a guesser that knows the frequencies of next tokens and no context."""
    compact = matrix.compact()
    guess = torch.cat([unigram(compact).log(), torch.tensor([-math.inf], dtype=torch.float64)])
    return torch.cat([
        context_sums(guess[:, None].expand(-1, len(index)), compact.select(index), matrix.shares()[index])
        for index in torch.arange(len(matrix)).split(max(1, CHUNK_ENTRIES // len(guess)))
    ])  # fmt: skip


def context_sums(log_probs: Tensor, part: ContextMatrix, shares: Tensor) -> Tensor:
    """Return `SUMS` (c, 10), float64, of c contexts.

    log_probs: (V + 1, c), those of the V types of the compact matrix `part` and, last, of all other tokens together.
    shares: (c,), of each context among all that are read.

    gap: KL of the counted shares from the model's. inside: the model's mass on the support. odds: products of the
    log-odds inside the supports, P_F L and L_in. side: products of L - P_F L with the centred support.
    """
    probs, own = part.dense(), log_probs[:-1].double()
    support = probs > 0
    with_others = torch.cat([probs, probs.new_zeros(1, probs.shape[1])])
    odds, goal = finite_projection(own, support), finite_component(probs)
    side, direction = directional_part(centre(own), support), centred_support(support)
    weighted = [
        torch.ones_like(shares),
        entropies(part),
        context_gaps(log_probs, with_others),
        (own.exp() * support).sum(0),
    ]
    products = [(odds * goal), odds.square(), goal.square(), (side * direction), side.square(), direction.square()]
    return torch.stack([*(shares * one for one in weighted), *(one.sum(0) for one in products)], dim=1)


def estimates(sums: Tensor, seed: int) -> dict[str, Estimate]:
    """Return the numbers of a table of sums (m, 10), each with its 95 % bootstrap interval over contexts.

    entropy, loss, gap: nats a sample. inside: share of the model's mass. log_odds: correlation of the model's and the
    counted log-odds inside the supports. direction: cosine of L - P_F L with the centred support. What cannot be said
    is NaN: log-odds where every context has one next token, the direction where all tokens follow every context.
    """
    return {name: bootstrap_interval(sums, one, seed=seed) for name, one in _STATISTICS.items()}


def _mean(*names: str) -> Callable[[Tensor], float]:
    def statistic(row: Tensor) -> float:
        return float(sum(row[SUMS.index(name)] for name in names) / row[SUMS.index("share")])

    return statistic


def _cosine(kind: str) -> Callable[[Tensor], float]:
    cross, own, goal = (SUMS.index(f"{kind}_{name}") for name in ("cross", "own", "goal"))

    def statistic(row: Tensor) -> float:
        scale = math.sqrt(float(row[own]) * float(row[goal]))
        return float(row[cross]) / scale if scale > 0 else math.nan

    return statistic


_STATISTICS: dict[str, Callable[[Tensor], float]] = {
    "entropy": _mean("entropy"),
    "loss": _mean("entropy", "gap"),
    "gap": _mean("gap"),
    "inside": _mean("inside"),
    "log_odds": _cosine("odds"),
    "direction": _cosine("side"),
}
