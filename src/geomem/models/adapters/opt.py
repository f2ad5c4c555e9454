"""OPT: pre-norm blocks (post-norm in the 350M model) whose MLP works on flat rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from torch import Tensor

from geomem.models.adapters.adapter import Adapter

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class OPTAdapter(Adapter):
    """OPT; the table of the 350M model is narrower than its stream, and a projection stands before the output layer."""

    family = "opt"
    block_list = "decoder.layers"
    mlp_part = "fc2"
    final_norm = "decoder.final_layer_norm"

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__(model)
        if not self.config.do_layer_norm_before:
            self.additive = False
            self.mlp_input = "normed"

    def final(self, stream: Tensor) -> Tensor:
        """Map stream L (..., d) to what the output layer reads: final norm, then the projection where there is one."""
        projection = cast(Any, self.body).decoder.project_out
        normed = super().final(stream)
        return normed if projection is None else projection(normed)
