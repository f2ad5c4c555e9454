"""Models by name. Each is described by a Spec in `specs.py`; torch is imported only when one is built."""

from __future__ import annotations

from geomem.registry import Registry
from geomem.spec import Spec

MODELS: Registry[type[Spec]] = Registry(
    "model",
    {
        "transformer": ("geomem.models.specs:TransformerSpec", "decoder-only Transformer with every part switchable"),
        "mamba": ("geomem.models.specs:MambaSpec", "selective state-space model"),
        "tiny-nn": ("geomem.models.specs:TinyNNSpec", "token table and one linear layer: logits(u) = E (W E_u + b)"),
        "associative": ("geomem.models.specs:AssociativeSpec", "tiny-nn with a frozen random table: a look-up memory"),
        "associative-fast": (
            "geomem.models.specs:AssociativeFastSpec",
            "associative, wide: stores edges in a few steps",
        ),
        "node2vec": (
            "geomem.models.specs:Node2VecSpec",
            "one vector a node, no sequence axis; logits V V^T or V1 V2^T",
        ),
        "deep-linear": (
            "geomem.models.specs:DeepLinearSpec",
            "product of weight matrices, no sequence axis; learns its data mode by mode",
        ),
        "hf": ("geomem.models.specs:ArchitectureSpec", "any causal architecture of transformers, small"),
    },
)
