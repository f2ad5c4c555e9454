"""Small random models on disk with a tokenizer of their own, and a text to read."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch
from transformers import BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from geomem.models.adapters import adapt
from geomem.probing.plan import Plan, make_plan
from geomem.probing.reader import Reader
from geomem.probing.rows import Rows
from geomem.probing.spec import ProbeSpec
from geomem.probing.subject import Subject
from geomem.texts.bpe import train_bpe
from geomem.texts.reading import book, read_text
from geomem.texts.windows import Windows

VOCABULARY = 300
WIDTH, LAYERS, HEADS, CONTEXT = 16, 3, 2, 32


@cache
def sentences() -> str:
    """Return the first 30 000 characters of the shipped novels."""
    return next(iter(read_text(book())))[:30_000]


@cache
def tokenizer() -> Any:
    return train_bpe([sentences()], VOCABULARY)


def text_file(folder: Path) -> Path:
    file = folder / "text.txt"
    file.write_text(sentences(), encoding="utf-8")
    return file


def gpt2(seed: int = 0, *, scale: float = 8.0) -> GPT2LMHeadModel:
    """Return a random GPT-2 whose weights are large enough that its layers do something."""
    torch.manual_seed(seed)
    config = GPT2Config(vocab_size=VOCABULARY, n_positions=64, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS,
                        bos_token_id=0, eos_token_id=0)  # fmt: skip
    model = GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for block in model.transformer.h:
            for parameter in block.parameters():
                if parameter.ndim == 2:
                    parameter.mul_(scale)
    return model


def llama(seed: int = 0) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    config = LlamaConfig(vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=24, num_hidden_layers=2,
                         num_attention_heads=HEADS, num_key_value_heads=1, max_position_embeddings=64, bos_token_id=0,
                         eos_token_id=0, pad_token_id=None)  # fmt: skip
    return LlamaForCausalLM(config).eval()


def bert(seed: int = 0) -> BertForMaskedLM:
    torch.manual_seed(seed)
    config = BertConfig(vocab_size=VOCABULARY, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=HEADS,
                        intermediate_size=24, max_position_embeddings=64)  # fmt: skip
    return BertForMaskedLM(config).eval()


def saved(model: Any, folder: Path, *, words: bool = True) -> Path:
    model.save_pretrained(folder)
    if words:
        tokenizer().save_pretrained(folder)
    return folder


def tokens(count: int = 3000, seed: int = 0) -> torch.Tensor:
    """Return token ids with the frequencies of a text: a few common ones, many rare."""
    generator = torch.Generator().manual_seed(seed)
    weights = 1 / torch.arange(1, VOCABULARY + 1, dtype=torch.float64)
    return torch.multinomial(weights, count, replacement=True, generator=generator).int()


def spec(**changes: Any) -> ProbeSpec:
    base = {"models": ("tiny",), "text": "text.txt", "max_tokens": 1024, "batch_tokens": 128, "context": CONTEXT,
            "sample": 200, "controls": ()}  # fmt: skip
    return ProbeSpec.model_validate({**base, **changes})


def plan(settings: ProbeSpec | None = None, *, shuffled: bool = False) -> Plan:
    return make_plan(Windows(tokens(), CONTEXT), VOCABULARY, settings or spec(), shuffled=shuffled)


def subject(model: Any | None = None, name: str = "tiny") -> Subject:
    model = gpt2() if model is None else model
    return Subject(name, None, model, adapt(model), tokenizer())


def reader(model: Any | None = None, settings: ProbeSpec | None = None, *, shuffled: bool = False) -> Reader:
    one = subject(model)
    settings = settings or spec()
    return Reader(one.adapter, one.shape, settings, plan(settings, shuffled=shuffled))


def read(reader: Reader) -> Reader:
    """Let a reader read its whole plan."""
    reader.read(range(reader.plan.batches))
    return reader


def values(reader: Reader) -> dict[tuple[str, int | None, str], float]:
    """Return what a full reader found, by metric, layer and condition."""
    rows = Rows("tiny")
    reader.results(rows)
    return {(row.metric, row.layer, row.condition): row.value for row in rows.rows}


def states(model: Any, reader: Reader) -> list[torch.Tensor]:
    """Return transformers' own hidden states of all windows of a plan, L + 1 tensors (W, T, d)."""
    with torch.no_grad():
        return list(model(reader.plan.windows.batch(reader.plan.chosen), output_hidden_states=True).hidden_states)
