"""The matching rule: before two networks are compared, they must be equally able at a task that both can do.

The common task is to find tokens masked in held-out windows, 15 % of each. The masked network sees what is left on both
sides, the causal one the true tokens before: each what it is made to see. Whichever network is the abler at the end of
its training is taken at the earlier checkpoint whose accuracy is nearest the other's: ability is matched, not steps.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.batch import IGNORE
from geomem.models.adapters import adapt
from geomem.models.hub import open_checkpoint
from geomem.probing.rerun import add_estimate, mean_over_windows, score_windows
from geomem.probing.rows import Rows

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter
    from geomem.tasks.cloze import ClozeTask


@dataclass(frozen=True)
class Cloze:
    """Held-out windows (W, T), the masked tokens as labels (-100 elsewhere), and the token that masks them."""

    tokens: Tensor
    labels: Tensor
    mask: int
    batch_tokens: int

    @classmethod
    def of(cls, task: ClozeTask, batch_tokens: int) -> Cloze:
        """Take the windows that a task scores on."""
        batch = task.held_out()
        asked = batch.labels != IGNORE
        return cls(torch.where(asked, batch.labels, batch.tokens), batch.labels, task.mask, batch_tokens)

    def shown_to(self, adapter: Adapter) -> Tensor:
        """Return the windows as a network reads them."""
        return self.tokens if adapter.causal else self.tokens.masked_fill(self.labels != IGNORE, self.mask)


@dataclass(frozen=True)
class Checkpoint:
    """A network at a step. scores: (W, 3) on the cloze: losses, hits and numbers of predictions."""

    step: int
    folder: Path
    scores: Tensor

    @property
    def accuracy(self) -> float:
        """Share of the masked tokens that it finds."""
        return float(self.scores[:, 1].sum() / self.scores[:, 2].sum())

    def open(self) -> Adapter:
        """Open the network."""
        return adapt(open_checkpoint(self.folder).eval())

    def ability(self, name: str, seed: int) -> Rows:
        """Return accuracy and loss on the cloze, and the step, as rows of the condition `name`."""
        rows = Rows("", name, seed=seed)
        add_estimate(rows, "match/accuracy", mean_over_windows(self.scores[:, 1], self.scores[:, 2]))
        add_estimate(rows, "match/loss", mean_over_windows(self.scores[:, 0], self.scores[:, 2]))
        rows.add("match/step", self.step)
        return rows


def score_checkpoints(series: Iterable[tuple[int, Path]], cloze: Cloze) -> list[Checkpoint]:
    """Score the checkpoints of one network, (step, folder) each; one is held at a time."""
    found: list[Checkpoint] = []
    for step, folder in series:
        adapter = adapt(open_checkpoint(folder).eval())
        scores = score_windows(adapter, cloze.shown_to(adapter), cloze.labels, batch_tokens=cloze.batch_tokens)
        found.append(Checkpoint(step, folder, scores))
    return found


def match(one: list[Checkpoint], two: list[Checkpoint]) -> tuple[Checkpoint, Checkpoint]:
    """Return a checkpoint of each series: of the weaker network its last, of the other the nearest in accuracy."""
    weaker, abler = sorted((one, two), key=lambda series: series[-1].accuracy)
    last = weaker[-1]
    nearest = min(abler, key=lambda checkpoint: abs(checkpoint.accuracy - last.accuracy))
    return (last, nearest) if weaker is one else (nearest, last)
