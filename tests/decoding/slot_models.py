"""Small models of several families, and slots read the slow way, for tests."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoConfig,
    GPTNeoForCausalLM,
    Lfm2Config,
    Lfm2ForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
)

from geomem.decoding.slots import Slots
from geomem.models import MODELS
from geomem.spec import resolve
from tests.causal import Bag

TOKENS = 14
SLOTS = Slots(count=3, size=10, first=10, wait=12, bias=1.0)
"""Ten symbols of the task, two pauses, don't-know; one token more that nobody uses."""

NAMES = ("bag", "transformer", "rotary", "mamba", "gpt2", "llama", "mistral", "gpt-neo", "lfm2")
"""Mistral and GPT-Neo look back through a window of 4 tokens; LFM2 has a convolution in its first layer."""

SIZES: dict[str, Any] = {"vocab_size": TOKENS, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
         "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 40}  # fmt: skip


def build(name: str) -> Any:
    """A model whose outputs are spread widely enough that it waits for some tokens and answers others at once."""
    torch.manual_seed(3)
    made: Any
    if name == "bag":
        return Bag(TOKENS)
    if name == "gpt2":
        made = GPT2LMHeadModel(GPT2Config(vocab_size=TOKENS, n_positions=40, n_embd=16, n_layer=2, n_head=2))
    elif name == "llama":
        made = LlamaForCausalLM(LlamaConfig(**SIZES))
    elif name == "mistral":
        made = MistralForCausalLM(MistralConfig(**SIZES, sliding_window=4))
    elif name == "lfm2":
        made = Lfm2ForCausalLM(Lfm2Config(**SIZES, layer_types=["conv", "full_attention"]))
    elif name == "gpt-neo":
        made = GPTNeoForCausalLM(
            GPTNeoConfig(vocab_size=TOKENS, hidden_size=16, num_layers=2, num_heads=2, max_position_embeddings=40,
                         attention_types=[[["global", "local"], 1]], window_size=4)
        )  # fmt: skip
    else:
        kind = "mamba" if name == "mamba" else "transformer"
        extra = {} if name == "mamba" else {"heads": 2, "positions": "rotary" if name == "rotary" else "learned"}
        made = resolve(MODELS, {"kind": kind, "width": 16, "layers": 2, **extra}).build(TOKENS, 3)  # type: ignore
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape))
    return made.eval()


def logits_at_end(model: Any, tokens: list[int], positions: list[int]) -> Tensor:
    """Return the logits (V,) after a sequence, in one plain call."""
    known = inspect.signature(model.forward).parameters
    options = {}
    if "position_ids" in known:
        options = {"position_ids": torch.tensor([positions]), "attention_mask": torch.ones(1, len(tokens))}
    return model(input_ids=torch.tensor([tokens]), **options).logits[0, -1]


def decode(
    model: Any, row: list[int], prompt: int, length: int, slots: Slots, *, forced: bool, threshold: float | None = None
) -> tuple[list[int], list[int], Tensor]:
    """Answer after row[:prompt], slot after slot: (answers, slots used, logits (length, size) at the stopping slots).

    forced: the true answers of `row` are shown, else those given.
    """
    tokens: list[int] = []
    positions: list[int] = []
    for place, token in enumerate(row[:prompt]):
        tokens, positions = [*tokens, token], [*positions, place]
        if slots.everywhere and place < prompt - 1:
            pauses = list(range(slots.first, slots.first + slots.count - 1))
            tokens, positions = [*tokens, *pauses], [*positions, *[place] * len(pauses)]
    answers, used, found = [], [], []
    for step in range(length):
        place = prompt - 1 + step
        slot, real = 0, torch.empty(0)
        for slot in range(slots.count):
            if slot:
                tokens, positions = [*tokens, slots.first + slot - 1], [*positions, place]
            logits = logits_at_end(model, tokens, positions)
            real = logits[: slots.size]
            if slots.wait is None:
                continue
            wish = logits[slots.wait] + slots.bias
            d = torch.cat([real, wish[None]]).softmax(0)[-1]
            if (wish <= real.max()) if threshold is None else (d < threshold):
                break
        found.append(real)
        used.append(slot + 1)
        answers.append(int(real.argmax()))
        following = row[prompt + step] if forced else answers[-1]
        tokens, positions = [*tokens, following], [*positions, place + 1]
    return answers, used, torch.stack(found)
