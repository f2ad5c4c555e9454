"""The three Catch-Your-Breath losses: when to answer, and when to ask for one more step (arXiv 2510.13879).

A token is predicted at slots 1..W. At each the model gives its odds of "don't know", d_i / (1 - d_i), and the
probability p_i of the true token among real symbols, p_i = t_i / (1 - d_i), t_i being the softmax mass on it. All of
this takes z_i = log(d_i / (1 - d_i)) and log p_i, and works in log space.

What rests on the paper's abstract and a published reading of it: CYB-AP is the negative log of the expectation, over
the stopping slot, of discount times probability of the target; CYB-VA prescribes a distribution over stopping slots;
CYB-DP penalises time beyond a budget. **Reconstructed [R]**, and not compared with the paper's equations: the split of
t into (1 - d) p, how the external clock enters, the exact forms of CYB-VA and CYB-DP, and the rule that moves lambda.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

SlotLoss = Callable[[Tensor, Tensor], Tensor]
"""(log-odds of don't-know (..., W), log-probabilities of the true token (..., W)) -> losses (...) in nats."""


def stopping_log_probs(delay: Tensor, clock: float = 0.0) -> Tensor:
    """Return log q (..., W), the distribution of the slot at which the answer is given.

    delay: (..., W) log-odds z of don't-know. clock: omega in [0, 1), the chance that the world insists on an answer at
    a slot that is reached [R]. c_i = d_i (1 - omega) is the chance to go on, q_i = (1 - c_i) prod_{j<i} c_j. The last
    slot must answer: its c is 0, whatever its z. Raises ValueError for a clock outside [0, 1).
    """
    if not 0 <= clock < 1:
        raise ValueError(f"clock: must be in [0, 1), got {clock}")
    waits = delay[..., :-1]
    go_on = F.logsigmoid(waits) + math.log1p(-clock)
    answer = F.logsigmoid(-waits)
    if clock > 0:
        answer = torch.logaddexp(answer, F.logsigmoid(waits) + math.log(clock))
    certain = torch.zeros_like(delay[..., :1])
    reached = torch.cat([certain, go_on.cumsum(-1)], dim=-1)
    return reached + torch.cat([answer, certain], dim=-1)


def expected_slot(log_stopping: Tensor) -> Tensor:
    """Return E_q[i] (...), slots counted from 1, of log q (..., W)."""
    return (log_stopping.exp() * _slots(log_stopping)).sum(-1)


def anytime_loss(delay: Tensor, log_target: Tensor, discount: float, clock: float = 0.0) -> Tensor:
    """Return CYB-AP (...): -log sum_i q_i gamma^(i-1) p_i.

    delay: (..., W) log-odds of don't-know; log_target: (..., W) log p_i; discount: gamma in (0, 1]. It is the log of a
    mixture: exchanged with the mean of logs it would be another method (arXiv 2107.05407).
    """
    _check_discount(discount)
    value = log_target + (_slots(delay) - 1) * math.log(discount)
    return -torch.logsumexp(stopping_log_probs(delay, clock) + value, dim=-1)


def variational_loss(
    delay: Tensor, log_target: Tensor, log_prior: Tensor, strength: float, clock: float = 0.0
) -> Tensor:
    """Return CYB-VA (...): sum_i q_i (-log p_i) + beta KL(q || pi) [R].

    log_prior: (W,) log pi, the prescribed distribution of stopping slots. strength: beta. For free q the least value is
    reached at q_i proportional to pi_i p_i^(1/beta); at beta = 1 it is -log sum_i pi_i p_i.
    """
    log_stopping = stopping_log_probs(delay, clock)
    apart = log_stopping - log_prior.to(log_stopping)
    return (log_stopping.exp() * (strength * apart - log_target)).sum(-1)


def priced_loss(delay: Tensor, log_target: Tensor, price: float | Tensor, clock: float = 0.0) -> Tensor:
    """Return CYB-DP (...): sum_i q_i (-log p_i) + lambda (E_q[i] - 1) [R].

    price: lambda, nats that one more slot costs.
    """
    log_stopping = stopping_log_probs(delay, clock)
    surprise = -(log_stopping.exp() * log_target).sum(-1)
    return surprise + price * (expected_slot(log_stopping) - 1)


def adjusted_price(price: Tensor, mean_slots: Tensor, budget: float, rate: float) -> Tensor:
    """Return lambda <- max(0, lambda + eta (mean E_q[i] - B)): dearer when more than the budget is used [R]."""
    return (price + rate * (mean_slots - budget)).clamp(min=0)


def geometric_prior(slots: int, mean: float, *, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return (W,) log pi of the geometric distribution with this mean, cut off after slot W and scaled to sum to 1.

    The mean is that before the cut. Raises ValueError for a mean below 1; a mean of 1 has all its mass on slot 1, so
    anything else there would cost infinitely much, and is refused too.
    """
    if mean <= 1:
        raise ValueError(f"mean: must be above 1, got {mean}")
    log_going_on = math.log1p(-1 / mean)
    return (torch.arange(slots, dtype=dtype) * log_going_on).log_softmax(-1)


def _slots(like: Tensor) -> Tensor:
    return torch.arange(1, like.shape[-1] + 1, dtype=like.dtype, device=like.device)


def _check_discount(discount: float) -> None:
    if not 0 < discount <= 1:
        raise ValueError(f"discount: must be in (0, 1], got {discount}")
