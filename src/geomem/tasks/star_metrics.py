"""Where answers about a path-star go right and wrong: the cheat, the decision, and the arm that was followed.

Source: arXiv 2403.06963, sections 3 and 4. Nodes of a path are counted from 1, the root: node 2 is the decision, the
only one that must be planned. Nodes 3 to l - 1 follow from the node shown before them (the "Clever Hans cheat"); the
last one is the goal, which the prompt names.
"""

from __future__ import annotations

import torch
from torch import Tensor


def star_metrics(free: Tensor, forced: Tensor, arms: Tensor) -> dict[str, float]:
    """Summarise answers to stars, all from the root on.

    free, forced: (M, l) int64, decoded freely and given the true nodes before. arms: (M, d, l) int64, the true one
    first. decision: node 2 right given the root. arm: the free answer is one of the d arms, right or wrong.
    arm_but_last: the same without the last node, which can be copied from the prompt whatever arm was followed. For
    l > 3 also cheat: mean accuracy of nodes 3 to l - 1 given the true ones before; gap: how much of it free decoding
    loses.
    """
    true = arms[:, 0]
    found = {
        "decision": _mean(forced[:, 1] == true[:, 1]),
        "arm": _mean((free[:, None] == arms).all(2).any(1)),
        "arm_but_last": _mean((free[:, None, :-1] == arms[:, :, :-1]).all(2).any(1)),
    }
    inner = slice(2, true.shape[1] - 1)
    if true.shape[1] > 3:
        found["cheat"] = _mean(forced[:, inner] == true[:, inner])
        found["gap"] = found["cheat"] - _mean(free[:, inner] == true[:, inner])
    return found


def star_chance(arms: int, length: int) -> dict[str, float]:
    """Return what a guesser gets in `star_metrics` who takes an arm at random: it always names an arm.

    Shown the node before it would do no better, for it does not look: that is what the cheat adds.
    """
    hop = 1.0 if length == 2 else 1 / arms
    found = {"decision": hop, "arm": 1.0, "arm_but_last": 1.0}
    return {**found, "cheat": 1 / arms, "gap": 0.0} if length > 3 else found


def arm_confusion(free: Tensor, arms: Tensor, places: Tensor) -> Tensor:
    """Return (d, d + 1) int64 counts of which arm was followed, by its first node.

    free: (M, l) answers from the root on. arms: (M, d, l), the true arm first. places: (M, d), where each arm's first
    edge stands in the prompt. Arms are numbered by that order, the only one a model could go by: row r counts the
    prompts whose true arm was listed r-th, column c the answers that followed the c-th, column d those that left the
    root by no edge.
    """
    count = arms.shape[1]
    rank = places.argsort(1).argsort(1)
    at_root = free[:, 0] == arms[:, 0, 0]
    taken = (free[:, 1:2] == arms[:, :, 1]) & at_root[:, None]
    followed = torch.where(taken.any(1), rank.gather(1, taken.int().argmax(1, keepdim=True))[:, 0], count)
    table = torch.bincount(rank[:, 0] * (count + 1) + followed, minlength=count * (count + 1))
    return table.view(count, count + 1)


def _mean(hits: Tensor) -> float:
    return float(hits.double().mean())
