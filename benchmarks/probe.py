"""Spectrum, layer, collapse and CKA measurements of a 12-layer, 768-wide GPT-2 on 16 384 tokens, in one pass (geomem),
against keeping all hidden states and measuring them with numpy (transformers, TransformerLens).

`forward_s` is the bare forward pass of transformers' model with its logits. `measuring_s` is what comes on top: for the
peers all after their forward pass, for geomem all of its run but the time inside the model's body; the output layer,
which the peers' forward pass pays for, counts as measuring. Random weights and Zipf tokens: nothing here depends on
what the numbers are. Memory is the peak of a process of its own above the model.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from benchmarks import probe_peer
from benchmarks.timing import Row, in_child, peak_mib

FIELDS = ("what", "tokens", "threads", "forward_s", "total_s", "measuring_s", "total_over_forward", "measuring_ratio",
          "peak_mib", "peak_ratio")  # fmt: skip
LAYERS, WIDTH, HEADS, VOCABULARY, CONTEXT, BATCH = 12, 768, 12, 50257, 512, 4
MEASURE = ("spectrum", "collapse", "updates", "lens", "comparison")


def run(quick: bool) -> Iterator[Row]:
    """Time all ways in turns in this process, then each one's memory in a process of its own."""
    size = {"layers": 2, "width": 32, "tokens": 1024} if quick else {"layers": LAYERS, "width": WIDTH, "tokens": 16_384}
    threads = torch.get_num_threads()
    call: Callable[..., Row] = _here if quick else in_child
    ways = ["geomem", "transformers"] + (["transformer-lens"] if importlib.util.find_spec("transformer_lens") else [])
    forward = min(timed("forward", **size)["total_s"] for _ in range(1 if quick else 2))
    times = {way: timed(way, **size) for way in ways}
    bare = call("benchmarks.probe:timed", way="model", **size)["peak_mib"]
    peaks = {way: call("benchmarks.probe:timed", way=way, **size)["peak_mib"] - bare for way in ways}
    long = {**size, "tokens": 4 * size["tokens"]}
    for way in ways:
        yield _row(way, size["tokens"], threads, forward, times, peaks)
    grown = call("benchmarks.probe:timed", way="geomem", **long)
    yield {**dict.fromkeys(FIELDS), "what": "geomem, four times the text", "tokens": long["tokens"], "threads": threads,
           "total_s": grown["total_s"], "peak_mib": grown["peak_mib"] - bare,
           "peak_ratio": (grown["peak_mib"] - bare) / max(1, peaks["geomem"])}  # fmt: skip


def _row(
    way: str, tokens: int, threads: int, forward: float, times: dict[str, Row], peaks: dict[str, float]
) -> Row:  # fmt: skip
    own = times[way]
    return {
        "what": way, "tokens": tokens, "threads": threads, "forward_s": forward, "total_s": own["total_s"],
        "measuring_s": own["measuring_s"], "total_over_forward": own["total_s"] / forward,
        "measuring_ratio": own["measuring_s"] / max(1e-9, times["geomem"]["measuring_s"]),
        "peak_mib": peaks[way], "peak_ratio": peaks[way] / max(1, peaks["geomem"]),
    }  # fmt: skip


def _here(_target: str, **arguments: Any) -> Row:
    return {**timed(**arguments), "peak_mib": peak_mib()}


def timed(way: str, layers: int, width: int, tokens: int) -> Row:
    """Measure in one of the ways and return seconds (called in a process of its own for memory)."""
    model = gpt2(layers, width)
    windows = zipf_windows(tokens)
    if way == "model":
        return {"total_s": 0.0, "measuring_s": 0.0}
    began = time.perf_counter()
    if way == "forward":
        with torch.no_grad():
            for rows in windows.split(BATCH):
                model(rows)
        return {"total_s": time.perf_counter() - began, "measuring_s": 0.0}
    if way == "geomem":
        return _geomem(model, windows)
    source = _lens_model(layers, width) if way == "transformer-lens" else model
    began = time.perf_counter()
    read = probe_peer.lens_states if way == "transformer-lens" else probe_peer.transformers_states
    states, _ = read(source, windows, BATCH)
    passed = time.perf_counter()
    targets = torch.cat([windows[:, 1:], torch.full_like(windows[:, :1], -1)], 1).flatten().numpy()
    weight = model.lm_head.weight.detach().numpy()
    probe_peer.measure(states, targets, weight, lambda rows: model.lm_head(model.transformer.ln_f(rows)))
    ended = time.perf_counter()
    return {"total_s": ended - began, "measuring_s": ended - passed}


def _geomem(model: Any, windows: Tensor) -> Row:
    from geomem.models.adapters import adapt
    from geomem.probing.passes import measured, read_pass
    from geomem.probing.spec import ProbeSpec
    from geomem.probing.subject import Subject

    subject = Subject("gpt2", None, model, adapt(model), None)
    spec = ProbeSpec(models=("gpt2",), text="tokens", measure=MEASURE, controls=(), max_tokens=windows.numel(),
                     batch_tokens=BATCH * CONTEXT, context=CONTEXT)  # fmt: skip
    passes = _Clock(subject.adapter.run)
    subject.adapter.run = passes
    began = time.perf_counter()
    measured(read_pass(subject, "", spec, windows.flatten().int()), subject, "")
    total = time.perf_counter() - began
    return {"total_s": total, "measuring_s": total - passes.seconds}


class _Clock:
    """A function that adds up the seconds it takes."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function, self.seconds = function, 0.0

    def __call__(self, *arguments: Any) -> Any:
        began = time.perf_counter()
        try:
            return self._function(*arguments)
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


def _lens_model(layers: int, width: int) -> Any:
    from transformer_lens import HookedTransformer, HookedTransformerConfig

    config = HookedTransformerConfig(
        n_layers=layers, d_model=width, n_ctx=CONTEXT, d_head=min(64, width), n_heads=max(1, width // 64),
        d_vocab=VOCABULARY, act_fn="gelu_new", normalization_type="LN", seed=0,
    )  # fmt: skip
    return HookedTransformer(config).eval()
