"""Mamba with every part of the paper's variant switchable (arXiv 2312.00752; arXiv 2510.26745).

Weights are named as in `transformers`' MambaForCausalLM and outputs are equal, so state dictionaries are exchangeable.
Written because the fallback there is slow on short sequences. Forward and backward in CPU milliseconds, two layers,
batch 256, one thread, last position only (transformers 5.23 plain / with mambapy / this file):
width 64, T = 4: 106 / 96 / 30; T = 16: 1404 / 732 / 121. Width 128, T = 4: 174 / 197 / 69; T = 16: 3140 / 1684 / 398.
Width 384, T = 4: 1314 / 1258 / 272; T = 16: 9411 / 4505 / 1250.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from transformers import initialization as init
from transformers.modeling_outputs import CausalLMOutputWithPast

from geomem.models.base import GeomemCausalLM, require_one
from geomem.models.configs import GeomemMambaConfig
from geomem.models.mixer import Memory, Mixer
from geomem.models.tables import kept

if TYPE_CHECKING:
    from geomem.models.specs import MambaSpec

__all__ = ["GeomemMambaConfig", "GeomemMambaForCausalLM", "build_mamba"]


class Block(nn.Module):
    """x + mixer(norm(x)), or mixer(norm(x)) where the release leaves out the sum."""

    def __init__(self, config: GeomemMambaConfig) -> None:
        super().__init__()
        self.residual = config.use_residual
        self.norm = _norm(config)
        self.mixer = Mixer(config)

    def forward(self, hidden: Tensor, mask: Tensor | None, memory: Memory | None) -> Tensor:
        """Map (B, T, m) to the same."""
        mixed = self.mixer(self.norm(hidden), mask, memory)
        return hidden + mixed if self.residual else mixed


class MambaCache:
    """What a model keeps of the sequences it has read: a memory for each layer, of one size however long they are."""

    goes_on_by_many = True

    def __init__(self, layers: int) -> None:
        self.layers = [Memory() for _ in range(layers)]

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Make sequence i the one that was `beam_idx[i]`; there may be more or fewer afterwards."""
        for layer in self.layers:
            if layer.inputs is not None and layer.state is not None:
                layer.inputs, layer.state = layer.inputs[beam_idx], layer.state[beam_idx]


class Backbone(nn.Module):
    """Token table, blocks and the final norm (a module of its own so that weights have transformers' names)."""

    def __init__(self, config: GeomemMambaConfig) -> None:
        super().__init__()
        self.embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.num_hidden_layers))
        self.norm_f = _norm(config) if config.use_final_norm else nn.Identity()


class GeomemMambaForCausalLM(GeomemCausalLM):
    """Selective state-space model: (B, T) int64 token ids to (B, K, V) logits.

    `hidden_states` are the embeddings, then the output of each block, the last one after the final norm: one more than
    layers, as for a Transformer (transformers' own Mamba leaves out the embeddings). Keeps no cache: generation
    reads the sequence anew for each token, which suits sequences of a few tokens.
    """

    config_class = GeomemMambaConfig
    config: GeomemMambaConfig
    base_model_prefix = "backbone"
    _tied_weights_keys = {"lm_head.weight": "backbone.embeddings.weight"}  # noqa: RUF012
    _no_split_modules = ["Block"]  # noqa: RUF012
    _is_stateful = True

    def __init__(self, config: GeomemMambaConfig) -> None:
        super().__init__(config)
        self.embed_positions = None
        self.backbone = Backbone(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if module is self.backbone.embeddings or module is self.lm_head:
            init.normal_(cast(Tensor, module.weight), std=self.config.embedding_std)
        elif isinstance(module, Mixer):
            module.reset()
        elif isinstance(module, (nn.RMSNorm, nn.LayerNorm)):
            init.ones_(module.weight)
            if isinstance(module, nn.LayerNorm):
                init.zeros_(module.bias)

    def new_cache(self) -> MambaCache:
        """Return the cache of sequences of which nothing has been read."""
        return MambaCache(len(self.backbone.layers))

    def get_input_embeddings(self) -> nn.Module:
        """Return the token table."""
        return self.backbone.embeddings

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the token table."""
        self.backbone.embeddings = cast(nn.Embedding, value)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        *,
        past_key_values: MambaCache | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        output_hidden_states: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        return_dict: bool | None = None,
        **kwargs: Any,
    ) -> CausalLMOutputWithPast | tuple[Any, ...]:
        """Return logits (B, K, V) at the positions `logits_to_keep` (see `tables.kept`).

        attention_mask: (B, T), 0 where padded: such positions neither enter the convolution nor drive the state.
        past_key_values: what was read before these tokens, brought up by them.
        """
        source = require_one(input_ids, inputs_embeds)
        hidden: Tensor = source if input_ids is None else self.backbone.embeddings(source)
        mask = None if attention_mask is None else attention_mask[..., None].to(hidden.dtype)
        states: list[Tensor] | None = [] if self.wants(output_hidden_states, "output_hidden_states") else None
        memories = past_key_values.layers if past_key_values is not None else [None] * len(self.backbone.layers)
        for layer, memory in zip(self.backbone.layers, memories, strict=True):
            if states is not None:
                states.append(hidden)
            hidden = layer(hidden, mask, memory)
        if states is None:
            hidden = self.backbone.norm_f(kept(hidden, logits_to_keep))
        else:
            hidden = self.backbone.norm_f(hidden)
            states.append(hidden)
            hidden = kept(hidden, logits_to_keep)
        logits = self.lm_head(hidden)
        cache = cast(Any, past_key_values)
        return self.finish(
            logits, labels=labels, options=kwargs, hidden_states=states, cache=cache, return_dict=return_dict
        )


def _norm(config: GeomemMambaConfig) -> nn.Module:
    if config.norm == "layer":
        return nn.LayerNorm(config.hidden_size, eps=config.layer_norm_epsilon)
    return nn.RMSNorm(config.hidden_size, eps=config.layer_norm_epsilon)


def build_mamba(spec: MambaSpec, vocab_size: int) -> GeomemMambaForCausalLM:
    """Make the model that `spec` describes, with weights drawn from torch's global generator."""
    config = GeomemMambaConfig(
        vocab_size=vocab_size,
        hidden_size=spec.width,
        num_hidden_layers=spec.layers,
        state_size=spec.state,
        conv_kernel=spec.convolution,
        expand=spec.expand,
        use_residual=spec.residual,
        use_final_norm=spec.final_norm,
        norm=spec.norm,
        frozen_tables=spec.frozen,
        embedding_std=spec.embedding_std,
        tie_word_embeddings=spec.tied,
    )
    return GeomemMambaForCausalLM(config)
