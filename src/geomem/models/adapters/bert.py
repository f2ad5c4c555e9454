"""BERT and RoBERTa: bidirectional post-norm blocks, and a head that transforms a stream before the output layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from torch import Tensor
from torch.nn.functional import gelu

from geomem.models.adapters.adapter import Adapter

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class BertAdapter(Adapter):
    """BERT: stream l+1 = norm(y + MLP(y)), y = norm(stream l + attention); recorded is what each sum gains."""

    family = "bert"
    block_list = "encoder.layer"
    attention_part = "attention.output.dense"
    attention_weights = "attention.self"
    mlp_part = "output.dense"
    final_norm = None

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__(model)
        self.causal = bool(self.config.is_decoder)
        self.additive = False
        self.mlp_input = "normed"

    def final(self, stream: Tensor) -> Tensor:
        """Map stream L (..., d) to what the output layer reads: the head's transform, or itself without a head."""
        return stream if self.output_layer is None else cast(Any, self.model).cls.predictions.transform(stream)


class RobertaAdapter(BertAdapter):
    """RoBERTa: BERT with another head, whose first positions are taken by padding."""

    family = "roberta"

    @property
    def context(self) -> int:
        """The most tokens a window may have: positions are counted from behind the padding id."""
        return self.config.max_position_embeddings - self.config.pad_token_id - 1

    def final(self, stream: Tensor) -> Tensor:
        """Map stream L (..., d) to what the output layer reads."""
        if self.output_layer is None:
            return stream
        head: Any = cast(Any, self.model).lm_head
        return head.layer_norm(gelu(head.dense(stream)))
