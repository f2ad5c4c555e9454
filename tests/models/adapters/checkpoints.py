"""Small random checkpoints of every family, saved to disk and opened again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers.models.auto.configuration_auto import AutoConfig
from transformers.models.auto.modeling_auto import AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM

from geomem.models import MODELS
from geomem.models.hub import open_checkpoint, quiet_progress

VOCAB = 50
LAYERS = 3
_IDS: dict[str, Any] = {"vocab_size": VOCAB, "bos_token_id": None, "eos_token_id": None, "pad_token_id": None}
_GPT: dict[str, Any] = {**_IDS, "n_embd": 32, "n_layer": LAYERS, "n_head": 4, "n_positions": 64}
_SIZES: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": LAYERS,
                          "num_attention_heads": 4, "max_position_embeddings": 64}  # fmt: skip
_LLAMA = {**_IDS, **_SIZES, "num_key_value_heads": 2}
_OPT = {**_IDS, **_SIZES, "ffn_dim": 48}
_BERT = {**_SIZES, "vocab_size": VOCAB, "pad_token_id": 0}

CAUSAL: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt2": ("gpt2", _GPT),
    "pythia": ("gpt_neox", {**_IDS, **_SIZES}),
    "pythia-sequential": ("gpt_neox", {**_IDS, **_SIZES, "use_parallel_residual": False}),
    "llama": ("llama", _LLAMA),
    "llama-tied": ("llama", {**_LLAMA, "tie_word_embeddings": True}),
    "mistral-sliding": ("mistral", {**_LLAMA, "sliding_window": 3}),
    "qwen2": ("qwen2", _LLAMA),
    "qwen3": ("qwen3", {**_LLAMA, "head_dim": 8}),
    "phi3": ("phi3", _LLAMA),
    "smollm3": ("smollm3", _LLAMA),
    "olmo": ("olmo", _LLAMA),
    "olmo2": ("olmo2", _LLAMA),
    "olmo3-sliding": ("olmo3", {**_LLAMA, "sliding_window": 3}),
    "gemma": ("gemma", {**_LLAMA, "head_dim": 8}),
    "gemma2-sliding": ("gemma2", {**_LLAMA, "head_dim": 8, "sliding_window": 3, "final_logit_softcapping": 0.5}),
    "gemma3-sliding": ("gemma3_text", {**_LLAMA, "head_dim": 8, "sliding_window": 3}),
    "mamba": ("mamba", {**_IDS, "hidden_size": 32, "num_hidden_layers": LAYERS, "state_size": 4}),
    "opt": ("opt", {**_OPT, "word_embed_proj_dim": 32}),
    "opt-350m": ("opt", {**_OPT, "word_embed_proj_dim": 16, "do_layer_norm_before": False}),
    "gptj": ("gptj", {**_GPT, "rotary_dim": 4, "tie_word_embeddings": False}),
    "codegen": ("codegen", {**_GPT, "rotary_dim": 4, "tie_word_embeddings": False}),
    "phi": ("phi", _LLAMA),
}
MASKED: dict[str, tuple[str, dict[str, Any]]] = {
    name: (name, _BERT) for name in ("bert", "roberta", "camembert", "xlm-roberta")
}
OTHER: dict[str, tuple[str, dict[str, Any]]] = {
    "stablelm": ("stablelm", _LLAMA),
    "cohere": ("cohere", _LLAMA),
    "mamba2": ("mamba2", {**_IDS, "hidden_size": 32, "num_hidden_layers": LAYERS, "state_size": 4, "num_heads": 8,
                          "head_dim": 8, "n_groups": 1}),
    "mixtral": ("mixtral", {**_LLAMA, "num_local_experts": 4, "num_experts_per_tok": 2}),
    "granite": ("granite", {**_LLAMA, "logits_scaling": 8.0}),
    "jamba": ("jamba", {**_LLAMA, "num_experts": 2, "num_experts_per_tok": 1, "use_mamba_kernels": False,
                        "mamba_d_state": 4, "mamba_dt_rank": 4, "attn_layer_period": 3, "attn_layer_offset": 1}),
    "rwkv": ("rwkv", {**_IDS, "hidden_size": 32, "attention_hidden_size": 32, "num_hidden_layers": LAYERS}),
    "recurrent-gemma": ("recurrent_gemma", {**_LLAMA, "head_dim": 8, "lru_width": 32, "attention_window_size": 4}),
    "longrope": ("phi3", {**_LLAMA, "original_max_position_embeddings": 16, "rope_parameters": {
        "rope_type": "longrope", "rope_theta": 1e4, "original_max_position_embeddings": 16,
        "short_factor": [1.0] * 4, "long_factor": [4.0] * 4}}),
    "xlnet": ("xlnet", {"vocab_size": VOCAB, "d_model": 32, "n_layer": LAYERS, "n_head": 4, "d_inner": 48}),
    "electra": ("electra", _BERT),
    "albert": ("albert", {**_BERT, "embedding_size": 16}),
}  # fmt: skip
"""Architectures that geomem has no adapter for."""
OWN: dict[str, tuple[str, dict[str, Any]]] = {
    "transformer": ("transformer", {"heads": 4}),
    "transformer-bare": ("transformer", {"residual": False, "norm": False, "positions": "none"}),
    "mlp-only": ("transformer", {"attention": False}),
    "geomem-mamba": ("mamba", {}),
    "geomem-mamba-bare": ("mamba", {"residual": False, "final_norm": False}),
    "tiny-nn": ("tiny-nn", {}),
}


def build(name: str) -> Any:
    """Make a random model, biases and norms lively too, so that nothing is 0 or 1 by accident."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        if name in OWN:
            kind, settings = OWN[name]
            spec: Any = MODELS.get(kind)
            model = spec(width=32, **settings).build(VOCAB, 0)
        else:
            model_type, settings = {**CAUSAL, **MASKED, **OTHER}[name]
            causal = name in CAUSAL or name not in (*MASKED, "electra", "albert")
            auto: Any = AutoModelForCausalLM if causal else AutoModelForMaskedLM
            model = auto.from_config(AutoConfig.for_model(model_type, **settings), dtype=torch.float32)
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def save(model: Any, folder: Path, **options: Any) -> Path:
    """Save without a progress bar and return the folder."""
    with quiet_progress():
        model.save_pretrained(folder, **options)
    return folder


def reopened(name: str, folder: Path) -> Any:
    """Return the random model of a family, saved and opened again."""
    return open_checkpoint(save(build(name), folder))


def bare_bert(folder: Path) -> Path:
    """Save an encoder without a head, as sentence encoders are."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return save(AutoModel.from_config(AutoConfig.for_model("bert", **_BERT)).eval(), folder)


def tokens(batch: int = 2, length: int = 9) -> torch.Tensor:
    """Return random ids (B, T), none of them 0, which BERT takes for padding."""
    return torch.randint(1, VOCAB, (batch, length), generator=torch.Generator().manual_seed(length))


Opened = Callable[[str], Any]
