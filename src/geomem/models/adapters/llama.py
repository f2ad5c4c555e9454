"""Llama and the many architectures with its layout: pre-norm blocks, attention then a gated MLP."""

from __future__ import annotations

from geomem.models.adapters.adapter import Adapter


class LlamaAdapter(Adapter):
    """Llama, Mistral, Qwen, Phi-3 (whose projections are fused inside the same modules), OLMo, Gemma 1."""

    family = "llama"
