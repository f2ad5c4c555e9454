"""Generation against `model.generate` of transformers: a GPT-2 of theirs, read by either, and geomem's Transformer.

The weights of both are the same ones: geomem's Transformer is given those of the GPT-2, and greedy answers must agree.
"apart": every row has a prompt of its own, as in-context path-finding has. "alike": all rows go on from one prompt, as
when many samples are drawn from a task that has a single question. What rows have in common geomem reads once, so there
the rows must part first; a greedy answer to one prompt is one row, and only samples are compared.

The floor beside them, "products": nothing but the linear layers of geomem's Transformer, on as many rows as are read
when none has anything in common with another. Attention, activation, norms, sums and choosing come on top of it.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from benchmarks.timing import Row, in_turns, median_ratio, seconds, threads
from geomem.decoding.generate import generate
from geomem.decoding.sampling import GREEDY, Sampling
from geomem.hardware import keep_freed_memory
from geomem.models.configs import GeomemTransformerConfig
from geomem.models.transformer import GeomemTransformerForCausalLM

FIELDS = ("layers", "width", "prompts", "prompt_tokens", "rows", "new_tokens", "chosen", "threads", "transformers_ms",
          "same_model_ms", "own_model_ms", "products_ms",
          "same_model_ratio", "own_model_ratio", "products_ratio")  # fmt: skip
PEERS = ("same_model", "own_model", "products")
VOCABULARY = 16
ROWS = 256
POSITIONS = 64
Case = tuple[int, int, int, str, int]
"""Layers, width, heads, prompts and tokens of a prompt."""
CASES: tuple[Case, ...] = (
    (2, 64, 4, "apart", 21),
    (2, 64, 4, "apart", 4),
    (2, 64, 4, "alike", 21),
    (2, 64, 4, "alike", 1),
    (6, 384, 6, "apart", 27),
    (6, 384, 6, "alike", 1),
)


def run(quick: bool) -> Iterator[Row]:
    """Compare greedy answers and samples of 5, 15 and 30 tokens."""
    keep_freed_memory()
    cases, lengths, rows, rounds = (CASES, (5, 15, 30), ROWS, 7)
    if quick:
        cases, lengths, rows, rounds = (((1, 8, 2, "apart", 3), (1, 8, 2, "alike", 2)), (2,), 4, 1)
    for case in cases:
        for new in lengths:
            for chosen in ("sampled",) if case[3] == "alike" else ("greedy", "sampled"):
                yield _compare(case, rows, new, chosen, 1 if case[0] > 2 else rounds)


def _compare(case: Case, rows: int, new: int, chosen: str, rounds: int) -> Row:
    layers, width, heads, prompts, length = case
    peer, own = models(layers, width, heads)
    drawn = torch.randint(0, VOCABULARY, (rows, length), generator=torch.Generator().manual_seed(0))
    shown = drawn[:1].repeat(rows, 1) if prompts == "alike" else drawn
    sampling = GREEDY if chosen == "greedy" else Sampling(1.0)
    if chosen == "greedy":
        # Two answers that are equally likely to seven digits may be told apart differently: one row in a hundred may.
        agree = (transformers_answers(peer, shown, new, chosen) == generate(own, shown, new)).all(1)
        assert agree.float().mean() >= 0.99
    works = {
        "transformers": lambda: seconds(lambda: transformers_answers(peer, shown, new, chosen)),
        "same_model": lambda: seconds(lambda: generate(peer, shown, new, sampling=sampling)),
        "own_model": lambda: seconds(lambda: generate(own, shown, new, sampling=sampling)),
    }
    if prompts == "apart":
        works["products"] = lambda: seconds(lambda: bare_products(own, rows, length, new))
    with threads(1):
        in_turns(works, 1)  # the first call allocates
        taken = in_turns(works, rounds)
    return {
        "layers": layers, "width": width, "prompts": prompts, "prompt_tokens": length, "rows": rows,
        "new_tokens": new, "chosen": chosen, "threads": 1,
        **{f"{name}_ms": 1000 * statistics.median(taken[name]) if name in taken else None
           for name in ("transformers", *PEERS)},
        **{f"{name}_ratio": median_ratio(taken["transformers"], taken[name]) if name in taken else None
           for name in PEERS},
    }  # fmt: skip


@torch.no_grad()
def bare_products(model: GeomemTransformerForCausalLM, rows: int, length: int, new: int) -> None:
    """Apply the linear layers to as many rows as `new` tokens after `length` need, none of which is shared."""
    width = model.config.hidden_size
    for step in range(new):
        read = rows * length if step == 0 else rows
        for index, block in enumerate(cast(Any, model.layers)):
            block.attention.qkv(torch.zeros(read, width))
            if index + 1 == len(model.layers):
                read = rows  # of a prompt's other tokens the last block needs keys and values alone
            block.attention.proj(torch.zeros(read, width))
            block.mlp.down(block.mlp.up(torch.zeros(read, width)))
        model.lm_head(torch.zeros(rows, width))


def models(layers: int, width: int, heads: int) -> tuple[GPT2LMHeadModel, GeomemTransformerForCausalLM]:
    """Return a GPT-2 of transformers and geomem's Transformer with its weights."""
    torch.manual_seed(0)
    peer = GPT2LMHeadModel(GPT2Config(vocab_size=VOCABULARY, n_positions=POSITIONS, n_embd=width, n_layer=layers,
                                      n_head=heads, bos_token_id=None, eos_token_id=None)).eval()  # fmt: skip
    own = GeomemTransformerForCausalLM(
        GeomemTransformerConfig(vocab_size=VOCABULARY, hidden_size=width, num_hidden_layers=layers,
                                num_attention_heads=heads, max_position_embeddings=POSITIONS,
                                tie_word_embeddings=True)
    ).eval()  # fmt: skip
    own.load_state_dict(as_ours(peer))
    return peer, own


def as_ours(peer: GPT2LMHeadModel) -> dict[str, Tensor]:
    """Return the weights of a GPT-2 under the names of geomem's Transformer."""
    parts = {"ln_1": "norm_1", "ln_2": "norm_2", "attn.c_attn": "attention.qkv", "attn.c_proj": "attention.proj",
             "mlp.c_fc": "mlp.up", "mlp.c_proj": "mlp.down"}  # fmt: skip
    found: dict[str, Tensor] = {}
    for name, weight in peer.state_dict().items():
        _, _, rest = name.partition("transformer.")
        if name == "lm_head.weight":
            found[name] = weight
        elif rest.startswith("h."):
            _, layer, inner = rest.split(".", 2)
            part, _, kind = inner.rpartition(".")
            # Their linear layers hold the transpose.
            turned = part.startswith(("attn", "mlp")) and kind == "weight"
            found[f"layers.{layer}.{parts[part]}.{kind}"] = weight.T.contiguous() if turned else weight
        else:
            part, _, kind = rest.rpartition(".")
            new = {"wte": "embed_tokens", "wpe": "embed_positions", "ln_f": "final_norm"}[part]
            found[f"{new}.{kind}"] = weight
    return found


def transformers_answers(peer: Any, prompts: Tensor, new: int, chosen: str) -> Tensor:
    """Return (B, new) tokens by `model.generate` with its cache, as its documentation calls it."""
    options = {"do_sample": True, "temperature": 1.0, "top_k": 0} if chosen == "sampled" else {"do_sample": False}
    found = peer.generate(
        prompts, attention_mask=torch.ones_like(prompts), max_new_tokens=new, pad_token_id=0, **options
    )
    return found[:, prompts.shape[1] :]
