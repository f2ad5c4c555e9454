"""Catch Your Breath: the model answers, or asks for another step, and time has a price (arXiv 2510.13879).

Every token from which a label is predicted is followed by W - 1 pauses, each with an embedding of its own, and all W
slots have the same target; one pass gives them all. What the losses are, and which parts are reconstructed, is said in
`catch_your_breath_losses`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from geomem.batch import IGNORE, AnyBatch, Batch, ContextBatch
from geomem.decoding.adaptive import Adaptive
from geomem.decoding.slots import Slots, predicting, slot_logits
from geomem.objectives.catch_your_breath_losses import (
    SlotLoss,
    adjusted_price,
    anytime_loss,
    expected_slot,
    geometric_prior,
    priced_loss,
    stopping_log_probs,
    variational_loss,
)

if TYPE_CHECKING:
    from geomem.objectives.specs import CatchYourBreathSpec


@dataclass
class Price:
    """Lambda of CYB-DP, moved after every batch towards a budget of mean slots (`adjusted_price`).

    value: nats a further slot costs now. budget: mean slots B. rate: eta. clock: omega.
    """

    value: Tensor
    budget: float
    rate: float
    clock: float = 0.0

    def loss(self, delay: Tensor, log_target: Tensor) -> Tensor:
        """Return CYB-DP (...) at the price as it is."""
        return priced_loss(delay, log_target, self.value.to(delay), self.clock)

    def move(self, slots: Tensor) -> None:
        """Change the price after a batch in which `slots` () were used on average."""
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(slots, torch.distributed.ReduceOp.AVG)
        self.value = adjusted_price(self.value.to(slots), slots, self.budget, self.rate)


@dataclass
class CatchYourBreath:
    """Mean loss in nats over labelled tokens (an `Objective`), weights respected.

    slots: the tokens it brings. loss: one of the three, or a baseline. price: what moves lambda, or None.
    warm_up: batches at the beginning that are taught all slots' cross-entropy instead, and to stop as the geometric
    distribution of mean `prior_mean` does, whatever the token [R]. While pauses are untrained waiting never pays; a
    model that learns that stops waiting, its later slots learn nothing more, and waiting never pays.
    drop: chance that a labelled column gets fewer slots, 1 to W - 1 equally likely and the same in all rows, for at
    test time only pauses that were used are in the context; the last slot that there is must answer. Drawn from torch's
    global generator.
    threshold: when to answer at test time (see `Adaptive`).

    Contexts with soft labels are read as one example for each context and next token.
    """

    slots: Slots
    loss: SlotLoss
    price: Price | None = None
    warm_up: int = 0
    drop: float = 0.0
    threshold: float | None = None
    prior_mean: float = 1.4
    batches: int = field(default=0, init=False)

    @property
    def extra_tokens(self) -> int:
        """W - 1 pauses and don't-know; nothing for one slot, which is plain next-token prediction."""
        return self.slots.count if self.slots.count > 1 else 0

    def __call__(self, model: nn.Module, batch: AnyBatch) -> Tensor:
        """Return the scalar loss."""
        losses, mass, slots_used = self._of_contexts(model, batch) if isinstance(batch, ContextBatch) else (
            self._of_labels(model, batch)
        )  # fmt: skip
        total = mass.sum()
        if torch.is_grad_enabled():
            if self.price is not None and self.batches >= self.warm_up:
                self.price.move((slots_used.detach() * mass).sum() / total)
            self.batches += 1
        return (losses * mass).sum() / total

    def reader(self) -> Adaptive:
        """Return answers with as many pauses as the model asks for."""
        return Adaptive(self.slots, self.threshold)

    def state_dict(self) -> dict[str, Tensor]:
        """Return what changes from batch to batch, for a run that is to go on later."""
        price = {} if self.price is None else {"price": self.price.value.cpu()}
        return {"batches": torch.tensor(self.batches), **price}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from a state."""
        self.batches = int(state["batches"])
        if self.price is not None:
            self.price.value = state["price"]

    def _of_labels(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Return losses, their weights and slots used, each (B, K)."""
        at = predicting(batch)
        pauses = self._pauses(len(at))
        real, delay = self.slots.read(slot_logits(model, batch.tokens[:, :-1], at, self.slots, pauses))
        labels = batch.labels[:, at + 1]
        known = (labels != IGNORE).to(real.dtype)
        targets = labels.clamp(min=0)[:, :, None, None].expand(-1, -1, self.slots.count, 1)
        log_target = real.log_softmax(-1).gather(-1, targets)[..., 0]
        losses, used = self._losses(delay, log_target, pauses)
        mass = known if batch.weights is None else known * batch.weights[:, at + 1].to(real.dtype)
        return losses, mass, used

    def _of_contexts(self, model: nn.Module, batch: ContextBatch) -> tuple[Tensor, Tensor, Tensor]:
        """Return losses, their weights and slots used, each (nnz,)."""
        at = torch.tensor([batch.tokens.shape[1] - 1], device=batch.tokens.device)
        real, delay = self.slots.read(slot_logits(model, batch.tokens, at, self.slots)[:, 0])
        log_target = real.log_softmax(-1)[batch.rows, :, batch.targets]
        losses, used = self._losses(delay[batch.rows], log_target, None)
        return losses, (batch.probs * batch.weights[batch.rows]).to(real.dtype), used

    def _pauses(self, columns: int) -> Tensor | None:
        """Draw how many pauses each labelled column gets; None for all of them."""
        if self.drop == 0 or self.slots.count == 1:
            return None
        fewer = torch.randint(self.slots.count - 1, (columns,))
        return torch.where(torch.rand(columns) < self.drop, fewer, self.slots.count - 1)

    def _losses(self, delay: Tensor, log_target: Tensor, pauses: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return losses (...) and expected slots (...) of log-odds and log-probabilities (..., W).

        pauses: (K,) for those of shape (B, K, W), how many slots after the first there really are.
        """
        rule = self._warming if torch.is_grad_enabled() and self.batches < self.warm_up else self.loss
        if pauses is None:
            return rule(delay, log_target), self._used(delay)
        losses, used = torch.zeros_like(delay[..., 0]), torch.zeros_like(delay[..., 0])
        for count in pauses.unique().tolist():
            columns = (pauses == count).nonzero().flatten().to(delay.device)
            waits, targets = delay[:, columns, : count + 1], log_target[:, columns, : count + 1]
            losses = losses.index_copy(1, columns, rule(waits, targets))
            used = used.index_copy(1, columns, self._used(waits))
        return losses, used

    def _warming(self, delay: Tensor, log_target: Tensor) -> Tensor:
        loss = all_slots(delay, log_target)
        if self.slots.wait is None:
            return loss
        # Where no symbol is better than another, CYB-VA is the divergence from its prior alone.
        return loss + _variational(delay, torch.zeros_like(log_target), mean=self.prior_mean, strength=1.0, clock=0.0)

    def _used(self, delay: Tensor) -> Tensor:
        clock = 0.0 if self.price is None else self.price.clock
        return expected_slot(stopping_log_probs(delay.detach(), clock))


def last_slot(delay: Tensor, log_target: Tensor) -> Tensor:
    """Return cross-entropy at the last slot (...), the baseline in which pauses are fixed (a `SlotLoss`)."""
    return -log_target[..., -1]


def all_slots(delay: Tensor, log_target: Tensor) -> Tensor:
    """Return the mean cross-entropy over slots (...), the baseline in which every slot counts alike (a `SlotLoss`)."""
    return -log_target.mean(-1)


def build_loss(spec: CatchYourBreathSpec) -> tuple[SlotLoss, Price | None]:
    """Return the loss that the settings name, and what moves its price where there is a budget."""
    clock = spec.clock
    if spec.loss == "ap":
        return partial(anytime_loss, discount=spec.gamma, clock=clock), None
    if spec.loss == "va":
        return partial(_variational, mean=spec.prior_mean, strength=spec.beta, clock=clock), None
    if spec.loss == "dp" and spec.budget is not None:
        price = Price(torch.tensor(spec.penalty), spec.budget, spec.rate, clock)
        return price.loss, price
    if spec.loss == "dp":
        return partial(priced_loss, price=spec.penalty, clock=clock), None
    return (last_slot if spec.loss == "last" else all_slots), None


def _variational(delay: Tensor, log_target: Tensor, *, mean: float, strength: float, clock: float) -> Tensor:
    """CYB-VA with the prior cut off at the slots there are."""
    prior = geometric_prior(delay.shape[-1], mean, dtype=delay.dtype).to(delay.device)
    return variational_loss(delay, log_target, prior, strength, clock)
