"""One view of every architecture: its blocks, what attention and MLP add to the residual stream, and its output layer.

A family is a small class that says where things are (paths from the model's body, paths from a block) and, where it
must, how they are computed. Stream l (l = 0..L) enters block l; stream L leaves the last block before the final norm.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

import torch
from torch import Tensor, nn

from geomem.errors import InputError
from geomem.models.adapters.maps import Visit, eager_attention, reported_maps, weights_of
from geomem.models.adapters.recording import AfterBlock, Record, recording, windows
from geomem.outputs import first

if TYPE_CHECKING:
    from transformers import PreTrainedModel

MlpInput = Literal["after-attention", "block-input", "normed"]


class Adapter:
    """Blocks, parts, streams, logits and attention maps of one model. Build it with `adapt`.

    mlp_input: what a block's MLP reads: the stream after attention ("after-attention"), the same as attention
    ("block-input", parallel blocks), or the normed sum ("normed", post-norm blocks).
    additive: whether stream l+1 = stream l + attention + MLP holds.
    missing: one line for each thing that this model cannot give, and why.
    """

    family: ClassVar[str] = ""
    block_list: ClassVar[str] = "layers"
    """Path of the blocks from the body (the model without its output layer)."""
    attention_part: ClassVar[str | None] = "self_attn"
    """Path, from a block, of the module whose output attention (or a state-space mixer) adds to the stream."""
    mlp_part: ClassVar[str | None] = "mlp"
    attention_weights: ClassVar[str | None] = "self_attn"
    """Path, from a block, of the module that returns attention weights second."""
    final_norm: ClassVar[str | None] = "norm"

    def __init__(self, model: PreTrainedModel) -> None:
        """Find the parts. Raises AttributeError when the model is not laid out as the family says."""
        self.model = model
        self.body = body_of(model)
        self.config: Any = model.config.get_text_config()
        self.causal = True
        self.additive = True
        self.mlp_input: MlpInput = "after-attention"
        self.blocks: tuple[nn.Module, ...] = self._find_blocks()
        self.output_layer = cast("nn.Module | None", model.get_output_embeddings())
        self._attentions = self._find(self.attention_part)
        self._mlps = self._find(self.mlp_part)
        self._weights = self._find(self.attention_weights)
        self._norm = cast("nn.Module | None", attrgetter(self.final_norm)(self.body) if self.final_norm else None)
        self.window: tuple[int, int] | None = None  # (B, T) while running

    def _find_blocks(self) -> tuple[nn.Module, ...]:
        return tuple(attrgetter(self.block_list)(self.body))

    def _find(self, path: str | None) -> tuple[nn.Module, ...]:
        found = () if path is None else tuple(attrgetter(path)(block) for block in self.blocks)
        return () if None in found else found

    @property
    def name(self) -> str:
        """The model type, as its configuration says it."""
        return str(self.config.model_type)

    @property
    def missing(self) -> tuple[str, ...]:
        """One line for each thing that this model cannot give, and why."""
        lines: list[str] = []
        if self.output_layer is None:
            lines.append(f"logits: this {self.name} checkpoint has no output layer")
        if not self._attentions:
            lines.append(f"attention updates: {self.name} has no attention that adds to a stream")
        if not self.gives_maps:
            lines.append(f"attention maps: {self.name} has no attention weights")
        if not self._mlps:
            lines.append(f"MLP updates: {self.name} has no MLP that adds to a stream")
        return tuple(lines)

    @property
    def gives_maps(self) -> bool:
        """Whether attention maps can be asked for."""
        return bool(self._weights)

    @property
    def device(self) -> torch.device:
        """Where the token table is; tokens are moved there."""
        return self.embedding.device

    @property
    def embedding(self) -> Tensor:
        """The token table (V, d), before any scale that the model puts on its rows (Gemma)."""
        return cast(Tensor, cast(Any, self.model.get_input_embeddings()).weight)

    @property
    def unembedding(self) -> Tensor | None:
        """The output layer's weight (V, d), which is the token table when tied; None when there is none."""
        return None if self.output_layer is None else cast(Tensor, self.output_layer.weight)

    @property
    def unembedding_bias(self) -> Tensor | None:
        """The output layer's bias (V,), or None."""
        return cast("Tensor | None", getattr(self.output_layer, "bias", None))

    @property
    def context(self) -> int | None:
        """The most tokens a window may have, or None when the architecture sets no bound."""
        return getattr(self.config, "max_position_embeddings", None)

    def attention(self, layer: int) -> nn.Module | None:
        """Return the module whose output (first tensor) attention or a mixer adds to the stream in block `layer`.

        Its output is (B, T, d), or (B * T, d) in architectures that work on flat rows. Dropout after it is left out:
        `run` evaluates, where dropout does nothing.
        """
        return self._attentions[layer] if self._attentions else None

    def mlp(self, layer: int) -> nn.Module | None:
        """Return the module whose output the MLP adds to the stream in block `layer`; shapes as for `attention`."""
        return self._mlps[layer] if self._mlps else None

    def final(self, stream: Tensor) -> Tensor:
        """Map stream L (..., d) to what the output layer reads (..., d): the final norm where there is one."""
        return stream if self._norm is None else self._norm(stream)

    def logits(self, stream: Tensor) -> Tensor:
        """Map stream L (..., d) to logits (..., V), as the model computes them.

        Raises InputError for a checkpoint without an output layer.
        """
        if self.output_layer is None:
            raise InputError(f"{self.name}: this checkpoint has no output layer, so there are no logits")
        return self._cap(self.output_layer(self.final(stream)))

    def _cap(self, logits: Tensor) -> Tensor:
        """Apply what follows the output layer: nothing, unless a family says so."""
        return logits

    def run(
        self,
        tokens: Tensor,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        *,
        grad: bool = False,
    ) -> Tensor:
        """Run the body on tokens (B, T) without computing logits and return stream L (B, T, d).

        Evaluates (no dropout), keeps no cache, and tracks no gradients unless `grad`. Interventions that are in place
        count: `logits(run(tokens))` are the model's logits under them. attention_mask: (B, T), 1 where a token counts.
        """
        options = {"attention_mask": attention_mask, "position_ids": position_ids}
        on_device = {name: value.to(self.device) for name, value in options.items() if value is not None}
        with self._evaluating(tokens, grad):
            return self._run(tokens.to(self.device), on_device)

    def record(
        self, *, streams: bool = True, parts: bool = True, after_block: AfterBlock | None = None
    ) -> AbstractContextManager[Record]:
        """Record, while the context is open, the streams and what attention and MLP add to them in each `run`.

        Interventions put in place before are seen. What is recorded is detached; a second `run` replaces the first's.
        after_block: called during the run as soon as a block is through; it may let go of the block's parts.
        """
        return recording(self, streams=streams, parts=parts, after_block=after_block)

    def attention_maps(self, tokens: Tensor, attention_mask: Tensor | None = None) -> list[Tensor]:
        """Return L attention maps (B, H, T, T) of tokens (B, T); rows are queries and sum to one.

        Raises InputError for a family without attention.
        """
        maps: dict[int, Tensor] = {}
        self.visit_attention_maps(tokens, maps.__setitem__, attention_mask)
        return [maps[layer] for layer in sorted(maps)]

    def visit_attention_maps(self, tokens: Tensor, visit: Visit, attention_mask: Tensor | None = None) -> None:
        """Call `visit(layer, map (B, H, T, T))` for each block as it runs, so that one map is held at a time.

        The attention implementation is the explicit one for this call and restored after it: the fused ones return no
        weights, and transformers says nothing. Raises InputError for a family without attention, and if any block
        gives no map.
        """
        if not self.gives_maps:
            raise InputError(f"{self.name}: gives no attention maps")
        with eager_attention(self.model):
            self._visit_maps(tokens, visit, attention_mask)

    def _visit_maps(self, tokens: Tensor, visit: Visit, attention_mask: Tensor | None) -> None:
        with weights_of(self._weights, visit, self.name):
            self.run(tokens, attention_mask)

    def _visit_reported_maps(self, tokens: Tensor, visit: Visit, attention_mask: Tensor | None) -> None:
        """Hand over the maps that the model reports when asked, for models whose modules do not return them."""
        options: dict[str, Any] = {"output_attentions": True}
        if attention_mask is not None:
            options["attention_mask"] = attention_mask.to(self.device)
        with self._evaluating(tokens, grad=False):
            output = self._forward(tokens.to(self.device), options)
        for layer, weights in enumerate(reported_maps(output, self.config.num_hidden_layers, self.name)):
            visit(layer, weights)

    def _run(self, tokens: Tensor, options: dict[str, Tensor]) -> Tensor:
        seen: list[Tensor] = []
        with self._last_stream(seen):
            self._forward(tokens, options)
        return windows(seen[-1], self.window)

    def _forward(self, tokens: Tensor, options: dict[str, Any]) -> Any:
        return self.body(input_ids=tokens, use_cache=False, **options)

    @contextmanager
    def _evaluating(self, tokens: Tensor, grad: bool) -> Generator[None]:
        training = self.model.training
        self.model.eval()
        self.window = (tokens.shape[0], tokens.shape[1])
        try:
            with torch.set_grad_enabled(grad):
                yield
        finally:
            self.window = None
            if training:
                self.model.train()

    @contextmanager
    def _last_stream(self, seen: list[Tensor]) -> Generator[None]:
        """Collect what leaves the last block. Hooked last of all, it sees what interventions make of it."""

        def keep(_module: nn.Module, _inputs: Any, output: Any) -> None:
            seen.append(first(output))

        handle = self.blocks[-1].register_forward_hook(keep)
        try:
            yield
        finally:
            handle.remove()


def body_of(model: PreTrainedModel) -> nn.Module:
    """Return the model without its output layer, and of a model that also sees images the text part."""
    body = model.base_model
    return cast(nn.Module, getattr(body, "language_model", body))
