"""Models in the layout of llama2.c: a header of seven integers, then every weight as float32, in one file.

After the weights of `llama2.data` (the file that a web build of llama2.c packs) the tokenizer follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geomem.errors import InputError
from geomem.fetch.checkpoints import quiet_transformers, write_checkpoint
from geomem.fetch.llama2c_tokenizer import Pieces, build_tokenizer

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM

Floats = NDArray[np.float32]

_HEADER = 7 * 4


@dataclass(frozen=True)
class Header:
    """The first seven int32 of the file; a negative vocabulary size says that the output layer has its own weights."""

    width: int
    hidden: int
    layers: int
    heads: int
    key_heads: int
    vocabulary: int
    context: int
    tied: bool

    @classmethod
    def read(cls, data: bytes) -> Header:
        """Read the header. Raises InputError when the numbers cannot belong to a model."""
        if len(data) < _HEADER:
            raise InputError(f"not a llama2.c model: {len(data)} bytes are too few for its header")
        width, hidden, layers, heads, key_heads, vocabulary, context = np.frombuffer(data, "<i4", 7).tolist()
        header = cls(width, hidden, layers, heads, key_heads, abs(vocabulary), context, tied=vocabulary > 0)
        sizes = (width, hidden, layers, heads, key_heads, abs(vocabulary), context)
        if min(sizes) < 1 or max(sizes) > 10_000_000 or width % heads or heads % key_heads or width // heads % 2:
            raise InputError(f"not a llama2.c model: its header reads {sizes}")
        return header

    @property
    def head_width(self) -> int:
        """Width of one attention head."""
        return self.width // self.heads

    @property
    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every tensor, in the order of the file; one matrix a layer is one stacked tensor."""
        d, h, layers, keys = self.width, self.hidden, self.layers, self.key_heads * self.head_width
        shapes: dict[str, tuple[int, ...]] = {
            "embedding": (self.vocabulary, d),
            "attention_norm": (layers, d),
            "q": (layers, d, d),
            "k": (layers, keys, d),
            "v": (layers, keys, d),
            "o": (layers, d, d),
            "mlp_norm": (layers, d),
            "gate": (layers, h, d),
            "down": (layers, d, h),
            "up": (layers, h, d),
            "final_norm": (d,),
            # Cosines and sines of the rotary angles: transformers computes its own.
            "cosines": (self.context, self.head_width // 2),
            "sines": (self.context, self.head_width // 2),
        }
        return shapes if self.tied else {**shapes, "output": (self.vocabulary, d)}

    @property
    def size(self) -> int:
        """Bytes of the header and all tensors."""
        return _HEADER + 4 * sum(int(np.prod(shape)) for shape in self.tensors.values())


def convert(sources: Mapping[str, Path], target: Path) -> None:
    """Write the one file in `sources`, a model with its tokenizer behind it, as a checkpoint in the folder `target`."""
    (file,) = sources.values()
    data = file.read_bytes()
    header = Header.read(data)
    tokenizer = build_tokenizer(Pieces.read(data[header.size :], header.vocabulary), header.context)
    with quiet_transformers():
        write_checkpoint(read_llama2c(data), tokenizer, target)


def read_llama2c(data: bytes) -> LlamaForCausalLM:
    """Return the model that a llama2.c file begins with. Raises InputError for a bad header and a cut file."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    header = Header.read(data)
    if len(data) < header.size:
        raise InputError(f"not a whole llama2.c model: {len(data)} bytes where the header promises {header.size}")
    config = LlamaConfig(
        vocab_size=header.vocabulary,
        hidden_size=header.width,
        intermediate_size=header.hidden,
        num_hidden_layers=header.layers,
        num_attention_heads=header.heads,
        num_key_value_heads=header.key_heads,
        max_position_embeddings=header.context,
        rms_norm_eps=1e-5,
        tie_word_embeddings=header.tied,
        bos_token_id=1,
        eos_token_id=2,
        dtype=torch.float32,
    )
    model = LlamaForCausalLM(config)
    model.load_state_dict(_state(header, _tensors(header, data)))
    return model.eval()


def _tensors(header: Header, data: bytes) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    offset = _HEADER
    for name, shape in header.tensors.items():
        count = int(np.prod(shape))
        found[name] = np.frombuffer(data, "<f4", count, offset).reshape(shape)
        offset += 4 * count
    return found


def _state(header: Header, found: Mapping[str, Floats]) -> dict[str, torch.Tensor]:
    """Return the tensors under the names that transformers gives them."""
    named: dict[str, Floats] = {
        "model.embed_tokens.weight": found["embedding"],
        "model.norm.weight": found["final_norm"],
        "lm_head.weight": found.get("output", found["embedding"]),
    }
    for layer in range(header.layers):
        block = f"model.layers.{layer}"
        named |= {
            f"{block}.input_layernorm.weight": found["attention_norm"][layer],
            f"{block}.self_attn.q_proj.weight": split_halves(found["q"][layer], header.heads),
            f"{block}.self_attn.k_proj.weight": split_halves(found["k"][layer], header.key_heads),
            f"{block}.self_attn.v_proj.weight": found["v"][layer],
            f"{block}.self_attn.o_proj.weight": found["o"][layer],
            f"{block}.post_attention_layernorm.weight": found["mlp_norm"][layer],
            f"{block}.mlp.gate_proj.weight": found["gate"][layer],
            f"{block}.mlp.up_proj.weight": found["up"][layer],
            f"{block}.mlp.down_proj.weight": found["down"][layer],
        }
    import torch

    return {name: torch.from_numpy(array.copy()) for name, array in named.items()}


def split_halves(weight: Floats, heads: int) -> Floats:
    """Reorder the rows of a query or key matrix (heads * w, d) from interleaved rotary pairs to split halves.

    llama2.c turns rows (0, 1), (2, 3), ... of a head together; transformers turns row i with row i + w / 2. Without
    this the model still runs, and is wrong: 15M-parameter stories have perplexity 17 instead of 2.
    """
    rows, width = weight.shape
    pairs = weight.reshape(heads, rows // heads // 2, 2, width)
    return np.ascontiguousarray(pairs.transpose(0, 2, 1, 3)).reshape(rows, width)
