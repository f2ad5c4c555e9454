"""How a model that was trained under some objective is asked for the tokens after a prompt."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from geomem.batch import Batch, answer_length, hide_answers, labelled_columns
from geomem.decoding.generate import generate
from geomem.decoding.sampling import GREEDY, Sampling


class Reader(ABC):
    """A way of asking. Models come in eval mode, without gradients (see `evaluating`)."""

    @abstractmethod
    def logits(self, model: nn.Module, batch: Batch) -> Tensor:
        """Return logits (B, K, V) of the batch's K labelled columns, ascending, as they are at test time.

        Where answers are decoded one after another, the true ones before it are shown.
        """

    @abstractmethod
    def generate(
        self,
        model: nn.Module,
        prompts: Tensor,
        length: int,
        *,
        sampling: Sampling = GREEDY,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Return answers (B, `length`) int64 to prompts (B, T), decoded freely."""

    def greedy(self, model: nn.Module, prompts: Tensor, targets: Tensor, forced: Tensor) -> Tensor:
        """Return the most likely answers (B, K), decoded freely.

        targets (B, K) are the true ones and forced (B, K) the arg-max of `logits`: a reader that decodes one after
        another knows from them how far it agrees. The result does not depend on them.
        """
        return self.generate(model, prompts, targets.shape[1])


@dataclass(frozen=True)
class Autoregressive(Reader):
    """One token after another, from left to right.

    size: tokens that may be answered, the first ones of the vocabulary; None for all.
    """

    size: int | None = None

    def logits(self, model: nn.Module, batch: Batch) -> Tensor:
        """Return teacher-forced logits (B, K, size)."""
        columns = labelled_columns(batch.labels) if batch.columns is None else batch.columns
        inputs = batch.tokens[:, :-1]
        # Asked for by name only where it saves something: not every model on disk knows the word.
        keep = {} if isinstance(columns, int) and columns == inputs.shape[1] else {"logits_to_keep": _before(columns)}
        return model(input_ids=inputs, **keep).logits[..., : self.size]

    def generate(
        self,
        model: nn.Module,
        prompts: Tensor,
        length: int,
        *,
        sampling: Sampling = GREEDY,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Return answers (B, `length`) int64 to prompts (B, T)."""
        return generate(model, prompts, length, sampling=sampling, generator=generator, size=self.size)

    def greedy(self, model: nn.Module, prompts: Tensor, targets: Tensor, forced: Tensor) -> Tensor:
        """Return greedy answers (B, K); rows are decoded only from their first mistake on, where `forced` ends."""
        free = forced.clone()
        wrong = torch.zeros(len(targets), dtype=torch.bool, device=targets.device)
        for column in range(1, targets.shape[1]):
            wrong |= free[:, column - 1] != targets[:, column - 1]
            rows = wrong.nonzero().flatten()
            if len(rows) > 0:
                inputs = torch.cat([prompts[rows], free[rows, :column]], dim=1)
                last = model(input_ids=inputs, logits_to_keep=1).logits[:, -1, : self.size]
                free[rows, column] = last.argmax(-1)
        return free


def _before(columns: int | Tensor) -> int | Tensor:
    """Return the positions from which labels in `columns` are predicted, as `logits_to_keep` takes them."""
    return columns if isinstance(columns, int) else columns - 1


@dataclass(frozen=True)
class OneShot(Reader):
    """All answers in one pass, none of them shown: their inputs are the filler (arXiv 2403.06963, section 5)."""

    filler: int
    size: int | None = None

    def logits(self, model: nn.Module, batch: Batch) -> Tensor:
        """Return logits (B, K, size) when every labelled input is hidden."""
        return Autoregressive(self.size).logits(model, replace(batch, tokens=hide_answers(batch, self.filler)))

    def generate(
        self,
        model: nn.Module,
        prompts: Tensor,
        length: int,
        *,
        sampling: Sampling = GREEDY,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Return answers (B, `length`): one pass, every position chosen by itself."""
        hidden = torch.full((len(prompts), length - 1), self.filler, device=prompts.device)
        inputs = torch.cat([prompts, hidden], dim=1)
        logits = model(input_ids=inputs, logits_to_keep=length).logits[..., : self.size]
        return sampling.choose(logits, generator)

    def greedy(self, model: nn.Module, prompts: Tensor, targets: Tensor, forced: Tensor) -> Tensor:
        """Return `forced`: it showed no true answer."""
        return forced


@dataclass(frozen=True)
class Reversed(Reader):
    """The answer's last token first, by another reader; results are in the task's own order."""

    inner: Reader

    def logits(self, model: nn.Module, batch: Batch) -> Tensor:
        """Return logits (B, K, V) of each label given those after it."""
        return self.inner.logits(model, reverse_answers(batch)).flip(1)

    def generate(
        self,
        model: nn.Module,
        prompts: Tensor,
        length: int,
        *,
        sampling: Sampling = GREEDY,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Return answers (B, `length`), decoded from the last to the first."""
        return self.inner.generate(model, prompts, length, sampling=sampling, generator=generator).flip(1)

    def greedy(self, model: nn.Module, prompts: Tensor, targets: Tensor, forced: Tensor) -> Tensor:
        """Return greedy answers (B, K), decoded from the last to the first."""
        return self.inner.greedy(model, prompts, targets.flip(1), forced.flip(1)).flip(1)


def reverse_answers(batch: Batch) -> Batch:
    """Return the batch with the order of each row's answer turned round, tokens, labels and weights alike.

    Raises InputError when the answer is not the end of every example.
    """
    count = answer_length(batch, "objective reversed")

    def turned(rows: Tensor) -> Tensor:
        return torch.cat([rows[:, :-count], rows[:, -count:].flip(1)], dim=1)

    weights = None if batch.weights is None else turned(batch.weights)
    return replace(batch, tokens=turned(batch.tokens), labels=turned(batch.labels), weights=weights, columns=count)
