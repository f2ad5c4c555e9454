"""Architectures without an adapter of their own: what is found by looking and proved by one small forward pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from geomem.errors import InputError
from geomem.models.adapters.adapter import Adapter, body_of
from geomem.models.adapters.maps import Visit, eager_attention

if TYPE_CHECKING:
    from transformers import PreTrainedModel

PROBE_LENGTH = 4
"""Tokens of the window on which guesses are tried."""
ODD = (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError)
"""What comes of a model that is built otherwise than guessed."""


class GenericAdapter(Adapter):
    """Blocks found by their number; no parts of blocks. The final norm and the logits only once `prove` found them."""

    family = "generic"
    attention_part = mlp_part = attention_weights = final_norm = None

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__(model)
        self.causal = is_causal(model)
        self.additive = False
        self._head_known = False
        self._gives_maps: bool | None = None

    def _find_blocks(self) -> tuple[nn.Module, ...]:
        return tuple(blocks_of(self.model) or ())

    @property
    def missing(self) -> tuple[str, ...]:
        """One line for each thing that this model cannot give, and why."""
        why = f"geomem has no adapter for '{self.name}'"
        lines = [f"updates of attention and MLP: {why}, so what each adds to the stream is not known"]
        if not self.blocks:
            lines.append(f"the stream before the final norm, and interventions: {why}, and its blocks were not found")
        if not self._head_known or self.output_layer is None:
            lines.append(f"logits of streams: {why}, and no final norm with an output layer that gives them was found")
        if not self.gives_maps:
            lines.append(f"attention maps: {why}, and it does not report one for each of its layers")
        return tuple(lines)

    @property
    def gives_maps(self) -> bool:
        """Whether the model reports one attention map a layer; tried once, on a small window."""
        if self._gives_maps is None:
            try:
                with eager_attention(self.model):
                    self._visit_maps(self._probe(), _pass_over, None)
                self._gives_maps = True
            except ODD:
                self._gives_maps = False
        return self._gives_maps

    def final(self, stream: Tensor) -> Tensor:
        """Map stream L (..., d) to what the output layer reads. Raises InputError when the final norm is not known."""
        if not self._head_known:
            raise InputError(f"{self.name}: geomem has no adapter for it and did not find what follows its last block")
        return super().final(stream)

    def _visit_maps(self, tokens: Tensor, visit: Visit, attention_mask: Tensor | None) -> None:
        self._visit_reported_maps(tokens, visit, attention_mask)

    def _probe(self) -> Tensor:
        return torch.arange(PROBE_LENGTH, device=self.device)[None] % self.embedding.shape[0]

    def prove(self) -> bool:
        """Try the guesses on a small window: blocks, final norm, logits. What fails is not offered.

        Returns whether the streams between the blocks are hidden states that transformers reports.
        """
        tokens = self._probe()
        with self.record(parts=False) as record:
            stream = self.run(tokens)
        with self._evaluating(tokens, grad=False):
            output = self._forward(tokens, {"output_hidden_states": True})
            found = self._find_final_norm(stream, output[0])
            if found and self.output_layer is not None:
                logits = cast(Any, self.model)(input_ids=tokens).logits
                head = cast(Any, self.output_layer)
                fits = head.weight.shape == (logits.shape[-1], output[0].shape[-1])
                found = fits and _equal(head(output[0]), logits)
            self._head_known = found
        return all(any(_equal(inner, state) for state in output.hidden_states) for inner in record.streams[1:-1])

    def _find_final_norm(self, stream: Tensor, last: Tensor) -> bool:
        """Look outside the blocks for a norm that maps stream L to the body's last state, unless they are equal."""
        if _equal(stream, last):
            return True
        inside = {id(module) for block in self.blocks for module in block.modules()}
        for module in self.body.modules():
            weight = getattr(module, "weight", None)
            fits = weight is None or weight.shape == stream.shape[-1:]
            named = "norm" in type(module).__name__.lower()
            if named and fits and id(module) not in inside and _equal(module(stream), last):
                self._norm = module
                return True
        return False


def blocks_of(model: PreTrainedModel) -> nn.ModuleList | None:
    """Return the one outermost list of as many modules as the model has layers, or None when there is not one."""
    count = getattr(cast(Any, model.config).get_text_config(), "num_hidden_layers", None)
    lists = [module for module in body_of(model).modules() if isinstance(module, nn.ModuleList)]
    found = [module for module in lists if count and len(module) == count]
    inside = {id(inner) for outer in found for inner in outer.modules() if inner is not outer}
    outermost = [module for module in found if id(module) not in inside]
    return outermost[0] if len(outermost) == 1 else None


def is_causal(model: PreTrainedModel) -> bool:
    """Return whether tokens see only earlier ones: not in models made to fill masks, unless told to decode."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    config: Any = model.config
    return config.model_type not in MODEL_FOR_MASKED_LM_MAPPING_NAMES or bool(getattr(config, "is_decoder", False))


def _pass_over(_layer: int, _weights: Tensor) -> None:
    pass


def _equal(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-5, atol=1e-6)
