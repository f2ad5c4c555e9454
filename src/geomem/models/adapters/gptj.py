"""GPT-J: one norm, then attention and MLP side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geomem.models.adapters.adapter import Adapter

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class GPTJAdapter(Adapter):
    """GPT-J and CodeGen."""

    family = "gptj"
    block_list = "h"
    attention_part = attention_weights = "attn"
    final_norm = "ln_f"

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__(model)
        self.mlp_input = "block-input"
