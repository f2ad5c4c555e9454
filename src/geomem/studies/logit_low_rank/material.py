"""What is cut from the held-out part of the text, once for all checkpoints: histories, sets of futures, targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from geomem.probing.lingen.predictors import frequencies
from geomem.probing.logits.language import LanguageModel
from geomem.probing.logits.sequences import Sequences, cut_sequences, nonsense, random_futures
from geomem.spec import validate
from geomem.studies.language_model import text_task
from geomem.studies.logit_low_rank.settings import Reading
from geomem.training.work import Work

OTHER, NONSENSE, RANDOM = "other text", "nonsense", "random tokens"
"""Sets of futures that are compared with those of the text."""


@dataclass(frozen=True)
class Material:
    """found: histories, futures and targets. sets: further sets of futures by name. unigram: (V,) log-frequencies.

    start: tokens before a text (0 or 1). tokenizer: of the model.
    """

    reading: Reading
    found: Sequences
    sets: dict[str, tuple[Tensor, ...]]
    unigram: Tensor
    start: int
    tokenizer: Any
    seed: int

    def mixed(self) -> Sequences:
        """Return histories and futures with their tokens in a random order."""
        return nonsense(self.found, "both", self.seed, start=bool(self.start))


def material(work: Work, model: LanguageModel) -> Material:
    """Cut a work's held-out text. Raises InputError where it is too short, or the model's context is."""
    reading = validate(Reading, work.settings["reading"])
    task = text_task(work)
    windows = task.windows["held_out"]
    whole = cut_sequences(windows.tokens, histories=reading.histories, futures=2 * reading.futures,
                          history_tokens=reading.history_tokens, future_tokens=reading.future_tokens,
                          targets=reading.targets, start=windows.start, seed=work.seed)  # fmt: skip
    model.check(whole.histories, max(reading.future_tokens, reading.steps))
    own, other = whole.futures[: reading.futures], whole.futures[reading.futures :]
    found = Sequences(whole.histories, own, whole.targets)
    sets = {
        OTHER: other,
        NONSENSE: nonsense(Sequences(whole.histories, other, whole.targets), "futures", work.seed).futures,
        RANDOM: random_futures(other, task.vocabulary.size, work.seed),
    }
    known = frequencies(task.windows["train"].tokens, model.vocabulary)
    return Material(reading, found, sets, known, int(windows.start is not None), task.tokenizer, work.seed)
