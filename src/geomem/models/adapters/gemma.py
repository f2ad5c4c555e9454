"""Gemma 2 and 3: norms before and after attention and MLP, and (in Gemma 2) bounded logits."""

from __future__ import annotations

from torch import Tensor

from geomem.models.adapters.olmo2 import Olmo2Adapter


class GemmaAdapter(Olmo2Adapter):
    """Gemma 2 and 3 (text); Gemma 1 is laid out like Llama. The rows of the token table enter scaled by sqrt(d)."""

    family = "gemma"

    def _cap(self, logits: Tensor) -> Tensor:
        bound = self.config.final_logit_softcapping
        return logits if bound is None else bound * (logits / bound).tanh()
