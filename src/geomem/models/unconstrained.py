"""Unconstrained features: a free vector for every word and for every context (arXiv 2408.15417, NTP-UFM).

The logits of all contexts are one product, L = W H. Nothing ties a context's vector to its tokens, so there is no
sequence axis: contexts are numbered, as the columns of a next-token matrix are.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from geomem.errors import InputError
from geomem.models.saved_vectors import open_vectors, save_vectors
from geomem.seeding import torch_generator

MODEL_TYPE = "geomem-unconstrained-features"


class UnconstrainedFeatures(nn.Module):
    """Word vectors `words` (V, d) and context vectors `contexts` (d, m), one a column."""

    def __init__(self, words: Tensor, contexts: Tensor) -> None:
        super().__init__()
        if words.ndim != 2 or contexts.ndim != 2 or words.shape[1] != contexts.shape[0]:
            shapes = f"{tuple(words.shape)} and {tuple(contexts.shape)}"
            raise InputError(f"unconstrained features: expected words (V, d) and contexts (d, m), got {shapes}")
        self.words = nn.Parameter(words)
        self.contexts = nn.Parameter(contexts)

    @classmethod
    def from_seed(
        cls, vocabulary: int, contexts: int, width: int, std: float, seed: int, dtype: torch.dtype = torch.float64
    ) -> UnconstrainedFeatures:
        """Draw both tables N(0, std²) from the stream "init" of `seed`: words (V, d), then contexts (d, m)."""
        for name, size in (("vocabulary", vocabulary), ("contexts", contexts), ("width", width)):
            if size < 1:
                raise InputError(f"{name}: must be at least 1, got {size}")
        generator = torch_generator(seed, "init")
        drawn = (torch.randn(size, generator=generator, dtype=dtype) * std
                 for size in ((vocabulary, width), (width, contexts)))  # fmt: skip
        return cls(*drawn)

    def logits(self) -> Tensor:
        """Return L = W H, (V, m): the next-token logits of every context, a column each."""
        return self.words @ self.contexts

    def forward(self, contexts: Tensor) -> Tensor:
        """Return the logits (B, V) of the contexts numbered `contexts` (B,) int64. Raises InputError for sequences."""
        if contexts.ndim != 1:
            raise InputError(
                f"unconstrained features have no sequence axis: expected numbers of contexts, shape (B,), got "
                f"{tuple(contexts.shape)}; use a transformer, mamba or tiny-nn for sequences"
            )
        return self.contexts.T[contexts] @ self.words.T

    def get_output_embeddings(self) -> nn.Embedding:
        """Return the word vectors as an Embedding that shares their storage."""
        return nn.Embedding.from_pretrained(self.words, freeze=False)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json and model.safetensors into `folder`."""
        vocabulary, width = self.words.shape
        sizes = {"vocabulary": vocabulary, "contexts": self.contexts.shape[1], "width": width}
        save_vectors(self, folder, {"model_type": MODEL_TYPE, **sizes})

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> UnconstrainedFeatures:
        """Open what `save_pretrained` wrote. Raises InputError when it is not there or is something else."""
        tensors = open_vectors(folder, MODEL_TYPE)
        return cls(tensors["words"], tensors["contexts"])
