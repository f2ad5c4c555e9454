"""Text after prompts, one token after another: what sequences have in common is read once, and nothing twice.

The logits after a prefix depend on the prefix alone, so they are computed once for each distinct one: a thousand
samples after the same prompt begin as one sequence and part as their tokens differ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from geomem.decoding.cache import cache_name, goes_on_by_many, new_cache
from geomem.decoding.evaluating import evaluating
from geomem.decoding.gelu import quick_gelus
from geomem.decoding.sampling import GREEDY, Sampling, draw
from geomem.errors import InputError

CACHE_BYTES = 2**30
"""Memory that keys and values may take; more prompts than that allows are answered in parts."""

_SAVED = 256
"""Tokens that must be saved before the common beginning of unequal prompts is read by itself: it costs a pass."""

_WORTH_MOVING = 0.75
"""Share of what is held that must still be needed for the rest to be read on with it."""


def generate(
    model: nn.Module,
    prompts: Tensor,
    new: int,
    *,
    sampling: Sampling = GREEDY,
    generator: torch.Generator | None = None,
    size: int | None = None,
    banned: Tensor | None = None,
    stop: int | None = None,
    pad: int | None = None,
) -> Tensor:
    """Return (B, new) int64 tokens after prompts (B, T), all of one length, in eval mode and without gradients.

    size: tokens that may be chosen, the first ones of the vocabulary; None for all. banned: (size,) bool, True for
    tokens never chosen. stop: a token after which a row is at its end and is filled up with `pad` (`stop` if None).
    generator: on the CPU. Raises InputError for a model that cannot go on with a text, an empty prompt, and more
    tokens than the model has positions.
    """
    _check(model, prompts, new)
    if new == 0 or len(prompts) == 0:
        return prompts.new_empty(len(prompts), new)
    filled = stop if pad is None else pad
    answers = torch.full((len(prompts), new), 0 if filled is None else filled, device=prompts.device)

    def choose(reading: _Reading) -> Tensor:
        return _choose(reading, sampling, generator, size, banned)

    with evaluating(model), quick_gelus(model):
        every = torch.arange(len(prompts), device=prompts.device)
        for rows in every.split(_rows_at_once(model, prompts.shape[1] + new)):
            _answer(_Reading(model, prompts[rows], new), rows, answers, choose, stop)
    return answers


def _answer(
    reading: _Reading, rows: Tensor, answers: Tensor, choose: Callable[[_Reading], Tensor], stop: int | None
) -> None:
    """Fill in `answers` (B, new) for `rows` (R,), the prompts that are being read."""
    for step in range(answers.shape[1]):
        tokens = choose(reading)
        answers[rows, step] = tokens
        if stop is not None:
            going = tokens != stop
            rows, tokens, reading.prefix = rows[going], tokens[going], reading.prefix[going]
        if step + 1 == answers.shape[1] or len(rows) == 0:
            return
        reading.go_on(tokens)


def _choose(
    reading: _Reading, sampling: Sampling, generator: torch.Generator | None, size: int | None, banned: Tensor | None
) -> Tensor:
    """Return one token (A,) for every row that is still going."""
    logits = reading.logits[:, :size]
    if banned is not None:
        logits = logits.masked_fill(banned.to(logits.device), -torch.inf)
    if sampling.temperature == 0:
        return sampling.choose(logits)[reading.prefix]
    return draw(sampling.probabilities(logits)[reading.prefix], generator)


class _Reading:
    """The distinct prefixes of a batch, each read once.

    prefix: (A,) int64, which of them each row has. logits: (G, V) of the token after each.
    """

    def __init__(self, model: nn.Module, prompts: Tensor, new: int) -> None:
        self._model, self._name = cast(Any, model), cache_name(model) or ""
        distinct, self.prefix = distinct_rows(prompts)
        self._rows, self._apart = len(prompts), len(distinct) == len(prompts)
        self._cache = new_cache(model, prompts.shape[1] + new - 1)
        self._step = cast(Any, model).decode_step() if hasattr(model, "decode_step") else None
        common = self._common(distinct)
        if common:
            self._read(distinct[:1, :common])
        if self._cache is None:
            common = 0  # it has turned out to keep none
        elif common:
            self._cache.reorder_cache(torch.zeros(len(distinct), dtype=torch.int64, device=prompts.device))
        self.logits = self._read(distinct[:, common:])
        self._text = distinct if self._cache is None else None

    def go_on(self, tokens: Tensor) -> None:
        """Read one token (A,) more of every row."""
        read = tokens.new_zeros(len(self.logits)).scatter(0, self.prefix, tokens)
        # Rows that have parted stay apart, and rows that say the same stay together: often there is nothing to part.
        if len(tokens) != self._rows or not (self._apart or torch.equal(read[self.prefix], tokens)):
            read = self._part(tokens)
        if self._text is not None:
            self._text = torch.cat([self._text, read[:, None]], dim=1)
        self.logits = self._read(read[:, None] if self._text is None else self._text)

    def _part(self, tokens: Tensor) -> Tensor:
        """Make room for what `tokens` (A,) have made different, and return the token (G,) of each prefix."""
        held, self._rows = len(self.logits), len(tokens)
        size = int(tokens.max()) + 1
        pairs, found = torch.unique(self.prefix * size + tokens, return_inverse=True)
        origin, read = pairs // size, pairs % size
        self._apart = len(pairs) == len(tokens)
        if len(pairs) > _WORTH_MOVING * held and bool((origin.diff() > 0).all()):
            # None has parted and few have ended: those that have are read on, since moving the rest would cost more.
            self.prefix = origin[found]
            return read.new_zeros(held).scatter(0, origin, read)
        self.prefix = found
        if self._text is not None:
            self._text = self._text[origin]
        elif self._cache is not None:
            self._cache.reorder_cache(origin)
        return read

    def _read(self, tokens: Tensor) -> Tensor:
        if self._step is not None and self._cache is not None and tokens.shape[1] == 1:
            return self._step(tokens[:, 0], self._cache)
        options: dict[str, Any] = {} if self._cache is None else {self._name: self._cache, "use_cache": True}
        # Asked for by name only where it saves something: not every model on disk knows the word.
        keep = {"logits_to_keep": 1} if tokens.shape[1] > 1 else {}
        output = self._model(input_ids=tokens, **keep, **options)
        if self._cache is not None and getattr(output, self._name, None) is None:
            self._cache = None  # a model that takes a cache and fills none, as one without attention does
        return output.logits[:, -1]

    def _common(self, distinct: Tensor) -> int:
        """Count the leading tokens that are better read once for all prompts; the last token of each is left over."""
        if len(distinct) == 1 or self._cache is None or not goes_on_by_many(self._cache):
            return 0
        same = (distinct == distinct[0]).all(0)[:-1].long()
        common = int(same.cumprod(0).sum())
        return common if common * (len(distinct) - 1) >= _SAVED else 0


def distinct_rows(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distinct rows (G, T) of int64 rows (B, T), none negative, and which of them each row is, (B,).

    Sorted, but in the order given when they all differ, which a few columns tell. `torch.unique` compares whole rows,
    ten times as long.
    """
    count, which = len(rows), rows.new_zeros(len(rows))
    bits = max(1, int(rows.max()).bit_length())
    for columns in rows.split(max(1, (62 - count.bit_length()) // bits), dim=1):
        for column in columns.unbind(1):
            which = (which << bits) | column
        found, which = torch.unique(which, return_inverse=True)
        if len(found) == count:
            return rows, torch.arange(count, device=rows.device)
    one = which.new_empty(int(which.max()) + 1).scatter(0, which, torch.arange(count, device=rows.device))
    return rows[one], which


def _check(model: nn.Module, prompts: Tensor, new: int) -> None:
    config = getattr(model, "config", None)
    able = getattr(model, "can_generate", lambda: True)()
    if not able or getattr(config, "is_causal", True) is False:
        raise InputError(f"{type(model).__name__} looks ahead: it fills in masked tokens and cannot go on with a text")
    if prompts.shape[1] == 0:
        raise InputError("prompts: must have at least one token each")
    most = getattr(config, "max_position_embeddings", None)
    # geomem's own models are bounded by learned positions alone.
    if most is not None and getattr(config, "positions", "learned") == "learned" and prompts.shape[1] + new - 1 > most:
        raise InputError(
            f"prompts of {prompts.shape[1]} tokens and {new} more are longer than the model's {most} positions"
        )


def _rows_at_once(model: nn.Module, tokens: int) -> int:
    config: Any = getattr(model, "config", None)
    layers, width = getattr(config, "num_hidden_layers", 1), getattr(config, "hidden_size", 1)
    return max(1, CACHE_BYTES // (8 * tokens * max(1, layers) * width))
