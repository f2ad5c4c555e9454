"""Phi 1 and 2: one norm, then attention and MLP side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geomem.models.adapters.adapter import Adapter

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class PhiAdapter(Adapter):
    """Phi 1, 1.5 and 2 (Phi 3 is laid out like Llama)."""

    family = "phi"
    final_norm = "final_layernorm"

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__(model)
        self.mlp_input = "block-input"
