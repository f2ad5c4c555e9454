"""geomem's own Transformer, Mamba and linear model, whose forward pass is one piece with their output layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from torch import Tensor, nn

from geomem.models.adapters.adapter import Adapter
from geomem.models.adapters.mamba import MambaAdapter
from geomem.models.adapters.maps import Visit

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class _Whole(Adapter):
    """Runs the model itself: asked for hidden states, it takes no short cuts; logits are made for one token only."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__(model)
        self.additive = getattr(self.config, "use_residual", False)

    @property
    def context(self) -> int | None:
        """The most tokens a window may have: bounded only by learned positions."""
        learned = getattr(self.config, "positions", "none") == "learned"
        return self.config.max_position_embeddings if learned else None

    def _forward(self, tokens: Tensor, options: dict[str, Any]) -> Any:
        wanted = {"output_hidden_states": True, "logits_to_keep": 1, "use_cache": False}
        return self.model(input_ids=tokens, **wanted, **options)


class GeomemTransformerAdapter(_Whole):
    """Pre-norm blocks on flat rows (B * T, d); attention, sums and norms can each be absent."""

    family = "geomem-transformer"
    attention_part = "attention"
    attention_weights = None
    final_norm = "final_norm"

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__(model)
        self.causal = bool(self.config.is_causal)

    @property
    def gives_maps(self) -> bool:
        """Whether the model has attention at all."""
        return bool(self.config.use_attention)

    def _visit_maps(self, tokens: Tensor, visit: Visit, attention_mask: Tensor | None) -> None:
        self._visit_reported_maps(tokens, visit, attention_mask)


class GeomemMambaAdapter(_Whole, MambaAdapter):
    """geomem's Mamba, laid out like transformers' one."""

    family = "geomem-mamba"


class GeomemLinearAdapter(_Whole):
    """TinyNN and the associative models: the linear layer is the one block, and nothing is summed."""

    family = "geomem-linear"
    attention_part = mlp_part = attention_weights = final_norm = None

    def _find_blocks(self) -> tuple[nn.Module, ...]:
        return (cast(nn.Module, self.model.linear),)
