"""How well a model predicts target tokens after a prefix, teacher-forced and free-running, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from geomem.batch import answer_batch
from geomem.contexts.matrix import ContextMatrix
from geomem.decoding.evaluating import evaluating
from geomem.decoding.reader import Autoregressive, Reader

LOGITS_IN_MEMORY = 16_000_000
"""Most logits held at once while scoring (64 MB in float32)."""

MOST_ROWS = 4096
"""Most sequences in one forward pass while scoring, however small the vocabulary."""


def rows_per_chunk(columns: int, vocabulary: int) -> int:
    """Return how many rows with `columns` positions of logits each fit in one chunk (at least 1)."""
    return max(1, min(MOST_ROWS, LOGITS_IN_MEMORY // (columns * vocabulary)))


def score_contexts(
    model: nn.Module, matrix: ContextMatrix, vocabulary: int, device: torch.device | str
) -> tuple[float, float]:
    """Return the mean loss in nats and the arg-max accuracy over all samples of a matrix, one row a distinct context.

    A context with several next tokens has one arg-max, so accuracy is bounded by the mean of the largest probability.
    """
    loss = torch.zeros((), dtype=torch.float64, device=device)
    right = torch.zeros((), dtype=torch.float64, device=device)
    moved = matrix.to(device)
    with evaluating(model):
        for index in torch.arange(len(moved), device=device).split(rows_per_chunk(1, vocabulary)):
            part = moved.batch(index)
            logits = model(input_ids=part.tokens, logits_to_keep=1).logits[:, -1, :vocabulary].float()
            mass = (part.probs * part.weights[part.rows]).double()
            surprise = torch.logsumexp(logits, dim=-1)[part.rows] - logits[part.rows, part.targets]
            loss += (mass * surprise).sum()
            right += (mass * (logits.argmax(-1)[part.rows] == part.targets)).sum()
    return float(loss), float(right)


@dataclass(frozen=True)
class Predictions:
    """What a model answered to M prefixes with K target tokens each; all on the CPU.

    forced: (M, K) int64, arg-max of each position given the true tokens before it.
    free: (M, K) int64, greedy decoding; equal to `forced` when all are decoded in one shot.
    losses: (M, K) float32, cross-entropy in nats of each true token, teacher-forced.
    ranks: (M,) int64, tokens with a larger logit than the true one at the decision column, teacher-forced.
    restricted: (M,) int64, arg-max among the candidates there, or None when no candidates were given.
    """

    forced: Tensor
    free: Tensor
    losses: Tensor
    ranks: Tensor
    restricted: Tensor | None


def predict(
    model: nn.Module,
    prefixes: Tensor,
    targets: Tensor,
    *,
    vocabulary: int,
    decision: int,
    candidates: Tensor | None = None,
    reader: Reader | None = None,
    device: torch.device | str = "cpu",
) -> Predictions:
    """Predict targets (M, K) after prefixes (M, T), both int64.

    vocabulary: number of tokens the model scores. decision: the target column to rank. candidates: (C,) token ids a
    restricted answer is chosen from. reader: how the model is asked; None for one token after another.
    """
    chosen = None if candidates is None else candidates.to(device)
    asked = Autoregressive(vocabulary) if reader is None else reader
    chunks = torch.arange(len(prefixes)).split(rows_per_chunk(targets.shape[1], vocabulary))
    with evaluating(model):
        parts = [
            _predict(model, prefixes[rows].to(device), targets[rows].to(device), decision, chosen, asked)
            for rows in chunks
        ]
    return Predictions(
        torch.cat([part.forced for part in parts]),
        torch.cat([part.free for part in parts]),
        torch.cat([part.losses for part in parts]),
        torch.cat([part.ranks for part in parts]),
        None if candidates is None else torch.cat([part.restricted for part in parts if part.restricted is not None]),
    )


def _predict(
    model: nn.Module, prefixes: Tensor, targets: Tensor, decision: int, candidates: Tensor | None, reader: Reader
) -> Predictions:
    logits = reader.logits(model, answer_batch(prefixes, targets)).float()
    true = logits.gather(-1, targets[..., None])
    losses = torch.logsumexp(logits, dim=-1) - true[..., 0]
    forced = logits.argmax(-1)
    at = logits[:, decision]
    ranks = (at > true[:, decision]).sum(-1)
    restricted = None if candidates is None else candidates[at[:, candidates].argmax(-1)].cpu()
    del logits, at
    free = reader.greedy(model, prefixes, targets, forced)
    return Predictions(forced.cpu(), free.cpu(), losses.cpu(), ranks.cpu(), restricted)
