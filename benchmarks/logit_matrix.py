"""The extended logit matrix of a GPT-2: a history's cache shared by its futures (geomem), against every pair read anew.

Histories of 64 tokens, futures of 16, 50 columns a future, one thread, processor time. The peers are what one writes
with transformers: `anew` takes `model(ids).logits[:, -1]` of batches of pairs, so logits at all 80 positions; `anew,
last` tells the model to make those of the last position alone (`logits_to_keep=1`). Both then take log-probabilities,
centre them, choose the columns of a future from the mean over histories, and keep these. "every beginning" has as
futures all beginnings (0 to 16 tokens) of a few sequences, as a chain rule needs them; the peers read each one, geomem
the longest.

Random weights and Zipf tokens: nothing here depends on what the numbers are. All ways give the same matrix (`error`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from benchmarks.timing import Row, in_turns, median_ratio, threads

FIELDS = ("model", "futures", "histories", "pairs", "peer", "geomem_s", "peer_s", "ratio", "pairs_per_s", "error")
HISTORY, FUTURE, COLUMNS, BATCH, ROUNDS = 64, 16, 50, 16, 3
SIZES = {
    "GPT-2, 12 layers, width 768": {"layers": 12, "width": 768, "vocabulary": 50257, "histories": 8, "sequences": 32},
    "GPT-2, 6 layers, width 96": {"layers": 6, "width": 96, "vocabulary": 1024, "histories": 32, "sequences": 64},
}
QUICK = {"tiny": {"layers": 1, "width": 16, "vocabulary": 100, "histories": 2, "sequences": 3}}


def run(quick: bool) -> Iterator[Row]:
    """Time geomem and both peers in turns, for each model and each kind of futures."""
    for name, size in (QUICK if quick else SIZES).items():
        model = gpt2(size["layers"], size["width"], size["vocabulary"])
        histories = draw(size["histories"], HISTORY, size["vocabulary"], seed=1)
        whole = draw(size["sequences"], FUTURE, size["vocabulary"], seed=2)
        few = whole[: max(1, len(whole) // 16)]
        kinds = {
            "16 tokens each": list(whole),
            "every beginning": [row[:length] for row in few for length in range(FUTURE + 1)],
        }
        for kind, futures in kinds.items():
            yield from _compare(name, kind, model, histories, futures, 1 if quick else ROUNDS)


def _compare(
    name: str, kind: str, model: Any, histories: Tensor, futures: Sequence[Tensor], rounds: int
) -> Iterator[Row]:
    from geomem.models.adapters import adapt
    from geomem.probing.logits.language import LanguageModel

    found: dict[str, Tensor] = {}

    def timed(way: str, work: Callable[[], Tensor]) -> float:
        began = time.process_time()
        found[way] = work()
        return time.process_time() - began

    def shared() -> Tensor:
        return LanguageModel(adapt(model)).matrix(histories, futures, tokens=COLUMNS).values

    ways: dict[str, Callable[[], Tensor]] = {
        "geomem": shared,
        "anew": lambda: anew(model, histories, futures, keep=0),
        "anew, last": lambda: anew(model, histories, futures, keep=1),
    }
    with threads(1):
        taken = in_turns({way: lambda way=way, work=work: timed(way, work) for way, work in ways.items()}, rounds)
    pairs = len(histories) * len(futures)
    for peer in ("anew", "anew, last"):
        own = min(taken["geomem"])
        yield {"model": name, "futures": kind, "histories": len(histories), "pairs": pairs, "peer": peer,
               "geomem_s": own, "peer_s": min(taken[peer]), "ratio": median_ratio(taken[peer], taken["geomem"]),
               "pairs_per_s": pairs / max(own, 1e-9),
               "error": float((found["geomem"] - found[peer]).abs().max())}  # fmt: skip


@torch.no_grad()
def anew(model: Any, histories: Tensor, futures: Sequence[Tensor], keep: int) -> Tensor:
    """Return the matrix (n, F, k) by reading every history with every future, in batches of pairs of one length."""
    logs = torch.empty(len(histories), len(futures), model.config.vocab_size)
    pairs = sorted(((row, place) for row in range(len(histories)) for place in range(len(futures))),
                   key=lambda pair: len(futures[pair[1]]))  # fmt: skip
    start = 0
    while start < len(pairs):
        length = len(futures[pairs[start][1]])
        some = [pair for pair in pairs[start : start + BATCH] if len(futures[pair[1]]) == length]
        tokens = torch.stack([torch.cat([histories[row], futures[place]]) for row, place in some])
        last = model(input_ids=tokens, use_cache=False, logits_to_keep=keep).logits[:, -1]
        logs[[row for row, _ in some], [place for _, place in some]] = torch.log_softmax(last, -1)
        start += len(some)
    logs -= logs.mean(-1, keepdim=True)
    chosen = logs.mean(0).topk(min(COLUMNS, logs.shape[-1]), dim=1).indices.sort(1).values
    return logs.gather(2, chosen.expand(len(logs), -1, -1))


def gpt2(layers: int, width: int, vocabulary: int) -> Any:
    """Return a GPT-2 of random weights."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    heads = max(1, width // 64) if width > 96 else 4
    config = GPT2Config(vocab_size=vocabulary, n_positions=HISTORY + FUTURE, n_embd=width, n_layer=layers, n_head=heads,
                        bos_token_id=0, eos_token_id=0)  # fmt: skip
    return GPT2LMHeadModel(config).eval()


def draw(rows: int, length: int, vocabulary: int, seed: int) -> Tensor:
    """Return (rows, length) token ids with the frequencies of a text."""
    weights = 1 / torch.arange(1, vocabulary + 1, dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    return torch.multinomial(weights, rows * length, replacement=True, generator=generator).view(rows, length)
