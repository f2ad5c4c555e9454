"""TinyNN and the associative models: one token table and one linear layer (arXiv 2510.26745)."""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import initialization as init
from transformers.modeling_outputs import CausalLMOutputWithPast

from geomem.models.base import GeomemCausalLM, require_one
from geomem.models.configs import GeomemLinearConfig
from geomem.models.tables import TOKEN_STD, kept

__all__ = ["GeomemLinearConfig", "GeomemLinearForCausalLM"]


class GeomemLinearForCausalLM(GeomemCausalLM):
    """logits(u) = E' (W E_u + b) at every position, E' = E when tied; earlier tokens play no part.

    With frozen tables this is the associative model: the edges can only be stored in `linear.weight`, W (m, m).
    `hidden_states` are the embeddings and the output of the linear layer.
    """

    config_class = GeomemLinearConfig
    config: GeomemLinearConfig

    def __init__(self, config: GeomemLinearConfig) -> None:
        super().__init__(config)
        width = config.hidden_size
        self.embed_tokens = nn.Embedding(config.vocab_size, width)
        learned = config.positions == "learned"
        self.embed_positions = nn.Embedding(config.max_position_embeddings, width) if learned else None
        self.linear = nn.Linear(width, width)
        self.lm_head = nn.Linear(width, config.vocab_size, bias=False)
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if module is self.embed_tokens or module is self.lm_head:
            init.normal_(cast(Tensor, module.weight), std=TOKEN_STD[self.config.initialisation])
        elif isinstance(module, nn.Embedding):
            init.normal_(module.weight, std=self.config.position_std)
        elif module is self.linear:
            init.normal_(self.linear.weight, std=0.02)
            init.zeros_(self.linear.bias)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        *,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        output_hidden_states: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        return_dict: bool | None = None,
        **kwargs: Any,
    ) -> CausalLMOutputWithPast | tuple[Any, ...]:
        """Return logits (B, K, V) at the positions `logits_to_keep` (see `tables.kept`).

        `attention_mask` is accepted and has no effect: no position sees another. Raises InputError for sequences
        longer than the learned positions, where there are any.
        """
        del attention_mask
        source = require_one(input_ids, inputs_embeds)
        states: list[Tensor] | None = [] if self.wants(output_hidden_states, "output_hidden_states") else None
        # Positions do not mix, so those without a wanted logit are dropped before anything is computed.
        early = states is None and self.embed_positions is None
        if early:
            source = (
                kept(source, logits_to_keep) if input_ids is None else kept(source[..., None], logits_to_keep)[..., 0]
            )
        embedded: Tensor = source if input_ids is None else self.embed_tokens(source)
        if self.embed_positions is not None:
            embedded = embedded + self.positions_up_to(self.embed_positions, position_ids, 0, embedded.shape[1])
        hidden = F.dropout(self.linear(embedded), self.config.dropout, self.training)
        if states is not None:
            states += [embedded, hidden]
        logits = self.lm_head(hidden if early else kept(hidden, logits_to_keep))
        return self.finish(logits, labels=labels, options=kwargs, hidden_states=states, return_dict=return_dict)
