"""GPT-2: pre-norm blocks, attention then MLP."""

from __future__ import annotations

from geomem.models.adapters.adapter import Adapter


class GPT2Adapter(Adapter):
    """GPT-2 and models laid out like it."""

    family = "gpt2"
    block_list = "h"
    attention_part = attention_weights = "attn"
    final_norm = "ln_f"
