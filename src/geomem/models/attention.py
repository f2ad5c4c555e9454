"""Self-attention, causal or not, over flat token rows, with a shared prefix, chosen queries, padding or a cache."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.cache_utils import Cache

from geomem.decoding.cache import Room
from geomem.models.configs import GeomemTransformerConfig

FEW_PAIRS = 8
"""Up to so many (query, key) pairs a sequence, plain products and sums beat torch's fused kernel on a CPU (2 to 3
times forward and backward at widths 64 and 128; from about 12 pairs on the fused kernel wins)."""


@dataclass(frozen=True)
class Layout:
    """How rows (shared + batch * length, m) map to sequences: first the shared prefix once, then each sequence's own.

    past: number of positions that a cache already holds.
    padding: (B, keys) bool, True where a key may be seen, or None.
    causal: whether a position sees only itself and those before it.
    angles: (shared + T, d / 2) or (B, T, d / 2), by which queries and keys are rotated, or None.
    """

    shared: int
    batch: int
    length: int
    past: int = 0
    padding: Tensor | None = None
    causal: bool = True
    angles: Tensor | None = None

    def split(self, rows: Tensor) -> tuple[Tensor | None, Tensor]:
        """Return the shared rows (shared, ...) or None, and the sequences' own rows (B, T, ...)."""
        shared = None
        if self.shared:
            # One split, not two slices: the gradient of a slice is a zero-filled copy of the whole.
            shared, rows = rows.split([self.shared, rows.shape[0] - self.shared])
        return shared, rows.view(self.batch, self.length, *rows.shape[1:])

    def kept(self, rows: Tensor, keep: Tensor) -> Tensor:
        """Return the rows (B * K, m) of the own positions `keep` (K,) of every sequence."""
        own = self.split(rows)[1]
        # With one own position there is nothing to choose from: it is the one that is kept.
        return (own if self.length == 1 else own[:, keep]).reshape(-1, rows.shape[-1])

    def sees_all(self) -> bool:
        """Return whether there is one query a sequence, and it sees every key."""
        return self.length == 1 and self.shared == 0 and self.padding is None

    def visible(self, keep: Tensor | None, device: torch.device) -> Tensor | None:
        """Return which keys a query sees, (Tq, keys) or (B, 1, Tq, keys) bool, or None if `causal` says it."""
        first = self.past + self.shared
        keys = first + self.length
        if self.padding is None and (not self.causal or self.length == 1 or (keep is None and first == 0)):
            return None
        query = torch.arange(first, keys, device=device)
        query = query if keep is None else query[keep]
        mask = torch.ones(len(query), keys, dtype=torch.bool, device=device)
        if self.causal:
            mask = torch.arange(keys, device=device) <= query[:, None]
        if self.padding is None:
            return mask
        # A padded query may see nothing at all; its own key keeps the softmax finite, and nobody reads the result.
        self_key = torch.arange(keys, device=device) == query[:, None]
        return (mask & self.padding[:, None, None, :]) | self_key


class OutLinear(nn.Linear):
    """A linear layer that writes into the sum that runs through all blocks; marked because one initialisation asks."""


class Attention(nn.Module):
    """Multi-head self-attention with one fused projection for queries, keys and values."""

    def __init__(self, config: GeomemTransformerConfig, index: int) -> None:
        super().__init__()
        self.index = index
        self.heads = config.num_attention_heads
        self.dropout = config.dropout
        self.qkv = nn.Linear(config.hidden_size, 3 * config.hidden_size, bias=config.use_bias)
        self.proj = OutLinear(config.hidden_size, config.hidden_size, bias=config.use_bias)

    def forward(
        self, rows: Tensor, layout: Layout, keep: Tensor | None, cache: Cache | None, maps: list[Tensor] | None
    ) -> Tensor:
        """Return (rows, m), or (B * K, m) for the kept positions only. `maps`, if given, collects (B, H, Tq, keys)."""
        width = rows.shape[-1]
        before, own = layout.split(self.qkv(rows).view(-1, 3, self.heads, width // self.heads))
        query, key, value = own.unbind(2)  # each (B, T, H, d)
        if layout.angles is not None:
            angles = layout.angles[..., layout.shared :, :]
            query, key = rotate(query, angles), rotate(key, angles)
        prefix = None
        if before is not None:
            prefix_query, prefix_key, prefix_value = before[None].unbind(2)
            if layout.angles is not None:
                angles = layout.angles[: layout.shared]
                prefix_query, prefix_key = rotate(prefix_query, angles), rotate(prefix_key, angles)
            if keep is None:
                prefix = attend(prefix_query, prefix_key, prefix_value, None).reshape(-1, width)
            shape = (layout.batch, *before.shape[:1], *before.shape[2:])
            key = torch.cat([prefix_key.expand(shape), key], dim=1)
            value = torch.cat([prefix_value.expand(shape), value], dim=1)
        if cache is not None:
            key, value = cache.update(key.transpose(1, 2), value.transpose(1, 2), self.index)
            key, value = key.transpose(1, 2), value.transpose(1, 2)
        if keep is not None and layout.length > 1:
            query = query[:, keep]
        if cache is not None and maps is None and not torch.is_grad_enabled() and layout.sees_all():
            held = cache.layers[self.index]
            if isinstance(held, Room) and rows.device.type == "cpu":
                return self.proj(held.ask(query).reshape(-1, width))
        mask = layout.visible(keep, rows.device)
        dropout = self.dropout if self.training else 0.0
        mixed = attend(query, key, value, mask, causal=layout.causal, dropout=dropout, maps=maps).reshape(-1, width)
        return self.proj(mixed if prefix is None else torch.cat([prefix, mixed]))


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    *,
    causal: bool = True,
    dropout: float = 0.0,
    maps: list[Tensor] | None = None,
) -> Tensor:
    """Return softmax(Q Kᵀ / sqrt(d)) V as (B, Tq, H, d) from query (B, Tq, H, d), key and value (B, Tk, H, d).

    mask: True where seen, (Tq, Tk) or (B, 1, Tq, Tk). Without one, and if `causal`, equally many queries as keys means
    plain causality; else every query sees every key. `maps`, if given, receives the weights (B, H, Tq, Tk).
    """
    queries, keys = query.shape[1], key.shape[1]
    causal = causal and mask is None and queries == keys and queries > 1
    if maps is not None:
        seen = causal_mask(queries, query.device) if causal else mask
        return _attend_explicitly(query, key, value, seen, dropout=dropout, maps=maps)
    few = queries * keys <= FEW_PAIRS and query.device.type == "cpu"
    if few and dropout == 0.0 and (mask is None or mask.ndim == 2):
        if causal:
            mask = causal_mask(queries, query.device)
        return _attend_to_few(query, key, value, mask)
    query, key, value = query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)
    return F.scaled_dot_product_attention(query, key, value, mask, dropout, is_causal=causal).transpose(1, 2)


def rotate(vectors: Tensor, angles: Tensor) -> Tensor:
    """Rotate vectors (B, T, H, d) by angles (T, d / 2) or (B, T, d / 2), in the planes of dimensions i and i + d / 2.

    A product of rotated query and key then knows the distance of their positions alone (arXiv 2104.09864).
    """
    one, two = vectors.chunk(2, dim=-1)
    cos, sin = angles.cos().to(vectors.dtype)[..., None, :], angles.sin().to(vectors.dtype)[..., None, :]
    return torch.cat([one * cos - two * sin, two * cos + one * sin], dim=-1)


def causal_mask(length: int, device: torch.device) -> Tensor:
    """Return (T, T) bool, True where a query sees a key."""
    return torch.ones(length, length, dtype=torch.bool, device=device).tril()


def _attend_to_few(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    scaled = query * query.shape[-1] ** -0.5
    scores = (scaled[:, :, None] * key[:, None]).sum(-1, keepdim=True)  # (B, Tq, Tk, H, 1)
    if mask is not None:
        scores = scores.masked_fill(~mask[:, :, None, None], float("-inf"))
    return (scores.softmax(2) * value[:, None]).sum(2)


def _attend_explicitly(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, *, dropout: float, maps: list[Tensor]
) -> Tensor:
    scores = torch.einsum("bqhd,bkhd->bhqk", query, key) * query.shape[-1] ** -0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = scores.softmax(-1)
    maps.append(weights)
    return torch.einsum("bhqk,bkhd->bqhd", F.dropout(weights, dropout), value)
