"""What geomem's own sequence models share: tied and frozen tables, the loss, and Hugging Face's output."""

from __future__ import annotations

from typing import Any, cast

from torch import Tensor, nn
from transformers.cache_utils import Cache
from transformers.generation.utils import GenerationMixin
from transformers.modeling_outputs import CausalLMOutputWithPast
from transformers.modeling_utils import PreTrainedModel

from geomem.errors import InputError


class GeomemCausalLM(PreTrainedModel, GenerationMixin):
    """Base of causal language models with a token table `embed_tokens` and an output layer `lm_head`."""

    base_model_prefix = "model"
    _tied_weights_keys = {"lm_head.weight": "embed_tokens.weight"}  # noqa: RUF012
    embed_tokens: nn.Embedding
    embed_positions: nn.Embedding | None
    lm_head: nn.Linear

    def tie_weights(self, *args: Any, **kwargs: Any) -> None:
        """Tie the output layer to the token table, and freeze the tables where the configuration says so.

        Here, because transformers calls this both when a model is made and after a checkpoint has put new parameters
        (which are trainable) in the place of the old ones.
        """
        super().tie_weights(*args, **kwargs)
        if cast(Any, self.config).frozen_tables:
            for table in self.tables():
                table.requires_grad_(False)

    def tables(self) -> list[nn.Module]:
        """Return what freezing freezes: token table, output layer and learned positions."""
        positions = [] if self.embed_positions is None else [self.embed_positions]
        return [self.get_input_embeddings(), self.lm_head, *positions]

    def get_input_embeddings(self) -> nn.Module:
        """Return the token table."""
        return self.embed_tokens

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the token table."""
        self.embed_tokens = cast(nn.Embedding, value)

    def get_output_embeddings(self) -> nn.Module:
        """Return the output layer (its weight is the token table when tied)."""
        return self.lm_head

    def wants(self, asked: bool | None, name: str) -> bool:
        """Return whether an optional output is wanted: as asked, or else as the configuration says."""
        return bool(getattr(self.config, name, False) if asked is None else asked)

    def positions_up_to(self, table: nn.Embedding, position_ids: Tensor | None, start: int, stop: int) -> Tensor:
        """Return learned position vectors start..stop-1 as (T, m), or those of `position_ids`.

        Raises InputError when the sequence is longer than the table, unless its ids, shared by some tokens, fit in it.
        """
        if stop > table.num_embeddings and (position_ids is None or int(position_ids.max()) >= table.num_embeddings):
            raise InputError(f"a sequence of {stop} tokens is longer than max_positions = {table.num_embeddings}")
        return table.weight[start:stop] if position_ids is None else table(position_ids)

    def finish(
        self,
        logits: Tensor,
        *,
        labels: Tensor | None,
        options: dict[str, Any],
        hidden_states: list[Tensor] | None = None,
        attentions: list[Tensor] | None = None,
        cache: Cache | None = None,
        return_dict: bool | None = None,
    ) -> CausalLMOutputWithPast | tuple[Any, ...]:
        """Return the output object (or a tuple), with the shifted next-token loss when there are labels."""
        loss = None
        if labels is not None:
            known = {name: options[name] for name in ("num_items_in_batch", "shift_labels") if name in options}
            function = cast(Any, self.loss_function)
            loss = function(logits=logits, labels=labels, vocab_size=logits.shape[-1], **known)
        output = CausalLMOutputWithPast(
            loss=loss,
            logits=logits,
            past_key_values=cache,
            hidden_states=None if hidden_states is None else tuple(hidden_states),
            attentions=None if attentions is None else tuple(attentions),
        )
        return output if self.wants(return_dict, "return_dict") else output.to_tuple()


def require_one(input_ids: Tensor | None, inputs_embeds: Tensor | None) -> Tensor:
    """Return the one of the two that was given. Raises InputError for none or both."""
    if input_ids is not None and inputs_embeds is None:
        return input_ids
    if inputs_embeds is not None and input_ids is None:
        return inputs_embeds
    raise InputError("give exactly one of input_ids and inputs_embeds")
