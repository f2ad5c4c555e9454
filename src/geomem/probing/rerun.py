"""What measurements that run a model again and again share: batches of windows, logits a few rows at a time, losses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.batch import IGNORE
from geomem.errors import InputError
from geomem.geometry.lens import kl_divergence
from geomem.geometry.vectors import row_chunks
from geomem.geometry.windows import Estimate, window_gram, window_means
from geomem.interventions.resume import Resume

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter
    from geomem.probing.rows import Rows

BATCH_TOKENS = 2048
_SAME = 1e-4
"""Two passes are the same when they differ by less than this share of the largest number: float32 rounding, no more."""

Progress = Callable[[int, int], None]
"""Called with the forward passes done and those there will be."""


def no_progress(_done: int, _total: int) -> None:
    """Say nothing."""


class Steps:
    """Counts forward passes for a progress callback."""

    def __init__(self, total: int, progress: Progress) -> None:
        self.done, self.total, self.progress = 0, total, progress

    def step(self) -> None:
        """Say that one more is done."""
        self.done += 1
        self.progress(self.done, self.total)


class Restart:
    """Forward passes of one adapter that start at the block where something changes, where the model allows it.

    tokens (B, T) and streams (its L + 1 clean streams) are those of some batch: on it is tried whether a pass started
    in the middle ends as a whole one does. Models that share keys and values between blocks do not; they run whole.
    """

    def __init__(self, adapter: Adapter, tokens: Tensor, streams: Sequence[Tensor]) -> None:
        self._resume = Resume(adapter.blocks)
        self.works = len(adapter.blocks) > 1
        if not self.works:
            return
        # Twice, because in the first one a block that is passed over runs once, to show what it returns.
        self.works = all(self._ends_alike(adapter, tokens, streams) for _ in range(2))

    def _ends_alike(self, adapter: Adapter, tokens: Tensor, streams: Sequence[Tensor]) -> bool:
        try:
            middle = len(adapter.blocks) // 2
            with self.at(middle, streams[middle]):
                ended = adapter.run(tokens)
        except (RuntimeError, KeyError, IndexError, TypeError, AttributeError, ValueError):
            return False
        size = float(streams[-1].abs().max())
        return float((ended - streams[-1]).abs().max()) <= _SAME * size

    def at(self, layer: int, stream: Tensor) -> AbstractContextManager[None]:
        """Start at block `layer`, with the clean stream entering it (B, T, d) of the batch that is about to run."""
        if not self.works or layer == 0:
            return nullcontext()
        return self._resume.at(layer, stream, length=stream.shape[1])


def batches(tokens: Tensor, batch_tokens: int = BATCH_TOKENS) -> list[slice]:
    """Cut windows (W, T) into batches of at most `batch_tokens` tokens, at least one window each."""
    return list(row_chunks(tokens.shape[0], tokens.shape[1], batch_tokens))


def require_blocks(adapter: Adapter, what: str, *, logits: bool = True) -> None:
    """Raise InputError for a model whose blocks were not found or, with `logits`, that has no output layer."""
    if not adapter.blocks:
        raise InputError(f"{what}: geomem finds no blocks in this {adapter.family} model, so it cannot change them")
    if logits and adapter.unembedding is None:
        raise InputError(f"{what}: this checkpoint has no output layer, so there is no prediction to compare")


def chosen_layers(layers: Sequence[int] | None, count: int, what: str) -> tuple[int, ...]:
    """Return the layers asked for, ascending, by default all 0..count - 1. Raises InputError for one not there."""
    for layer in layers or ():
        if not 0 <= layer < count:
            raise InputError(f"{what}: there is no layer {layer}; layers are 0..{count - 1}")
    return tuple(range(count)) if layers is None else tuple(sorted(set(layers)))


def log_probabilities(adapter: Adapter, rows: Tensor) -> Tensor:
    """Return the log-probabilities (n, V), float64, that follow from rows (n, d) of stream L."""
    return torch.log_softmax(adapter.logits(rows), dim=-1, dtype=torch.float64)


def prediction_chunks(adapter: Adapter, count: int) -> Iterator[slice]:
    """Cut rows into chunks whose logits fit in a bounded piece of memory."""
    assert adapter.unembedding is not None
    return row_chunks(count, len(adapter.unembedding))


@torch.no_grad()
def divergences(adapter: Adapter, clean: Tensor, changed: Tensor) -> Tensor:
    """Return KL(p || p~) in nats of the predictions from rows (n, d) of stream L, before and after a change; (n,)."""
    result = torch.empty(len(clean), dtype=torch.float64)
    for part in prediction_chunks(adapter, len(clean)):
        before, after = (log_probabilities(adapter, rows[part]) for rows in (clean, changed))
        result[part] = kl_divergence(before, after).cpu()
    return result


@torch.no_grad()
def probability_changes(adapter: Adapter, clean: Tensor, changed: Tensor) -> Tensor:
    """Return |p - p~|_2 of the predictions from rows (n, d) of stream L, before and after a change; (n,) float64."""
    result = torch.empty(len(clean), dtype=torch.float64)
    for part in prediction_chunks(adapter, len(clean)):
        before, after = (log_probabilities(adapter, rows[part]).exp() for rows in (clean, changed))
        result[part] = (before - after).norm(dim=1).cpu()
    return result


def targets_of(adapter: Adapter, tokens: Tensor, labels: Tensor | None = None) -> Tensor:
    """Return (B, T): the right answer to the prediction at every position, -100 where there is none.

    labels: as in `Batch`. A causal model is asked for the token after each, of `labels` or else of `tokens` (B, T).
    Raises InputError for a masked model without labels: what was masked must be said.
    """
    if not adapter.causal:
        if labels is None:
            raise InputError("labels: a masked model predicts what was masked; give the labels of the masked tokens")
        return labels
    following = (tokens if labels is None else labels)[:, 1:]
    return torch.cat([following, torch.full_like(following[:, :1], IGNORE)], dim=1)


@torch.no_grad()
def prediction_scores(adapter: Adapter, stream: Tensor, targets: Tensor) -> Tensor:
    """Return (B, 3) float64 from stream L (B, T, d) and `targets_of`: what each window's predictions are worth.

    The sum of their losses in nats, the number of hits (the right token is the likeliest), and their number.
    """
    wanted = targets.cpu() != IGNORE
    rows, right = stream[wanted.to(stream.device)], targets.cpu()[wanted]
    scores = torch.empty(len(rows), 3, dtype=torch.float64)
    for part in prediction_chunks(adapter, len(rows)):
        found = log_probabilities(adapter, rows[part]).cpu()
        loss = -found.gather(1, right[part, None])[:, 0]
        scores[part] = torch.stack([loss, (found.argmax(1) == right[part]).double(), torch.ones_like(loss)], dim=1)
    window = wanted.nonzero()[:, 0]
    return torch.zeros(len(targets), 3, dtype=torch.float64).index_add_(0, window, scores)


def score_windows(
    adapter: Adapter, tokens: Tensor, labels: Tensor | None = None, *, batch_tokens: int = BATCH_TOKENS
) -> Tensor:
    """Return `prediction_scores` (W, 3) of windows (W, T) under the interventions now in place."""
    targets = targets_of(adapter, tokens, labels)
    return torch.cat([
        prediction_scores(adapter, adapter.run(tokens[part]), targets[part])
        for part in batches(tokens, batch_tokens)
    ])  # fmt: skip


def mean_over_windows(sums: Tensor, counts: Tensor) -> Estimate:
    """Return the mean over tokens from sums (W,) and counts (W,) of each window, with its interval over windows."""
    return window_means(window_gram(sums[:, None], counts)).at(0)


def add_estimate(rows: Rows, metric: str, found: Estimate, layer: int | None = None) -> None:
    """Add an estimate to the rows, with its interval."""
    rows.add(metric, found.value, layer=layer, interval=(found.low, found.high))
