"""A Transformer with every part switchable, causality too (arXiv 2510.26745, GPT-mid), fast on short sequences.

Three savings change nothing in the result and are why it exists beside `transformers`' GPT-2: a prefix that all
sequences of a batch share is computed once, the last block runs only where logits are wanted, and no mask is made
unless padding, a cache or chosen positions need one.
"""

from __future__ import annotations

import math
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import initialization as init
from transformers.cache_utils import Cache, DynamicCache
from transformers.modeling_outputs import CausalLMOutputWithPast

from geomem.errors import InputError
from geomem.models.attention import Layout, OutLinear
from geomem.models.base import GeomemCausalLM, require_one
from geomem.models.block import Block
from geomem.models.configs import GeomemTransformerConfig
from geomem.models.decode_step import DecodeStep, decode_step
from geomem.models.tables import TOKEN_STD, kept, position_angles, sinusoids

__all__ = ["GeomemTransformerConfig", "GeomemTransformerForCausalLM"]


class GeomemTransformerForCausalLM(GeomemCausalLM):
    """Pre-norm Transformer: (B, T) int64 token ids to (B, K, V) logits.

    Causal, logits at t are of the token after; with `is_causal` off, of the token at t, which the input masks.
    `hidden_states` are the embeddings, then the output of each block, the last one after the final norm (the
    convention of Hugging Face's GPT-2); so there are layers + 1 of them. `attentions`, when asked for, are computed
    by the explicit formula whatever the attention implementation, so they are never silently empty.
    """

    config_class = GeomemTransformerConfig
    config: GeomemTransformerConfig
    _supports_sdpa = True
    _no_split_modules = ["Block"]  # noqa: RUF012

    def __init__(self, config: GeomemTransformerConfig) -> None:
        super().__init__(config)
        width = config.hidden_size
        self.embed_tokens = nn.Embedding(config.vocab_size, width)
        learned = config.positions == "learned"
        self.embed_positions = nn.Embedding(config.max_position_embeddings, width) if learned else None
        self.layers = nn.ModuleList(Block(config, index) for index in range(config.num_hidden_layers))
        self.final_norm = nn.LayerNorm(width, eps=config.layer_norm_epsilon) if config.use_norm else nn.Identity()
        self.lm_head = nn.Linear(width, config.vocab_size, bias=False)
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Draw weights; `init` leaves alone those that a checkpoint has filled in already."""
        config = self.config
        if module is self.embed_tokens or module is self.lm_head:
            fan_in = config.initialisation == "fan-in"
            std = 1 / math.sqrt(config.hidden_size) if fan_in else TOKEN_STD[config.initialisation]
            init.normal_(cast(Tensor, module.weight), std=std)
        elif isinstance(module, nn.Embedding):
            init.normal_(module.weight, std=config.position_std)
        elif isinstance(module, nn.Linear):
            # GPT-2, section 2.3: what 2 * layers parts add up should not grow with depth.
            scaled = config.initialisation == "scaled-residual" and isinstance(module, OutLinear)
            std = 0.02 / (2 * config.num_hidden_layers) ** 0.5 if scaled else 0.02
            init.normal_(module.weight, std=module.in_features**-0.5 if config.initialisation == "fan-in" else std)
            if config.use_bias:
                init.zeros_(module.bias)
        elif isinstance(module, nn.LayerNorm):
            init.ones_(module.weight)
            init.zeros_(module.bias)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        *,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        return_dict: bool | None = None,
        **kwargs: Any,
    ) -> CausalLMOutputWithPast | tuple[Any, ...]:
        """Return logits (B, K, V) at the positions `logits_to_keep` (see `tables.kept`), and what else was asked for.

        attention_mask: (B, past + T), 1 where a token may be seen. labels: (B, T), shifted inside (not when the model
        looks ahead), -100 = no loss. A cache is kept only when `use_cache` or `past_key_values` says so: training needs
        none. Raises InputError for sequences longer than the learned positions, and for a cache in a model that does.
        """
        source = require_one(input_ids, inputs_embeds)
        maps: list[Tensor] | None = [] if self.wants(output_attentions, "output_attentions") else None
        states: list[Tensor] | None = [] if self.wants(output_hidden_states, "output_hidden_states") else None
        if not self.config.is_causal and past_key_values is not None:
            raise InputError("past_key_values: a model that looks ahead has no cache, for its past changes")
        if not (self.config.use_attention and self.config.is_causal):
            past_key_values, use_cache = None, False  # nothing to remember
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache()
        past = past_key_values.get_seq_length() if past_key_values is not None else 0
        plain = attention_mask is None and maps is None and states is None

        wanted, shared = None, 0
        if plain and labels is None and len(self.layers):
            wanted = _wanted_positions(logits_to_keep, source.shape[1], source.device)
        if wanted is not None and position_ids is None and past_key_values is None and input_ids is not None:
            shared = self._shared_prefix(input_ids, wanted)
        keep = None if wanted is None else wanted - shared
        layout = self._layout(source, past, shared, attention_mask, position_ids)
        rows = self._embed(source, position_ids, layout)
        # Positions that nobody asks for are dropped in the last block, or in the first when positions never mix.
        dropping = len(self.layers) - 1 if self.config.use_attention else 0
        for index, layer in enumerate(self.layers):
            if states is not None:
                states.append(layout.split(rows)[1])
            rows = cast(Tensor, layer(rows, layout, keep if index == dropping else None, past_key_values, maps))
        if keep is not None and len(rows) != layout.batch * len(keep):
            rows = layout.kept(rows, keep)  # the block that drops positions was left out
        if keep is not None:
            hidden = self.final_norm(rows).view(layout.batch, keep.shape[0], rows.shape[-1])
        else:
            whole = self.final_norm(layout.split(rows)[1])
            if states is not None:
                states.append(whole)
            hidden = kept(whole, logits_to_keep)
        logits = self.lm_head(hidden)
        if labels is not None and not self.config.is_causal:
            kwargs = {**kwargs, "shift_labels": labels}  # each at its own place
        return self.finish(
            logits,
            labels=labels,
            options=kwargs,
            hidden_states=states,
            attentions=maps,
            cache=past_key_values,
            return_dict=return_dict,
        )

    def generate(self, *args: Any, **kwargs: Any) -> Any:
        """Continue texts, as transformers does. Raises InputError for a model that looks ahead: it fills in masks."""
        if not self.config.is_causal:
            raise InputError("generate: a model that looks ahead fills in masked tokens; it cannot continue a text")
        return cast(Any, super()).generate(*args, **kwargs)

    def decode_step(self) -> DecodeStep | None:
        """Return what reads one token more of every sequence (see `models.decode_step`), or None: call the model."""
        return decode_step(self)

    def _layout(
        self, source: Tensor, past: int, shared: int, attention_mask: Tensor | None, position_ids: Tensor | None
    ) -> Layout:
        batch, length = source.shape[:2]
        padding = None if attention_mask is None else attention_mask.bool()
        if padding is not None and padding.shape != (batch, past + length):
            raise InputError(f"attention_mask: expected shape {(batch, past + length)}, got {tuple(padding.shape)}")
        angles = None
        if self.config.positions == "rotary":
            places = torch.arange(past, past + length, device=source.device) if position_ids is None else position_ids
            angles = position_angles(places, self.config.hidden_size // self.config.num_attention_heads)
        return Layout(shared, batch, length - shared, past, padding, self.config.is_causal, angles)

    def _embed(self, source: Tensor, position_ids: Tensor | None, layout: Layout) -> Tensor:
        """Return token rows (shared + B * T, m) of ids (B, T) or of vectors (B, T, m)."""
        shared, total = layout.shared, layout.shared + layout.length
        if source.ndim == 3:
            rows = source.reshape(-1, source.shape[-1])
        else:
            flat = torch.cat([source[0, :shared], source[:, shared:].reshape(-1)]) if shared else source.reshape(-1)
            rows: Tensor = self.embed_tokens(flat)
            if self.config.scale_embedding:
                rows = rows * math.sqrt(self.config.hidden_size)
        if self.config.positions in ("learned", "sinusoidal"):
            added = self._positions(position_ids, layout.past, layout.past + total, rows.device)
            before, own = layout.split(rows)
            own = (own + added[shared:] if shared else own + added).view(-1, rows.shape[-1])
            rows = own if before is None else torch.cat([before + added[:shared], own])
        return F.dropout(rows, self.config.dropout, self.training) if self.config.dropout else rows

    def _positions(self, position_ids: Tensor | None, start: int, stop: int, device: torch.device) -> Tensor:
        """Return position vectors, (T, m) or (B, T, m)."""
        if self.embed_positions is None:
            ids = torch.arange(start, stop, device=device) if position_ids is None else position_ids
            return sinusoids(ids, self.config.hidden_size)
        return self.positions_up_to(self.embed_positions, position_ids, start, stop)

    def _shared_prefix(self, input_ids: Tensor, wanted: Tensor) -> int:
        """Count the leading tokens that all sequences share and whose logits nobody wants."""
        batch, length = input_ids.shape
        if not self.config.is_causal:
            return 0  # what comes later differs, and is seen
        # Dropout must differ from sequence to sequence; on a GPU reading the answer back costs more than it saves.
        if batch == 1 or input_ids.device.type != "cpu" or (self.training and self.config.dropout):
            return 0
        if torch.compiler.is_compiling():
            return 0
        # The second bound matters only when a position is wanted twice: a single own position is kept just once.
        most = min(int(wanted.min()), length - wanted.shape[0])
        count = 0
        while count < most and bool((input_ids[:, count] == input_ids[0, count]).all()):
            count += 1
        return count


def _wanted_positions(logits_to_keep: int | Tensor, length: int, device: torch.device) -> Tensor | None:
    """Return the wanted positions (K,), each in 0..T-1, or None when they are all, none, or differ between sequences.

    Raises IndexError for a position outside the sequence, as indexing does.
    """
    if isinstance(logits_to_keep, int):
        return torch.arange(length - logits_to_keep, length, device=device) if 0 < logits_to_keep < length else None
    if logits_to_keep.ndim != 1 or logits_to_keep.numel() == 0 or (length == 1 and logits_to_keep.numel() > 1):
        return None
    wanted = logits_to_keep.to(device)
    wanted = torch.where(wanted < 0, wanted + length, wanted)
    if device.type == "cpu" and not torch.compiler.is_compiling() and not 0 <= wanted.min() <= wanted.max() < length:
        raise IndexError(f"logits_to_keep: {logits_to_keep.tolist()} reaches outside a sequence of {length} tokens")
    return wanted
