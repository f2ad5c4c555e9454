"""GPT-NeoX (Pythia): attention and MLP side by side in a block, or one after the other, as the configuration says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geomem.models.adapters.adapter import Adapter

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class NeoXAdapter(Adapter):
    """GPT-NeoX and Pythia."""

    family = "gpt_neox"
    attention_part = attention_weights = "attention"
    final_norm = "final_layer_norm"

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__(model)
        self.mlp_input = "block-input" if self.config.use_parallel_residual else "after-attention"
