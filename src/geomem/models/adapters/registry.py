"""Which adapter class an architecture has, by its model type; classes are imported when asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter

FAMILIES = {
    "bert": "bert:BertAdapter",
    "camembert": "bert:RobertaAdapter",
    "codegen": "gptj:GPTJAdapter",
    "gemma": "llama:LlamaAdapter",
    "gemma2": "gemma:GemmaAdapter",
    "gemma3_text": "gemma:GemmaAdapter",
    "geomem-linear": "geomem:GeomemLinearAdapter",
    "geomem-mamba": "geomem:GeomemMambaAdapter",
    "geomem-transformer": "geomem:GeomemTransformerAdapter",
    "gpt2": "gpt2:GPT2Adapter",
    "gpt_neox": "neox:NeoXAdapter",
    "gptj": "gptj:GPTJAdapter",
    "llama": "llama:LlamaAdapter",
    "mamba": "mamba:MambaAdapter",
    "mistral": "llama:LlamaAdapter",
    "olmo": "llama:LlamaAdapter",
    "olmo2": "olmo2:Olmo2Adapter",
    "olmo3": "olmo2:Olmo2Adapter",
    "opt": "opt:OPTAdapter",
    "phi": "phi:PhiAdapter",
    "phi3": "llama:LlamaAdapter",
    "qwen2": "llama:LlamaAdapter",
    "qwen3": "llama:LlamaAdapter",
    "roberta": "bert:RobertaAdapter",
    "smollm3": "llama:LlamaAdapter",
    "xlm-roberta": "bert:RobertaAdapter",
}
"""Model type -> "module:class" in this package."""


def family_of(model_type: str) -> type[Adapter] | None:
    """Return the adapter class of a model type, or None when it has no own one."""
    if model_type not in FAMILIES:
        return None
    module, _, name = FAMILIES[model_type].partition(":")
    return cast("type[Adapter]", getattr(importlib.import_module(f"{__package__}.{module}"), name))
