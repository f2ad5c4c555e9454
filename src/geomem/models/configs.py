"""Hugging Face configurations of geomem's own models: what `config.json` holds. Needs no torch."""

from __future__ import annotations

import math
from typing import Any

from transformers.configuration_utils import PreTrainedConfig

from geomem.errors import InputError


class GeomemTransformerConfig(PreTrainedConfig):
    """Settings of `GeomemTransformerForCausalLM`; see `geomem.models.specs.TransformerSpec` for their meaning."""

    model_type = "geomem-transformer"
    keys_to_ignore_at_inference = ["past_key_values"]  # noqa: RUF012  (Hugging Face reads it as a plain class attribute)

    vocab_size: int = 64
    hidden_size: int = 64
    num_hidden_layers: int = 2
    num_attention_heads: int = 4
    intermediate_size: int | None = None
    max_position_embeddings: int = 64
    use_attention: bool = True
    use_residual: bool = True
    use_norm: bool = True
    use_bias: bool = True
    is_causal: bool = True
    scale_embedding: bool = False
    positions: str = "learned"
    frozen_tables: bool = False
    dropout: float = 0.0
    initialisation: str = "normal-0.02"
    position_std: float = 0.02
    layer_norm_epsilon: float = 1e-5
    use_cache: bool = True
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None
    tie_word_embeddings: bool = True

    def __post_init__(self, **kwargs: Any) -> None:
        """Fill in what follows from the rest. Raises InputError when the width does not divide into heads."""
        if self.hidden_size % self.num_attention_heads:
            raise InputError(f"width {self.hidden_size} does not divide into {self.num_attention_heads} heads")
        if self.intermediate_size is None:
            self.intermediate_size = 4 * self.hidden_size
        # Without attention there is nothing to remember, and what looks ahead changes with every token that comes.
        self.use_cache = self.use_cache and self.use_attention and self.is_causal
        super().__post_init__(**kwargs)


class GeomemLinearConfig(PreTrainedConfig):
    """Settings of `GeomemLinearForCausalLM` (TinyNN and the associative models)."""

    model_type = "geomem-linear"

    vocab_size: int = 64
    hidden_size: int = 32
    num_hidden_layers: int = 1
    max_position_embeddings: int = 64
    positions: str = "none"
    frozen_tables: bool = False
    dropout: float = 0.0
    initialisation: str = "normal-0.02"
    position_std: float = 1.0
    use_cache: bool = False
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None
    tie_word_embeddings: bool = True


class GeomemMambaConfig(PreTrainedConfig):
    """Settings of `GeomemMambaForCausalLM`; names as in transformers' MambaConfig where they mean the same."""

    model_type = "geomem-mamba"

    vocab_size: int = 64
    hidden_size: int = 64
    num_hidden_layers: int = 2
    state_size: int = 16
    conv_kernel: int = 4
    expand: int = 2
    time_step_rank: int | None = None
    time_step_min: float = 0.001
    time_step_max: float = 0.1
    time_step_floor: float = 1e-4
    use_residual: bool = True
    use_final_norm: bool = True
    norm: str = "rms"
    frozen_tables: bool = False
    embedding_std: float = 0.02
    layer_norm_epsilon: float = 1e-5
    use_cache: bool = False
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None
    tie_word_embeddings: bool = True

    def __post_init__(self, **kwargs: Any) -> None:
        """Fill in the rank of the time-step projection, width / 16 rounded up, as Mamba's authors do."""
        if self.time_step_rank is None:
            self.time_step_rank = math.ceil(self.hidden_size / 16)
        super().__post_init__(**kwargs)
