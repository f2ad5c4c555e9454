"""Numbers that say how well paths are found, and what a guesser gets in each (arXiv 2510.26745)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from geomem.tasks.scoring import Predictions


def path_metrics(predictions: Predictions, targets: Tensor, decision: int, graph: EdgeSet | None) -> dict[str, float]:
    """Summarise predictions of targets (M, K).

    exact: all tokens right, greedy. first_hop: the decision token right, greedy. rank: median over rows of the number
    of tokens ranked above the right one at the decision (0 = it is first). loss: mean nats per target token.
    For K > 1 also position_k and forced_k, accuracy of target token k (from 0) free-running and teacher-forced, and,
    given the graph, child: share of predicted tokens that are a neighbour of the token predicted before.
    With restricted predictions: first_hop_restricted, right among the candidates alone.
    """
    right, forced = predictions.free == targets, predictions.forced == targets
    found = {
        "exact": _mean(right.all(1)),
        "first_hop": _mean(right[:, decision]),
        "rank": float(predictions.ranks.double().quantile(0.5)),
        "loss": float(predictions.losses.double().mean()),
    }
    if predictions.restricted is not None:
        found["first_hop_restricted"] = _mean(predictions.restricted == targets[:, decision])
    if targets.shape[1] > 1:
        found |= {f"position_{k}": _mean(right[:, k]) for k in range(targets.shape[1])}
        found |= {f"forced_{k}": _mean(forced[:, k]) for k in range(targets.shape[1])}
        if graph is not None:
            found["child"] = _mean(graph.contains(predictions.free[:, :-1], predictions.free[:, 1:]))
    return found


def path_chance(
    answers: Sequence[int], wholes: int, decision: int, *, candidates: int | None = None, child: float | None = None
) -> dict[str, float]:
    """Return what a guesser gets who knows which answers occur and picks one with equal probability.

    answers: how many different tokens occur at each target position. wholes: how many different targets occur.
    candidates: how many answers a restricted guess chooses from. child: probability that two random nodes are joined.
    """
    choices = answers[decision]
    chance = {
        "exact": 1 / wholes,
        "first_hop": 1 / choices,
        "rank": (choices - 1) / 2,
        "loss": sum(math.log(count) for count in answers) / len(answers),
    }
    if candidates is not None:
        chance["first_hop_restricted"] = 1 / candidates
    if len(answers) > 1:
        for k, count in enumerate(answers):
            chance[f"position_{k}"] = chance[f"forced_{k}"] = 1 / count
        if child is not None:
            chance["child"] = child
    return chance


class EdgeSet:
    """The undirected edges (E, 2) of a graph of `num_nodes` nodes, for asking whether pairs are joined."""

    def __init__(self, edges: Tensor, num_nodes: int) -> None:
        self._num_nodes = num_nodes
        both = torch.cat([edges, edges.flip(1)])
        self._keys = torch.unique(both[:, 0] * num_nodes + both[:, 1])

    @property
    def density(self) -> float:
        """Probability that two nodes drawn independently are joined."""
        return len(self._keys) / self._num_nodes**2

    def contains(self, sources: Tensor, targets: Tensor) -> Tensor:
        """Return, for token ids of one shape, whether they are nodes joined by an edge (bool)."""
        nodes = (sources < self._num_nodes) & (targets < self._num_nodes)
        return nodes & torch.isin(sources * self._num_nodes + targets, self._keys)


def _mean(hits: Tensor) -> float:
    return float(hits.double().mean())
