"""A causal language model as a source of logits: a history is read once, and its cache is shared by its futures.

Logits are never made where nobody looks: the model runs up to its output layer, which is then asked for the states and
columns that are wanted. What a cache gives is compared with reading everything again before it is trusted; a model that
keeps none, or whose cache does not give the same, is read anew for every pair, and `note` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from geomem.decoding.cache import CACHE_NAMES
from geomem.errors import InputError
from geomem.geometry.vectors import row_chunks
from geomem.probing.logits.caches import branch, copied
from geomem.probing.logits.cover import Cover, cover
from geomem.probing.logits.head import Head, head_of
from geomem.probing.logits.limits import check_lengths, check_tokens
from geomem.probing.logits.reading import LanguageReading, Part
from geomem.probing.logits.source import LogitMatrix

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter

Way = Callable[[Tensor, Any], Tensor]
"""From tokens (B, L) and the cache they go on from to states (B, L, d)."""

BATCH_TOKENS = 2048
"""Tokens of a forward pass."""

_SAME = 1e-4
_ODD = (RuntimeError, KeyError, IndexError, TypeError, AttributeError, ValueError, NotImplementedError)
"""What a model raises whose cache cannot be handled like that of others."""


class LanguageModel:
    """The logits of a causal model. note: what a reader should know of how it is read, or ""."""

    def __init__(self, adapter: Adapter, batch_tokens: int = BATCH_TOKENS) -> None:
        """Try the model on a few tokens.

        Raises InputError for one that is not causal (by what is known of it, or by what it does), has no output layer
        or one that geomem does not understand, or is in half precision, whose rounding puts a floor under the small
        singular values.
        """
        if not adapter.causal:
            raise InputError(f"{adapter.name}: fills in masked tokens; logits after a history need a causal model")
        if adapter.output_layer is None:
            raise InputError(f"{adapter.name}: this checkpoint has no output layer, so there are no logits")
        if adapter.embedding.element_size() < 4:
            raise InputError(f"{adapter.name}: is in half precision, which would decide the rank; open it in float32")
        self.adapter, self.batch_tokens = adapter, batch_tokens
        self.model: Any = adapter.model.eval()
        self._layer: nn.Module = adapter.output_layer
        self._cache_name = CACHE_NAMES[0]
        self._check_causal()
        self.head = self._find_head()
        self._way = self._find_way()
        self.cached = self._way is not None
        why = f"{adapter.name} has no cache that gives the same logits as reading everything again"
        self.note = "" if self.cached else f"{why}, so every history is read anew with every future"

    @property
    def vocabulary(self) -> int:
        """Number of tokens V, those included that a tokenizer leaves out."""
        return self.head.vocabulary

    @property
    def width(self) -> int:
        """Numbers of a state, d."""
        return self.head.width

    def check(self, histories: Tensor, longest: int) -> None:
        """Raise InputError when histories (n, T) with futures up to `longest` tokens cannot be read by the model."""
        check_tokens(histories, self.vocabulary)
        check_lengths(self.adapter, histories.shape[1], longest)

    def begin(self, histories: Tensor) -> LanguageReading:
        """Read histories (n, T). Raises InputError as `check` does."""
        self.check(histories, 0)
        parts: list[Part] = []
        for rows in row_chunks(len(histories), histories.shape[1], self.batch_tokens):
            states, cache = self._read(histories[rows], keep=self.cached)
            parts.append(Part(histories[rows], states[:, -1], cache))
        return LanguageReading(self, parts)

    def matrix(
        self, histories: Tensor, futures: Sequence[Tensor], *, tokens: int | None = None, columns: Tensor | None = None
    ) -> LogitMatrix:
        """Return the extended logit matrix, held in memory; see `Source`, and `blocks` for one on disk."""
        return self.select(self.states(histories, cover(futures)), tokens, columns)

    def select(self, states: Tensor, tokens: int | None, columns: Tensor | None = None) -> LogitMatrix:
        """Return the columns of a logit matrix from states (n, F, d); tokens and columns as in `Source`."""
        if columns is None:
            columns = torch.stack([self.head.top(one, tokens) for one in states.unbind(1)])
        values = [self.head.columns(one, wanted) for one, wanted in zip(states.unbind(1), columns, strict=True)]
        return LogitMatrix(torch.stack(values, dim=1), columns)

    def states(self, histories: Tensor, futures: Cover) -> Tensor:
        """Return what the output layer reads after each history (n, T) and each future: (n, F, d).

        Raises InputError as `check` does.
        """
        self.check(histories, futures.longest)
        if any(token >= self.vocabulary or token < 0 for one in futures.sequences for token in one):
            raise InputError(f"a future has a token outside the model's vocabulary of {self.vocabulary}")
        found = torch.empty(len(histories), len(futures.sequence), self.width, dtype=self._dtype)
        for rows in row_chunks(len(histories), histories.shape[1], self.batch_tokens):
            if self._way is None:
                self._anew(histories[rows], futures, found[rows])
            else:
                self._with_cache(self._way, histories[rows], futures, found[rows])
        return found

    def _with_cache(self, way: Way, histories: Tensor, futures: Cover, found: Tensor) -> None:
        states, cache = self._read(histories, keep=True)
        found[:, futures.sequence < 0] = states[:, -1:].to(found.device)
        for block in futures.blocks(self.batch_tokens):
            for row in range(len(histories)):
                grown = way(block.tokens, branch(cache, row, len(block.tokens)))
                found[row, block.futures] = grown[block.row, block.position].to(found.device)

    def _anew(self, histories: Tensor, futures: Cover, found: Tensor) -> None:
        length = histories.shape[1]
        states, _ = self._read(histories, keep=False)
        found[:, futures.sequence < 0] = states[:, -1:].to(found.device)
        for history, kept in zip(histories, found, strict=True):
            for block in futures.blocks(self.batch_tokens):
                for rows in row_chunks(len(block.tokens), length + block.tokens.shape[1], self.batch_tokens):
                    whole = torch.cat([history.expand(rows.stop - rows.start, -1), block.tokens[rows]], 1)
                    grown, _ = self._read(whole, keep=False)
                    here = (block.row >= rows.start) & (block.row < rows.stop)
                    places = length + block.position[here]
                    kept[block.futures[here]] = grown[block.row[here] - rows.start, places].to(kept.device)

    @property
    def _dtype(self) -> torch.dtype:
        return cast(Tensor, self._layer.weight).dtype

    @torch.no_grad()
    def _read(self, tokens: Tensor, cache: Any = None, *, keep: bool) -> tuple[Tensor, Any]:
        """Read tokens (B, T) after a cache; return what the output layer reads (B, T, d), and the cache after them."""
        options = {} if cache is None else {self._cache_name: cache}
        with _before(self._layer) as seen:
            output = self.model(input_ids=tokens.to(self.adapter.device), use_cache=keep, **options)
        if not seen:
            raise InputError(f"{self.adapter.name}: does not call its output layer, so what that reads is not known")
        for name in CACHE_NAMES if keep else ():
            if (found := getattr(output, name, None)) is not None:
                self._cache_name = name
                return seen[-1], found
        return seen[-1], None

    def _check_causal(self) -> None:
        """Ask whether what comes after a token changes its state: not all models that can be told to decode do so."""
        tokens = _trial(1, 8, self.vocabulary_of_layer)
        whole, beginning = (self._read(some, keep=False)[0] for some in (tokens, tokens[:, :4]))
        if not _same(whole[:, :4], beginning):
            raise InputError(f"{self.adapter.name}: sees the tokens that follow; logits after a history need a "
                             "causal model")  # fmt: skip

    @torch.no_grad()
    def _find_head(self) -> Head:
        tokens = _trial(1, 8, self.vocabulary_of_layer)
        states, _ = self._read(tokens, keep=False)
        logits = self.model(input_ids=tokens.to(self.adapter.device), use_cache=False).logits
        return head_of(self._layer, self.adapter.config, states, logits)

    @property
    def vocabulary_of_layer(self) -> int:
        """Rows of the output layer."""
        return len(cast(Tensor, self._layer.weight))

    def _find_way(self) -> Way | None:
        """Try whether branches of a cache, read on in one go or token by token, give what reading anew gives."""
        try:
            return next((way for way in (self._at_once, self._stepwise) if self._gives_the_same(way)), None)
        except _ODD:
            return None

    def _gives_the_same(self, way: Way) -> bool:
        """Read futures after the second of two histories, and one token after the other after both."""
        histories, futures = _trial(2, 6, self.vocabulary), _trial(5, 4, self.vocabulary)[2:]
        whole = torch.cat([histories[[0, 1, 1, 1]], futures[[0, 0, 1, 2]]], 1)
        expected = self._read(whole, keep=False)[0][:, histories.shape[1] :]
        _, cache = self._read(histories, keep=True)
        if cache is None:
            return False
        grown = way(futures, branch(cache, 1, len(futures)))
        both = self._stepwise(futures[:1].expand(2, -1), copied(cache, 2))
        return _same(grown, expected[1:]) and _same(both, expected[:2])

    def _at_once(self, tokens: Tensor, cache: Any) -> Tensor:
        """Return the states (B, L, d) of tokens (B, L) read after a cache in one pass."""
        return self._read(tokens, cache, keep=True)[0]

    def _stepwise(self, tokens: Tensor, cache: Any) -> Tensor:
        """Return the same, a token at a time: state-space models of transformers go on from a state only so."""
        found: list[Tensor] = []
        for token in tokens.T:
            states, cache = self._read(token[:, None], cache, keep=True)
            found.append(states)
        return torch.cat(found, 1)


@contextmanager
def _before(layer: nn.Module) -> Generator[list[Tensor]]:
    """Collect what a layer is given, and hand it no position of it, so that it makes no logits."""
    seen: list[Tensor] = []

    def take(_module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        seen.append(inputs[0])
        return (inputs[0][:, :0], *inputs[1:])

    handle = layer.register_forward_pre_hook(take)
    try:
        yield seen
    finally:
        handle.remove()


def _trial(rows: int, length: int, vocabulary: int) -> Tensor:
    """Return fixed tokens (rows, length) that differ from row to row."""
    return (torch.arange(rows * length).view(rows, length) * 7 + 3) % vocabulary


def _same(one: Tensor, other: Tensor) -> bool:
    return float((one - other).abs().max()) <= _SAME * float(other.abs().max())
