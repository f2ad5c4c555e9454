"""The two ways in which tokens are put in classes: by the next token itself, and by the set of tokens that can follow.

Next-token classes mix contexts, so their variance cannot vanish where the next token is ambiguous (arXiv 2405.17767).
Contexts of a fixed length that can be followed by the same tokens are what could collapse (arXiv 2408.15417).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.class_means import choose_classes
from geomem.geometry.collapse import FEWEST_CLASSES
from geomem.spec import validate
from geomem.studies.language_model import text_task
from geomem.studies.linguistic_collapse.settings import Reading
from geomem.texts.ngrams import count_ngrams, support_classes
from geomem.texts.windows import choose_windows

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter
    from geomem.training.work import Work

NEXT_TOKEN, SUPPORT = "next-token", "support"
"""Names of the groupings."""


@dataclass(frozen=True)
class Grouping:
    """A way to class the states of the training windows. labels: (W, T - 1) int64. ids: (K,), the classes followed."""

    labels: Tensor
    ids: Tensor


@dataclass(frozen=True)
class Material:
    """What every checkpoint reads, fixed when the first is opened.

    train, held_out: windows (W, T) int64; the state at place t is classed by what comes at t + 1, so the last place of
    a window has none. groupings: by name. contexts: mean number of different contexts in a support class.
    """

    train: Tensor
    held_out: Tensor
    groupings: dict[str, Grouping]
    contexts: float
    batch_tokens: int


def material(work: Work, adapter: Adapter) -> Material:
    """Choose windows spread evenly over both parts of the text, and put the tokens of the first in classes.

    A grouping of fewer than 3 classes is left out. Raises InputError when even the next tokens are too few.
    """
    reading = validate(Reading, work.settings["reading"])
    wanted = int(work.settings["lm"]["context"])
    context = wanted if adapter.context is None else min(wanted, adapter.context)
    task = text_task(work, context=context)
    windows = task.windows["train"]
    train = windows.batch(choose_windows(len(windows), context, reading.train_tokens, seed=0))
    unseen = task.windows["held_out"]
    held_out = unseen.batch(choose_windows(len(unseen), context, reading.held_out_tokens, seed=0))
    ngrams = count_ngrams(windows.tokens, task.vocabulary.size, reading.support_length + 1)
    support = support_classes(
        ngrams, reading.support_length, least_seen=reading.support_seen, least_contexts=reading.support_shared
    )
    labels = {NEXT_TOKEN: train[:, 1:], SUPPORT: support.of(ngrams.numbers(train, reading.support_length))[:, :-1]}
    found = {name: _grouping(one, reading) for name, one in labels.items()}
    groupings = {name: one for name, one in found.items() if len(one.ids) >= FEWEST_CLASSES}
    if NEXT_TOKEN not in groupings:
        raise InputError(f"{len(found[NEXT_TOKEN].ids)} next tokens occur {reading.min_samples} times or more; "
                         f"at least {FEWEST_CLASSES} are needed: read more text (reading.train_tokens)")  # fmt: skip
    kept = support.contexts[found[SUPPORT].ids].double()
    return Material(train, held_out, groupings, float(kept.mean()) if len(kept) else 0.0, reading.batch_tokens)


def _grouping(labels: Tensor, reading: Reading) -> Grouping:
    known = labels[labels >= 0]
    return Grouping(labels, choose_classes(torch.bincount(known), reading.min_samples, reading.limit))
