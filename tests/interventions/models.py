"""Tiny random models, and their forward pass written as a plain loop over blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

VOCABULARY = 50


def tiny_gpt2(layers: int = 4, width: int = 24, seed: int = 0) -> GPT2LMHeadModel:
    torch.manual_seed(seed)
    config = GPT2Config(
        n_layer=layers, n_embd=width, n_head=3, vocab_size=VOCABULARY, n_positions=64, initializer_range=0.2,
        bos_token_id=0, eos_token_id=None, pad_token_id=0,
    )  # fmt: skip
    return GPT2LMHeadModel(config).eval()


def tiny_llama(layers: int = 4, width: int = 24, seed: int = 0) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    config = LlamaConfig(
        num_hidden_layers=layers, hidden_size=width, intermediate_size=48, num_attention_heads=4, num_key_value_heads=2,
        vocab_size=VOCABULARY, max_position_embeddings=64, initializer_range=0.2, bos_token_id=0, eos_token_id=None,
        pad_token_id=0,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def random_tokens(windows: int = 2, length: int = 10, seed: int = 0) -> Tensor:
    return torch.randint(1, VOCABULARY, (windows, length), generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def gpt2_loop(
    model: GPT2LMHeadModel,
    tokens: Tensor,
    block: Callable[[int, Any, Tensor], Tensor] = lambda _number, module, stream: module(stream),
) -> list[Tensor]:
    """Streams 0..L of GPT-2 by a plain loop; `block(number, module, stream)` computes one block.

    Without a mask its blocks are causal: scaled dot-product attention is told so.
    """
    body = model.transformer
    streams = [body.wte(tokens) + body.wpe(torch.arange(tokens.shape[1]))]
    for number, module in enumerate(body.h):
        streams.append(block(number, module, streams[-1]))
    return streams


@torch.no_grad()
def gpt2_logits(model: GPT2LMHeadModel, stream: Tensor) -> Tensor:
    return model.lm_head(model.transformer.ln_f(stream))
