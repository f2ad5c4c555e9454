"""Small Llama models written as GGUF, in the layout of llama.cpp."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gguf
import numpy as np

MATRICES = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
            "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
            "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm",
            "ffn_norm": "post_attention_layernorm"}  # fmt: skip


def interleaved(weight: Any, heads: int) -> Any:
    """Return the rows of a query or key projection with rotary pairs side by side, as llama.cpp wants them."""
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(weight.shape)


def write_gguf(
    model: Any, file: Path, *, permute: bool = True, quantise: bool = False, without: str = "",
    words: Sequence[str] = (), merges: Sequence[str] = ("a b",), pre: str = "gpt-2", bits: str = "Q8_0",
) -> Path:  # fmt: skip
    """Write a Llama model; `words`: a byte-level vocabulary; `bits`: the type of its matrices if `quantise`."""
    config = model.config
    state = {name: value.detach().numpy() for name, value in model.state_dict().items()}
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(config.vocab_size)
    if words:
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(pre)
        writer.add_token_list(list(words))
        writer.add_token_merges(list(merges))
        writer.add_bos_token_id(0)
        writer.add_eos_token_id(0)
    tensors = {
        "token_embd.weight": state["model.embed_tokens.weight"],
        "output_norm.weight": state["model.norm.weight"],
        "output.weight": state["lm_head.weight"],
    }
    for layer in range(config.num_hidden_layers):
        for short, name in MATRICES.items():
            weight = state[f"model.layers.{layer}.{name}.weight"]
            heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}.get(short)
            tensors[f"blk.{layer}.{short}.weight"] = interleaved(weight, heads) if heads and permute else weight
    kind = gguf.GGMLQuantizationType[bits]
    for name, weight in tensors.items():
        whole = np.ascontiguousarray(weight)
        if name == without:
            continue
        if quantise and whole.ndim == 2 and whole.shape[1] % 32 == 0:
            writer.add_tensor(name, gguf.quants.quantize(whole, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, whole)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file
