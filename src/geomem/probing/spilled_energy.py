"""Spilled energy of answers to prompts, by any causal model that geomem opens, in a declared gauge.

Source: arXiv 2602.18671. Only the answer's tokens are scored; the first of them is predicted from the prompt. Beside
each spill stands -log p of the same token, without which an AUROC of the spill says little.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.spilled_energy import GAUGES, Pool, log_partition, pooled, spilled_energy, surprise
from geomem.texts.tokens import start_token

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from geomem.models.adapters.adapter import Adapter

BATCH_LOGITS = 1 << 25
"""Most logits held at once, in float64 a quarter of a gigabyte."""


@dataclass(frozen=True)
class Answer:
    """Numbers of the n tokens of one answer, (n,) each, float64.

    scores: by name: "spill_raw" and "spill_centred" (Delta), "marginal_raw" and "marginal_centred" (minus the level
    after the token), "surprise" (-log p). A larger one is more suspicious in the reading of the energies as costs.
    """

    tokens: Tensor
    scores: Mapping[str, Tensor]

    def pooled(self, name: str, how: Pool) -> float:
        """Return one number for the answer."""
        values = self.scores[name][None]
        return float(pooled(values, torch.ones_like(values, dtype=torch.bool), how)[0])


@torch.no_grad()
def score_answers(
    adapter: Adapter,
    tokenizer: PreTrainedTokenizerBase,
    pairs: Sequence[tuple[str, str]],
    *,
    beta: float = 1.0,
    progress: Callable[[int, int], None] | None = None,
) -> list[Answer]:
    """Score (prompt, answer) pairs, in their order.

    Prompt and answer are tokenised apart, so that an answer has the same tokens after every prompt. beta: inverse
    temperature. progress: called with the pairs done and all. Raises InputError for an answer without a token, a prompt
    without one that the tokenizer does not begin by itself, a pair longer than the model's context, or tokens that the
    model does not have.
    """
    encoded = [_encode(adapter, tokenizer, number, prompt, answer) for number, (prompt, answer) in enumerate(pairs)]
    order = sorted(range(len(encoded)), key=lambda one: len(encoded[one][0]))
    found: dict[int, Answer] = {}
    start = 0
    while start < len(order):
        length = len(encoded[order[start]][0])
        alike = [one for one in order[start:] if len(encoded[one][0]) == length]
        batch = alike[: _batch_size(adapter, max(encoded[one][1] for one in alike) + 1)]
        tokens = torch.tensor([encoded[one][0] for one in batch])
        states = adapter.run(tokens)
        for row, one in enumerate(batch):
            count = encoded[one][1]
            # From the token before the answer on: its logits choose the first token of it.
            logits = adapter.logits(states[row, -count - 1 :]).double().cpu()
            found[one] = _answer(logits, tokens[row, -count - 1 :], beta)
        start += len(batch)
        if progress is not None:
            progress(start, len(order))
    return [found[one] for one in range(len(pairs))]


def _answer(logits: Tensor, tokens: Tensor, beta: float) -> Answer:
    scores = {"surprise": surprise(logits, tokens)}
    for gauge in GAUGES:
        scores[f"spill_{gauge}"] = spilled_energy(logits, tokens, gauge=gauge, beta=beta)
        scores[f"marginal_{gauge}"] = -log_partition(logits[1:], gauge=gauge, beta=beta)
    return Answer(tokens[1:], scores)


def _encode(
    adapter: Adapter, tokenizer: PreTrainedTokenizerBase, number: int, prompt: str, answer: str
) -> tuple[list[int], int]:
    """Return the tokens of prompt and answer, and how many of them are the answer's."""
    encode = cast(Any, tokenizer)
    first = start_token(tokenizer)
    asked: list[int] = [] if first is None else [first]
    asked += encode(prompt, add_special_tokens=False)["input_ids"]
    said: list[int] = encode(answer, add_special_tokens=False)["input_ids"]
    if not asked or not said:
        raise InputError(f"pair {number}: the {'answer' if asked else 'prompt'} has no token")
    whole = asked + said
    if adapter.context is not None and len(whole) > adapter.context:
        raise InputError(f"pair {number}: {len(whole)} tokens are more than the model's context of {adapter.context}")
    if max(whole) >= len(adapter.embedding):
        raise InputError(f"pair {number}: token {max(whole)} is outside the model's vocabulary; is it its tokenizer?")
    return whole, len(said)


def _batch_size(adapter: Adapter, positions: int) -> int:
    return max(1, BATCH_LOGITS // (positions * len(adapter.embedding)))
