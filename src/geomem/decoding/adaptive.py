"""Answers with as many pauses as the model asks for (arXiv 2510.13879); only those it used stay in the context."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from geomem.batch import Batch
from geomem.decoding.growing import grow, ragged_logits
from geomem.decoding.reader import Reader
from geomem.decoding.sampling import GREEDY, Sampling
from geomem.decoding.slots import Slots, interleave, predicting


@dataclass(frozen=True)
class Adaptive(Reader):
    """One token after another, each at the slot where the model stops asking for another.

    slots: the pauses and the output "don't know"; without one the last slot answers. threshold: the answer comes when
    d, the probability of don't-know, is below it; None: when don't-know is not the most likely of all outputs. The last
    slot always answers. Whether to wait is never drawn, whatever the sampling: that chooses among real symbols.
    """

    slots: Slots
    threshold: float | None = None

    def logits(self, model: nn.Module, batch: Batch) -> Tensor:
        """Return logits (B, K, size) of real symbols at the stopping slots, true earlier answers being shown."""
        return self.stopped(model, batch)[0]

    def stopped(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return logits (B, K, size) at the stopping slots, and how many slots were used, (B, K) int64 in 1..W.

        The context holds the pauses that were used and no others, as when it is decoded token by token: all choices are
        made at once again and again until none changes, each pass settling at least the first that was not.
        """
        at, count = predicting(batch), self.slots.count
        tokens = batch.tokens[:, :-1]
        used = torch.zeros(len(tokens), len(at), dtype=torch.int64, device=tokens.device)
        if self.slots.wait is None:
            used += count - 1
        real, chosen = self._choices(model, tokens, at, used)
        # As many passes as choices are enough; more could only come of two outputs that rounding makes equal.
        for _ in range(len(at) * count):
            if torch.equal(chosen, used):
                break
            used = chosen
            real, chosen = self._choices(model, tokens, at, used)
        return real, used + 1

    def _choices(self, model: nn.Module, tokens: Tensor, at: Tensor, used: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (B, K, size) after `used` (B, K) pauses, and how many pauses are asked for in that context.

        Beyond one more than there are it cannot be said; that one is then the answer.
        """
        count = self.slots.count
        place = torch.arange(count, device=tokens.device)
        shown, positions, starts = spread(tokens, at, used, self.slots)
        places = starts[..., None] + torch.minimum(place, used[..., None])
        logits = ragged_logits(model, shown, positions, places.flatten(1)).unflatten(1, (len(at), count))
        real, delay = self.slots.read(logits)
        stop = (self.stops(real, delay) | (place == count - 1)) & (place <= used[..., None])
        chosen = torch.where(stop.any(-1), stop.long().argmax(-1), used + 1)
        return real.gather(2, used[..., None, None].expand(-1, -1, 1, real.shape[-1]))[:, :, 0], chosen

    def stops(self, real: Tensor, delay: Tensor) -> Tensor:
        """Return (...) bool, whether the answer is given, from logits (..., size) and log-odds (...) of don't-know."""
        if self.threshold is not None:
            return delay.sigmoid() < self.threshold
        return delay <= real.amax(-1) - torch.logsumexp(real, dim=-1)

    def generate(
        self,
        model: nn.Module,
        prompts: Tensor,
        length: int,
        *,
        sampling: Sampling = GREEDY,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Return answers (B, `length`) to prompts (B, T); rows that answer at once do not wait for the others."""
        end = prompts.shape[1] - 1
        nowhere = torch.empty(0, dtype=torch.int64, device=prompts.device)
        start = interleave(prompts[:, :end], nowhere, self.slots)
        places = torch.cat([start.positions, torch.tensor([end], device=prompts.device)])
        growing, logits = grow(model, torch.cat([start.tokens, prompts[:, end:]], dim=1), places)
        answers: list[Tensor] = []
        for step in range(length):
            real, delay = self.slots.read(logits)
            waiting = ~self.stops(real, delay)
            for index in range(self.slots.count - 1):
                if not bool(waiting.any()):
                    break
                pause = torch.full_like(prompts[:, 0], self.slots.first + index)
                later, delay = self.slots.read(growing.append(pause, waiting, end + step))
                real = torch.where(waiting[:, None], later, real)
                waiting = waiting & ~self.stops(later, delay)
            answers.append(sampling.choose(real, generator))
            if step < length - 1:
                logits = growing.append(answers[-1], torch.ones_like(waiting), end + step + 1)
        return torch.stack(answers, dim=1) if answers else prompts[:, :0]


def spread(tokens: Tensor, at: Tensor, used: Tensor, slots: Slots) -> tuple[Tensor, Tensor, Tensor]:
    """Put `used` (B, K) pauses behind the tokens (B, T) at the places `at` (K,), other numbers of them in each row.

    Returns tokens (B, L) filled up on the right, their position ids (B, L), and where the K tokens came to stand.
    """
    length, device = tokens.shape[1], tokens.device
    counts = torch.full(tokens.shape, slots.count if slots.everywhere else 1, device=device)
    counts[:, at] = used + 1
    ends = counts.cumsum(1)
    entries = torch.arange(int(ends[:, -1].max()), device=device).repeat(len(tokens), 1)
    positions = torch.searchsorted(ends, entries, right=True).clamp(max=length - 1)
    step = entries - (ends - counts).gather(1, positions)
    pauses = slots.first + (step - 1).clamp(max=max(slots.count - 2, 0))
    return torch.where(step > 0, pauses, tokens.gather(1, positions)), positions, (ends - counts)[:, at]
