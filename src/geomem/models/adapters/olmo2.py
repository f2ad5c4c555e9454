"""OLMo 2: attention and MLP read the stream as it is, and what they give is normed before it is added."""

from __future__ import annotations

from geomem.models.adapters.adapter import Adapter


class Olmo2Adapter(Adapter):
    """OLMo 2 and 3: the normed outputs are what the stream gains."""

    family = "olmo2"
    attention_part = "post_attention_layernorm"
    mlp_part = "post_feedforward_layernorm"
