"""Whether a model that may ask for more steps asks where it pays (arXiv 2510.13879; section 5 of our specification).

p_i is the probability of the true token among real symbols at slot i, d_1 the probability of "don't know" at the first.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Usefulness(NamedTuple):
    """Mean gain p_2 - p_1 of tokens that asked for a second slot and of those that did not; NaN for none of a kind."""

    asked: float
    answered: float

    @property
    def difference(self) -> float:
        """How much more a second slot gives where it is asked for."""
        return self.asked - self.answered


def usefulness(target_probs: Tensor, asked: Tensor) -> Usefulness:
    """Return what a second slot gives. target_probs: (N, W) p_i, W >= 2; asked: (N,) bool, whether it was asked for."""
    gain = (target_probs[:, 1] - target_probs[:, 0]).double()
    return Usefulness(float(gain[asked].mean()), float(gain[~asked].mean()))


def waiting_pays(target_probs: Tensor, discount: float) -> Tensor:
    """Return (N,) bool, whether gamma p_2 > p_1, from p_i (N, W), W >= 2."""
    return discount * target_probs[:, 1] > target_probs[:, 0]


def delay_calibration(delay: Tensor, pays: Tensor, bins: int = 10) -> float:
    """Return ECE_DK = sum over bins of (n_b / n) |mean d_1 - share of tokens for which waiting pays|.

    delay: (N,) d_1 in [0, 1], put into equal bins of [0, 1]. pays: (N,) bool. 0 is calibrated; 1 is the worst.
    """
    _check_same(delay, pays)
    place = (delay.double() * bins).long().clamp(0, bins - 1)
    mean = torch.zeros(bins, dtype=torch.float64).index_add(0, place.cpu(), delay.double().cpu())
    share = torch.zeros(bins, dtype=torch.float64).index_add(0, place.cpu(), pays.double().cpu())
    # (n_b / n) |sum d / n_b - sum pays / n_b| is |sum d - sum pays| / n; empty bins add nothing.
    return float((mean - share).abs().sum()) / len(delay)


def auroc(scores: Tensor, positive: Tensor) -> float:
    """Return the area under the ROC curve: P(score of a positive > of a negative), ties counting half.

    scores: (N,) float; positive: (N,) bool. 1/2 is chance. NaN when one of the two kinds is missing.
    """
    _check_same(scores, positive)
    values, place = torch.unique(scores.double(), return_inverse=True)
    good = torch.bincount(place[positive], minlength=len(values)).double()
    bad = torch.bincount(place[~positive], minlength=len(values)).double()
    below = bad.cumsum(0) - bad
    pairs = good.sum() * bad.sum()
    return float((good * (below + bad / 2)).sum() / pairs) if pairs > 0 else float("nan")


def _check_same(one: Tensor, two: Tensor) -> None:
    if one.dim() != 1 or one.shape != two.shape or len(one) == 0:
        raise ValueError(f"expected two (N,) with N > 0, got {tuple(one.shape)} and {tuple(two.shape)}")
