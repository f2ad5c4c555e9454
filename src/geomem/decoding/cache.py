"""What a model keeps of the tokens it has read, so that the next ones are read alone."""

from __future__ import annotations

import inspect
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

CACHE_NAMES = ("past_key_values", "cache_params")
"""What models call their cache, in what they return and in what they are given."""

_SMALL_PRODUCT = 400
"""Multiplications from which on torch gives a batch of matrix products to BLAS; its own loop is three times slower."""


def cache_name(model: nn.Module) -> str | None:
    """Return the name under which a model takes its cache, or None when it takes none."""
    taken = inspect.signature(model.forward).parameters
    return next((name for name in CACHE_NAMES if name in taken), None)


def new_cache(model: nn.Module, tokens: int) -> Any:
    """Return an empty cache with room for `tokens` tokens a sequence, or None when the model takes none.

    The model's own `new_cache()` where it has one, else transformers' cache for its configuration; layers that would
    grow by concatenation get their room at once. None, too, when the model has no configuration to make it from.
    """
    if cache_name(model) is None:
        return None
    if hasattr(model, "new_cache"):
        return cast(Any, model).new_cache()
    config = getattr(model, "config", None)
    if config is None:
        return None
    cache = DynamicCache(config=config)
    if not cache.layers:
        return None  # a model without layers: nothing would count its tokens
    cache.layers = [Room(tokens) if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache


def goes_on_by_many(cache: Any) -> bool:
    """Return whether a model can read several tokens at once after its cache: transformers' state spaces cannot.

    They begin anew from a state of zeros then, without a word.
    """
    own = getattr(cache, "goes_on_by_many", None)
    return bool(own) if own is not None else isinstance(cache, Cache) and all(type(one) is Room for one in cache.layers)


class Room(DynamicLayer):
    """Keys and values (B, H, T, d) of one layer, written into memory that was set apart for `tokens` tokens.

    Concatenation copies all keys and values at every token; at 6 layers of width 384 a profile had a quarter of the
    time in it.
    """

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.tokens = tokens
        self._held: tuple[Tensor, Tensor] | None = None

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Add keys and values (B, H, t, d); return all there are, as views that the next update leaves as they are."""
        old = self.get_seq_length()
        end = old + key_states.shape[-2]
        if self._held is None or end > self.tokens:
            self._make_room(key_states, value_states, end)
        keys, values = cast("tuple[Tensor, Tensor]", self._held)
        keys[:, :, old:end] = key_states
        values[:, :, old:end] = value_states
        self.keys, self.values = keys[:, :, :end], values[:, :, :end]
        return self.keys, self.values

    def ask(self, query: Tensor) -> Tensor:
        """Return softmax(q Kᵀ / sqrt(d)) V, (B, 1, H, d), of one query a sequence (B, 1, H, d) that sees every key.

        Without a gradient: what follows writes into the same memory. Keys are read in eights, those not written yet
        with a weight of 0: on a CPU, products and sums of other lengths take longer than what is read in vain.
        """
        batch, _, heads, size = query.shape
        length = self.get_seq_length()
        wide = _read_width(length, size)
        keys, values = (held[:, :, :wide].flatten(0, 1) for held in cast("tuple[Tensor, Tensor]", self._held))
        unseen = keys.new_zeros(wide)
        unseen[length:] = -torch.inf
        scores = torch.baddbmm(unseen, query.reshape(-1, 1, size), keys.transpose(1, 2), alpha=size**-0.5)
        return torch.bmm(scores.softmax(-1), values).view(batch, 1, heads, size)

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Make sequence i the one that was `beam_idx[i]`; there may be more or fewer afterwards."""
        length = self.get_seq_length()
        if self._held is not None:
            self._held = cast(Any, tuple(_moved(held, length, beam_idx) for held in self._held))
            self.keys, self.values = (held[:, :, :length] for held in cast(Any, self._held))

    def _make_room(self, key_states: Tensor, value_states: Tensor, end: int) -> None:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        before, self.tokens = self._held, max(self.tokens, 2 * end if self._held is not None else end)
        length = self.get_seq_length()
        self._held = (_room(key_states, self.tokens), _room(value_states, self.tokens))
        if before is not None:
            for held, old in zip(self._held, before, strict=True):
                held[:, :, :length] = old[:, :, :length]


def _read_width(tokens: int, size: int) -> int:
    """Return how many keys of `size` numbers are read where there are `tokens` of them."""
    return -(-max(tokens, _SMALL_PRODUCT // size) // 8) * 8


def _room(states: Tensor, tokens: int) -> Tensor:
    # Zeros, since what is read and not seen must be finite.
    return states.new_zeros(*states.shape[:2], _read_width(tokens, states.shape[-1]), states.shape[-1])


def _moved(held: Tensor, length: int, rows: Tensor) -> Tensor:
    made = held.new_zeros(len(rows), *held.shape[1:])
    made[:, :, :length] = held[:, :, :length].index_select(0, rows)
    return made
