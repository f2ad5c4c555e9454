"""Histories, futures and targets cut from a text at the level of tokens, or nonsense made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator, Tensor

from geomem.errors import InputError
from geomem.seeding import torch_generator

Nonsense = Literal["none", "histories", "futures", "both"]


@dataclass(frozen=True)
class Sequences:
    """histories (n, T) and targets (m, T) int64; futures: F sequences of 0 to t tokens, the first one empty.

    No token of the text is in two of them.
    """

    histories: Tensor
    futures: tuple[Tensor, ...]
    targets: Tensor


def cut_sequences(
    tokens: Tensor,
    *,
    histories: int,
    futures: int,
    history_tokens: int,
    future_tokens: int,
    targets: int = 0,
    start: int | None = None,
    seed: int = 0,
) -> Sequences:
    """Cut histories, futures and targets from different places of a text, tokens (N,), drawn by the seed.

    The text is laid out in pieces of the longest length wanted, each used once. A future's length is drawn evenly from
    1 to `future_tokens`; the empty future is always the first. start: a token put before each history (and target),
    counted in `history_tokens`. Raises InputError when the text has too few tokens for it.
    """
    own = history_tokens - (start is not None)
    if own < 1 or future_tokens < 1 or histories < 1 or futures < 1:
        raise InputError("histories, futures and their tokens: at least 1 of each")
    piece, pieces = max(own, future_tokens), histories + targets + futures - 1
    found = len(tokens) // piece
    if found < pieces:
        raise InputError(
            f"the text has {len(tokens)} tokens, too few for {histories + targets} histories and {futures} futures "
            f"that share none: {pieces * piece} are needed; ask for fewer or shorter ones"
        )
    generator = torch_generator(seed, "logits", "sequences")
    order = torch.randperm(found, generator=generator)[:pieces]
    rows = tokens.long()[order[:, None] * piece + torch.arange(piece)]
    long = rows[: histories + targets, :own]
    if start is not None:
        long = torch.cat([torch.full_like(long[:, :1], start), long], 1)
    lengths = torch.randint(1, future_tokens + 1, (futures - 1,), generator=generator)
    short = [row[:length] for row, length in zip(rows[histories + targets :], lengths.tolist(), strict=True)]
    return Sequences(long[:histories], (tokens.new_empty(0).long(), *short), long[histories:])


def nonsense(found: Sequences, which: Nonsense, seed: int = 0, *, start: bool = False) -> Sequences:
    """Return the sequences with the tokens of each history, future or both in a random order; targets stay.

    start: the first token of a history stays in its place (it is the one that begins every text).
    """
    generator = torch_generator(seed, "logits", "nonsense")
    histories, futures = found.histories, found.futures
    if which in ("histories", "both"):
        histories = torch.stack([torch.cat([row[:start], permuted(row[start:], generator)]) for row in histories])
    if which in ("futures", "both"):
        futures = tuple(permuted(one, generator) for one in futures)
    return Sequences(histories, futures, found.targets)


def random_futures(like: Sequence[Tensor], vocabulary: int, seed: int = 0) -> tuple[Tensor, ...]:
    """Return futures of the same lengths whose tokens are drawn evenly from the vocabulary."""
    generator = torch_generator(seed, "logits", "random")
    return tuple(torch.randint(vocabulary, one.shape, generator=generator) for one in like)


def permuted(tokens: Tensor, generator: Generator) -> Tensor:
    """Return tokens (t,) in a random order."""
    return tokens[torch.randperm(len(tokens), generator=generator)]
