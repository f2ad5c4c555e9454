"""One token more of every sequence: the Transformer's forward pass for that case alone, without calling modules.

At 256 rows of width 64 it saves a tenth of the time of a token. The sums are those of `Block` and `Attention`, to which
tests hold it in every setting.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from geomem.decoding.cache import Room
from geomem.decoding.gelu import gelu
from geomem.models.attention import rotate
from geomem.models.tables import position_angles, sinusoids

if TYPE_CHECKING:
    from geomem.models.transformer import GeomemTransformerForCausalLM

Affine = tuple[Tensor, Tensor | None]


class Weights(NamedTuple):
    """What one block multiplies with; a norm that is left out is None."""

    norm_1: Affine | None
    qkv: Affine
    proj: Affine
    norm_2: Affine | None
    up: Affine
    down: Affine


class DecodeStep:
    """Tokens (B,) and a cache of `Room` layers to logits (B, V) of the token after, with the weights it was made of."""

    def __init__(self, model: GeomemTransformerForCausalLM) -> None:
        self.config, self.positions = model.config, model.embed_positions
        self.table, self.head = model.embed_tokens.weight, model.lm_head.weight
        self.final_norm = _norm(model.final_norm)
        self.blocks = [_weights(block) for block in model.layers]

    def __call__(self, tokens: Tensor, cache: Any) -> Tensor:
        """Read one token of each sequence, keep its keys and values, return logits (B, V)."""
        config, past = self.config, cache.get_seq_length()
        angles = None
        if config.positions == "rotary":
            place = torch.tensor([past])
            angles = position_angles(place, config.hidden_size // config.num_attention_heads)
        rows = self._embed(tokens, past)
        for weights, room in zip(self.blocks, cache.layers, strict=True):
            rows = self._add(rows, self._attend(self._normed(rows, weights.norm_1), weights, room, angles))
            inner = gelu(F.linear(self._normed(rows, weights.norm_2), *weights.up))
            rows = self._add(rows, F.linear(inner, *weights.down))
        return F.linear(self._normed(rows, self.final_norm), self.head)

    def _embed(self, tokens: Tensor, past: int) -> Tensor:
        rows = F.embedding(tokens, self.table)
        if self.config.scale_embedding:
            rows = rows * math.sqrt(self.config.hidden_size)
        if self.config.positions == "learned":
            return rows + cast(nn.Embedding, self.positions).weight[past]
        if self.config.positions == "sinusoidal":
            return rows + sinusoids(torch.tensor([past]), self.config.hidden_size)
        return rows

    def _attend(self, rows: Tensor, weights: Weights, room: Room, angles: Tensor | None) -> Tensor:
        heads = self.config.num_attention_heads
        query, key, value = F.linear(rows, *weights.qkv).view(len(rows), 1, 3, heads, -1).unbind(2)
        if angles is not None:
            query, key = rotate(query, angles), rotate(key, angles)
        room.update(key.transpose(1, 2), value.transpose(1, 2))
        return F.linear(room.ask(query).view(rows.shape), *weights.proj)

    def _normed(self, rows: Tensor, norm: Affine | None) -> Tensor:
        if norm is None:
            return rows
        return torch.layer_norm(rows, rows.shape[-1:], *norm, self.config.layer_norm_epsilon)

    def _add(self, rows: Tensor, change: Tensor) -> Tensor:
        return rows + change if self.config.use_residual else change


def decode_step(model: GeomemTransformerForCausalLM) -> DecodeStep | None:
    """Return the step of a model, or None where only its modules will do: on other devices, and where hooks wait."""
    config, head = model.config, model.lm_head.weight
    keeps = config.use_attention and config.is_causal and len(model.layers)
    usual = head.dtype == torch.float32 and head.device.type == "cpu" and not model.training
    return DecodeStep(model) if keeps and usual and not _is_watched(model) else None


def _is_watched(model: nn.Module) -> bool:
    """Return whether somebody hears of or changes what modules do."""
    if cast(Any, nn.modules.module)._has_any_global_hook():
        return True
    named = ("_forward_hooks", "_forward_pre_hooks", "forward")
    return any(vars(one).get(name) for one in model.modules() for name in named)


def _norm(module: nn.Module) -> Affine | None:
    return (module.weight, module.bias) if isinstance(module, nn.LayerNorm) else None


def _weights(block: Any) -> Weights:
    layers = (block.attention.qkv, block.attention.proj, block.mlp.up, block.mlp.down)
    qkv, proj, up, down = ((one.weight, one.bias) for one in layers)
    return Weights(_norm(block.norm_1), qkv, proj, _norm(block.norm_2), up, down)
