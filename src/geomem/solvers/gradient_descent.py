"""Full-batch gradient descent on next-token cross-entropy, with the gradient written out.

With Q the column softmax of the logits L and G = (Q - P) * pi, the gradient of the loss is G H^T in the words W and
W^T G in the contexts H (L = W H; arXiv 2408.15417, section 3). A step of a small problem takes about 20 microseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.next_token import check_problem

if TYPE_CHECKING:
    from geomem.models.unconstrained import UnconstrainedFeatures


class Snapshot(NamedTuple):
    """Copies of both factors after `step` steps: words (V, d) and contexts (d, m)."""

    step: int
    words: Tensor
    contexts: Tensor


def descend(
    model: UnconstrainedFeatures,
    probs: Tensor,
    shares: Tensor,
    lr: float,
    steps: int,
    ridge: float = 0.0,
    record_at: Collection[int] = (),
) -> list[Snapshot]:
    """Train `model` in place and return it at the steps of `record_at` and at the last one.

    probs: P (V, m). shares: pi (m,). The loss is CE(W H) + ridge/2 (|W|² + |H|²). Its sharpness grows with the size of
    the factors: too large a rate oscillates instead of converging. Raises InputError for a bad problem, or when the
    numbers stop being finite.
    """
    return _finite(descent(model, probs, shares, lr, steps, ridge, record_at), lr)


def descent(
    model: UnconstrainedFeatures,
    probs: Tensor,
    shares: Tensor,
    lr: float,
    steps: int,
    ridge: float = 0.0,
    record_at: Collection[int] = (),
) -> Iterator[Snapshot]:
    """Do what `descend` does, snapshot by snapshot; a caller that stops listening stops the training."""
    words, contexts = model.words.detach(), model.contexts.detach()
    targets, shares = _problem(probs, shares, words, contexts)
    keep = 1 - lr * ridge

    def step() -> None:
        error = torch.softmax(words @ contexts, 0).sub_(targets).mul_(shares)
        pull = words.T @ error
        words.mul_(keep).addmm_(error, contexts.T, alpha=-lr)
        contexts.mul_(keep).add_(pull, alpha=-lr)

    return _walk(step, words, contexts, steps, record_at)


def descend_decoder(
    words: Tensor, contexts: Tensor, probs: Tensor, shares: Tensor, lr: float, steps: int,
    record_at: Collection[int] = (),
) -> list[Snapshot]:  # fmt: skip
    """Train a copy of the decoder `words` (V, d) with the context vectors (d, m) fixed: W <- W - lr G H^T.

    This is the linear model of arXiv 2402.18551. Raises InputError as `descend` does.
    """
    words = words.detach().clone()
    targets, shares = _problem(probs, shares, words, contexts)

    def step() -> None:
        error = torch.softmax(words @ contexts, 0).sub_(targets).mul_(shares)
        words.addmm_(error, contexts.T, alpha=-lr)

    return _finite(_walk(step, words, contexts, steps, record_at), lr)


def descend_decoder_normalised(
    words: Tensor, contexts: Tensor, probs: Tensor, shares: Tensor, lr: float, steps: int,
    record_at: Collection[int] = (),
) -> list[Snapshot]:  # fmt: skip
    """Train the decoder as `descend_decoder` does by steps of length lr: W <- W - lr G H^T / |G H^T|.

    The norm then grows with the number of steps instead of its logarithm, and the direction settles sooner. Where the
    gradient vanishes in numbers the walk stands still.
    """
    words = words.detach().clone()
    targets, shares = _problem(probs, shares, words, contexts)
    tiny = torch.finfo(words.dtype).tiny

    def step() -> None:
        error = torch.softmax(words @ contexts, 0).sub_(targets).mul_(shares)
        gradient = error @ contexts.T
        words.sub_(gradient.mul_(lr / gradient.norm().clamp_(min=tiny)))

    return _finite(_walk(step, words, contexts, steps, record_at), lr)


def log_steps(steps: int, count: int) -> list[int]:
    """Return 0 and up to `count` steps from 1 to `steps`, evenly spaced on a logarithmic axis."""
    marks = torch.logspace(0, torch.log10(torch.tensor(float(max(1, steps)))).item(), count, dtype=torch.float64)
    return sorted({0, steps, *(min(steps, round(mark)) for mark in marks.tolist())})


@torch.no_grad()
def _walk(
    step: Callable[[], None], words: Tensor, contexts: Tensor, steps: int, record_at: Collection[int]
) -> Iterator[Snapshot]:
    done = 0
    for mark in sorted({*(mark for mark in record_at if 0 <= mark < steps), steps}):
        for _ in range(mark - done):
            step()
        done = mark
        yield Snapshot(mark, words.clone(), contexts.clone())


def _problem(probs: Tensor, shares: Tensor, words: Tensor, contexts: Tensor) -> tuple[Tensor, Tensor]:
    """Return P and pi in the factors' own precision. Raises InputError when they do not fit together."""
    check_problem(probs, shares)
    if probs.shape != (len(words), contexts.shape[1]):
        expected, found = (len(words), contexts.shape[1]), tuple(probs.shape)
        raise InputError(f"next-token distributions: the model has (V, m) = {expected}, the problem {found}")
    return probs.to(words), shares.to(words)


def _finite(snapshots: Iterator[Snapshot], lr: float) -> list[Snapshot]:
    kept: list[Snapshot] = []
    for one in snapshots:
        if not (one.words.isfinite().all() and one.contexts.isfinite().all()):
            raise InputError(f"lr: at {lr:g} the weights are no longer finite by step {one.step}; lower it")
        kept.append(one)
    return kept
