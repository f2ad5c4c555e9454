"""Spectrum, layer, collapse and CKA measurements of a 12-layer, 768-wide GPT-2 on 16 384 tokens, in one pass (geomem),
against keeping all hidden states and measuring them with numpy (transformers, TransformerLens).

`forward_s` is the bare forward pass of transformers' model with its logits, `added_s` what a way of measuring takes
more than that, from text to numbers. `measuring_s` is the time in the measurements themselves: for the peers all after
their forward pass, for geomem all outside the model's blocks, so that the output layer, which the peers' forward pass
pays for, counts against it. Random weights and Zipf tokens: nothing here depends on what the numbers are. Memory is the
peak of a process of its own above model and libraries; the middle one of three, as heaps fall apart differently.

The peers look at as many tokens as geomem does where it takes a sample (logit lens, intrinsic dimension, NC4).
`transformers, every token` does not: without a probe, "the lens on this text" is the lens at every token of it.
"""

from __future__ import annotations

import copy
import importlib
import importlib.util
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from benchmarks import probe_peer
from benchmarks.timing import Row, in_child, in_turns, peak_mib

FIELDS = ("what", "tokens", "threads", "forward_s", "total_s", "total_over_forward", "added_s", "measuring_s",
          "geomem_s", "ratio", "peak_mib", "peak_ratio")  # fmt: skip
LAYERS, WIDTH, VOCABULARY, CONTEXT, BATCH = 12, 768, 50257, 512, 4
MEASURE = ("spectrum", "collapse", "updates", "lens", "comparison")
ROUNDS = 3
EVERY = "transformers, every token"


def run(quick: bool) -> Iterator[Row]:
    """Time all ways in turns in this process, then each one's memory in processes of its own."""
    size = {"layers": 2, "width": 32, "tokens": 1024} if quick else {"layers": LAYERS, "width": WIDTH, "tokens": 16_384}
    rounds = 1 if quick else ROUNDS
    peers = ["transformers"] + (["transformer-lens"] if importlib.util.find_spec("transformer_lens") else [])
    ways = ["forward", "geomem", *peers]
    rows: dict[str, list[Row]] = {way: [] for way in ways}

    def once(way: str) -> float:
        rows[way].append(timed(way, **size))
        return rows[way][-1]["total_s"]

    in_turns({way: lambda way=way: once(way) for way in ways}, rounds)
    times = {way: _middle(found) for way, found in rows.items()}
    bare = _peak("model", 1, quick, size)
    peaks = {way: _peak(way, rounds, quick, size) - bare for way in ways}
    for way in ways:
        yield _row(way, size["tokens"], times, peaks)
    for peer in peers:
        yield from _families(peer, times["geomem"], times[peer])
    yield from _every_token(size, times)
    long = {**size, "tokens": 4 * size["tokens"]}
    grown = _peak("geomem", rounds, quick, long) - bare
    yield _filled(what="geomem, four times the text", tokens=long["tokens"], peak_mib=grown,
                  peak_ratio=grown / max(1, peaks["geomem"]))  # fmt: skip


def _every_token(size: dict[str, int], times: dict[str, Row]) -> Iterator[Row]:
    """Yield what transformers and numpy take to measure at every token, once: it takes minutes and varies little."""
    own, other = times["geomem"], timed(EVERY, **size)
    forward = times["forward"]["total_s"]
    yield _filled(what=EVERY, tokens=size["tokens"], threads=torch.get_num_threads(), forward_s=forward,
                  total_s=other["total_s"], total_over_forward=other["total_s"] / forward,
                  added_s=other["total_s"] - forward, measuring_s=other["measuring_s"], geomem_s=own["measuring_s"],
                  ratio=other["measuring_s"] / own["measuring_s"])  # fmt: skip
    yield from _families(EVERY, own, other)


def _families(peer: str, own: Row, other: Row) -> Iterator[Row]:
    for name in MEASURE:
        yield _filled(what=f"{name}, {peer}", measuring_s=other[name], geomem_s=own[name],
                      ratio=other[name] / own[name])  # fmt: skip


def _filled(**row: Any) -> Row:
    """Return a row with all fields, in their order."""
    return {name: row.get(name) for name in FIELDS}


def _middle(rows: list[Row]) -> Row:
    return {name: statistics.median(row[name] for row in rows) for name in rows[0]}


def _peak(way: str, rounds: int, quick: bool, size: dict[str, int]) -> float:
    call: Callable[..., Row] = _here if quick else in_child
    return statistics.median(call("benchmarks.probe:timed", way=way, **size)["peak_mib"] for _ in range(rounds))


def _row(way: str, tokens: int, times: dict[str, Row], peaks: dict[str, float]) -> Row:
    own, geomem, forward = times[way], times["geomem"], times["forward"]["total_s"]
    measured = {} if way == "forward" else {
        "added_s": own["total_s"] - forward, "measuring_s": own["measuring_s"], "geomem_s": geomem["measuring_s"],
        "ratio": own["measuring_s"] / geomem["measuring_s"],
    }  # fmt: skip
    return _filled(what=way, tokens=tokens, threads=torch.get_num_threads(), forward_s=forward, total_s=own["total_s"],
                   total_over_forward=own["total_s"] / forward, peak_mib=peaks[way],
                   peak_ratio=peaks[way] / max(1, peaks["geomem"]), **measured)  # fmt: skip


def _here(_target: str, **arguments: Any) -> Row:
    return {**timed(**arguments), "peak_mib": peak_mib()}


def timed(way: str, layers: int, width: int, tokens: int) -> Row:
    """Measure in one of the ways and return its seconds, by family too."""
    for library in ("geomem.probing.passes", "geomem.probing.families", "skdim"):
        importlib.import_module(library)
    model = gpt2(layers, width)
    windows = zipf_windows(tokens)
    if way == "model":
        return {"total_s": 0.0}
    if way == "forward":
        return _forward(model, windows)
    if way == "geomem":
        return _geomem(model, windows)
    return _peer(way, model, windows)


def _forward(model: Any, windows: Tensor) -> Row:
    began = time.perf_counter()
    with torch.no_grad():
        for rows in windows.split(BATCH):
            model(rows)
    return {"total_s": time.perf_counter() - began}


def _peer(way: str, model: Any, windows: Tensor) -> Row:
    source = _lens_model(model) if way == "transformer-lens" else model
    read = probe_peer.lens_states if way == "transformer-lens" else probe_peer.transformers_states
    began = time.perf_counter()
    kept = read(source, windows, BATCH)
    passed = time.perf_counter()
    targets = torch.cat([windows[:, 1:], torch.full_like(windows[:, :1], -1)], 1).flatten().numpy()
    looked = probe_peer.EVERY_TOKEN if way == EVERY else probe_peer.AS_THE_PROBE
    taken = probe_peer.measure(kept, targets, model, looked)
    ended = time.perf_counter()
    return {"total_s": ended - began, "measuring_s": ended - passed, **taken}


def _geomem(model: Any, windows: Tensor) -> Row:
    from geomem.hardware import keep_freed_memory
    from geomem.models.adapters import adapt
    from geomem.probing import block_reader
    from geomem.probing.passes import measured, reader_for
    from geomem.probing.spec import ProbeSpec
    from geomem.probing.subject import Subject

    subject = Subject("gpt2", None, model, adapt(model), None)
    spec = ProbeSpec(models=("gpt2",), text="tokens", measure=MEASURE, controls=(), max_tokens=windows.numel(),
                     batch_tokens=BATCH * CONTEXT, context=CONTEXT)  # fmt: skip
    keep_freed_memory()  # as `geomem probe` does; in one process, the peers have it from the second round on
    passes, scalars = _Clock(subject.adapter.run), _Clock(block_reader.update_scalars)
    subject.adapter.run = passes
    block_reader.update_scalars = scalars
    began = time.perf_counter()
    try:
        reader = reader_for(subject, "", spec, windows.flatten().int())
        families: list[Any] = list(reader.families)
        clocks = {family.name: (_Clock(family.update), _Clock(family.results)) for family in families}
        for family in families:
            family.update, family.results = clocks[family.name]
        reader.read(range(reader.plan.batches))
        measured(reader, subject, "")
        total = time.perf_counter() - began
    finally:
        block_reader.update_scalars = scalars.function
    taken = {name: update.seconds + results.seconds for name, (update, results) in clocks.items()}
    taken["updates"] += scalars.seconds
    return {"total_s": total, "measuring_s": total - passes.seconds + scalars.seconds, **taken}


class _Clock:
    """A function that adds up the seconds it takes."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.seconds = function, 0.0

    def __call__(self, *arguments: Any) -> Any:
        began = time.perf_counter()
        try:
            return self.function(*arguments)
        finally:
            self.seconds += time.perf_counter() - began


def gpt2(layers: int, width: int) -> Any:
    """Return a GPT-2 of random weights that knows only its sizes."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    heads = max(1, width // 64)
    config = GPT2Config(vocab_size=VOCABULARY, n_positions=CONTEXT, n_embd=width, n_layer=layers, n_head=heads)
    return GPT2LMHeadModel(config).eval()


def zipf_windows(tokens: int) -> Tensor:
    """Return (W, 512) token ids with the frequencies of a text."""
    generator = torch.Generator().manual_seed(0)
    weights = 1 / torch.arange(1, VOCABULARY + 1, dtype=torch.float64)
    drawn = torch.multinomial(weights, tokens, replacement=True, generator=generator)
    return drawn.reshape(-1, CONTEXT)


def _lens_model(model: Any) -> Any:
    """Return TransformerLens' view of the model, which it changes: of a copy, and without a tokenizer's help."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    unused = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"?": 0}, unk_token="?")))
    bridge: Any = importlib.import_module("transformer_lens.model_bridge").TransformerBridge  # an extra of its own
    return bridge.boot_transformers("gpt2", hf_model=copy.deepcopy(model), tokenizer=unused, device="cpu")
