"""One pre-norm Transformer block: attention, then an MLP, each with a norm before and a sum after."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from transformers.cache_utils import Cache

from geomem.decoding.gelu import gelu
from geomem.models.attention import Attention, Layout, OutLinear
from geomem.models.configs import GeomemTransformerConfig


class MLP(nn.Module):
    """Two linear layers with the tanh-approximated GELU between them."""

    def __init__(self, config: GeomemTransformerConfig) -> None:
        super().__init__()
        hidden = config.intermediate_size or 4 * config.hidden_size
        self.up = nn.Linear(config.hidden_size, hidden, bias=config.use_bias)
        self.down = OutLinear(hidden, config.hidden_size, bias=config.use_bias)

    def forward(self, rows: Tensor) -> Tensor:
        """Map (n, m) to (n, m)."""
        return self.down(gelu(self.up(rows)))


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)); attention, sums and norms can each be absent."""

    def __init__(self, config: GeomemTransformerConfig, index: int) -> None:
        super().__init__()
        self.residual = config.use_residual
        self.dropout = config.dropout

        def norm() -> nn.Module:
            if not config.use_norm:
                return nn.Identity()
            return nn.LayerNorm(config.hidden_size, eps=config.layer_norm_epsilon)

        self.norm_1 = norm() if config.use_attention else None
        self.attention = Attention(config, index) if config.use_attention else None
        self.norm_2 = norm()
        self.mlp = MLP(config)

    def forward(
        self, rows: Tensor, layout: Layout, keep: Tensor | None, cache: Cache | None, maps: list[Tensor] | None
    ) -> Tensor:
        """Map rows (shared + B * T, m) to the same, or to (B * K, m) when only the positions `keep` are wanted."""
        mixed = None
        if self.attention is not None and self.norm_1 is not None:
            mixed = self.attention(self.norm_1(rows), layout, keep, cache, maps)
        if keep is not None:
            rows = layout.kept(rows, keep)
        if mixed is not None:
            rows = self._add(rows, mixed)
        return self._add(rows, self.mlp(self.norm_2(rows)))

    def _add(self, rows: Tensor, change: Tensor) -> Tensor:
        if self.dropout and self.training:
            change = F.dropout(change, self.dropout)
        return rows + change if self.residual else change
