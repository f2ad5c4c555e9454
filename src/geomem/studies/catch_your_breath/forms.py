"""The closed forms of the three losses: slot probabilities are constants, and only the wish to wait is free."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from geomem.objectives import catch_your_breath_losses as losses
from geomem.runs.directory import Run
from geomem.seeding import torch_generator
from geomem.training.progress import Listener
from geomem.training.work import Extra, Work

DESCENT = 600
"""Steps of Adam on the free log-odds, at a rate of 0.2."""

APART = 0.1
"""Least distance, in nats, of the best slot from the second best: of two equally good ones either is an optimum."""


def run_forms(work: Work, _run: Run, _listener: Listener) -> Extra:
    """Return the largest |q - closed form| of each loss over random slot probabilities, and of one slot's loss."""
    slots, gamma, price, strength = (work.settings[name] for name in ("slots", "gamma", "price", "strength"))
    place = torch.arange(slots, dtype=torch.float64)
    discounted = place * torch.tensor(gamma, dtype=torch.float64).log()
    drawn = torch.rand(400, slots, generator=torch_generator(work.seed, "slots"), dtype=torch.float64)
    log_p = (0.05 + 0.9 * drawn).log()
    clear = [_gap(log_p + discounted) > APART, _gap(log_p - price * place) > APART]
    log_p = log_p[clear[0] & clear[1]][:20]
    prior = losses.geometric_prior(slots, 1.4, dtype=torch.float64)
    rules: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], Tensor]] = {
        "ap": (lambda z, p: losses.anytime_loss(z, p, gamma), _only(log_p + discounted)),
        "va": (lambda z, p: losses.variational_loss(z, p, prior[: p.shape[-1]].log_softmax(-1), strength),
               (prior + log_p / strength).softmax(-1)),
        "dp": (lambda z, p: losses.priced_loss(z, p, price), _only(log_p - price * place)),
    }  # fmt: skip
    numbers: dict[str, float] = {}
    for name, (rule, expected) in rules.items():
        numbers[f"{name}/error"] = float((_best(rule, log_p) - expected).abs().max())
        single = rule(torch.zeros_like(log_p[:, :1]), log_p[:, :1])
        numbers[f"{name}/one_slot"] = float((single + log_p[:, 0]).abs().max())
    return Extra(numbers)


def _gap(values: Tensor) -> Tensor:
    best = values.topk(2, dim=-1).values
    return best[..., 0] - best[..., 1]


def _only(values: Tensor) -> Tensor:
    """Return all mass on the largest of each row."""
    return torch.nn.functional.one_hot(values.argmax(-1), values.shape[-1]).to(values.dtype)


def _best(rule: Callable[[Tensor, Tensor], Tensor], log_p: Tensor) -> Tensor:
    z = torch.zeros_like(log_p).requires_grad_()
    optimizer = torch.optim.Adam([z], lr=0.2)
    for _ in range(DESCENT):
        optimizer.zero_grad()
        rule(z, log_p).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return losses.stopping_log_probs(z.detach()).exp()
