"""Node2Vec with one hop and the full softmax: vectors of nodes (arXiv 2510.26745, section 4).

A word-vector model: it maps a node to the logits of its neighbours and has no sequence axis.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from geomem.errors import InputError
from geomem.models.saved_vectors import open_vectors, save_vectors
from geomem.seeding import torch_generator

if TYPE_CHECKING:
    from geomem.models.specs import Node2VecSpec

MODEL_TYPE = "geomem-node2vec"


class Node2Vec(nn.Module):
    """Vectors `weight` (N, m) of nodes, and `context` (N, m) of nodes as neighbours (None when tied)."""

    def __init__(self, weight: Tensor, context: Tensor | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.context = None if context is None else nn.Parameter(context)

    @classmethod
    def from_spec(cls, spec: Node2VecSpec, num_nodes: int, seed: int) -> Node2Vec:
        """Draw initial vectors N(0, std²).

        `init: release` draws what the paper's release draws: torch seeded with the bare seed (there 7), an Embedding
        made right after, so that its checkpoints can be compared entry by entry. Torch's global generator is restored.
        """
        if num_nodes < 1:
            raise InputError(f"num_nodes: must be at least 1, got {num_nodes}")
        if spec.init == "release":
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                return cls(nn.Embedding(num_nodes, spec.width).weight.detach())
        generator = torch_generator(seed, "init")
        tables = [
            torch.randn(num_nodes, spec.width, generator=generator) * spec.std for _ in range(1 if spec.tied else 2)
        ]
        return cls(*tables)

    @property
    def tied(self) -> bool:
        """Whether one table plays both roles."""
        return self.context is None

    @property
    def output(self) -> Tensor:
        """The (N, m) vectors of nodes as neighbours."""
        return self.weight if self.context is None else self.context

    def forward(self, nodes: Tensor) -> Tensor:
        """Return the logits (B, N) of the neighbours of `nodes` (B,) int64. Raises InputError for sequences."""
        if nodes.ndim != 1:
            raise InputError(
                f"node2vec has no sequence axis: expected nodes of shape (B,), got {tuple(nodes.shape)}; "
                "use a transformer, mamba or tiny-nn for sequences"
            )
        return self.weight[nodes] @ self.output.T

    def get_input_embeddings(self) -> nn.Embedding:
        """Return the node vectors as an Embedding that shares their storage."""
        return nn.Embedding.from_pretrained(self.weight, freeze=False)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json and model.safetensors into `folder`."""
        num_nodes, width = self.weight.shape
        config = {"model_type": MODEL_TYPE, "num_nodes": num_nodes, "width": width, "tied": self.tied}
        save_vectors(self, folder, config)

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Node2Vec:
        """Open what `save_pretrained` wrote. Raises InputError when it is not there or is something else."""
        tensors = open_vectors(folder, MODEL_TYPE)
        return cls(tensors["weight"], tensors.get("context"))
