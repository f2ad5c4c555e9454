"""How much of what the machine can multiply does training use? float32, measured peak, counted products.

Work of one full-batch step of the 2-layer Transformer, in floating-point operations. A multiply and an add are two, and
the backward pass is twice the forward pass, so every weight that a row of width m meets counts 6. With R rows entering
the blocks (a prefix that all share is one row), K rows kept for prediction, L layers and a vocabulary of V:

    6 * [ (L - 1) R 12 m^2 + R 3 m^2 + K 9 m^2 + K m V ]

since the last block makes queries, keys and values (3 m^2) of all rows but the rest (9 m^2) of the kept rows only, and
the softmax layer (m V) is made of the kept rows. Scores of attention, norms, GELU, the softmax itself and the optimiser
are not counted, so the share is a lower bound. torch.utils.flop_counter counts the same products as a check.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.settings import full_batch, loop_of, step_seconds, transformer
from benchmarks.timing import Row, seconds, threads

FIELDS = ("what", "threads", "gflops", "share", "step_ms", "gflop_per_step", "counted_by_torch")


def run(quick: bool) -> Iterator[Row]:
    """Measure the peak with one and two threads, then training at widths 128 and 512."""
    for count in (1,) if quick else (1, 2):
        peak = matrix_peak(count, (64,) if quick else (512, 1024, 1536, 2048, 3072))
        yield peak
        arms, widths = (8, (8,)) if quick else (250, (64, 128, 512))
        for width in widths:
            yield _training(width, count, peak["gflops"], arms)


def matrix_peak(count: int, sizes: tuple[int, ...]) -> Row:
    """Return the best rate of square float32 products over sizes and repeats."""
    best = 0.0
    with threads(count):
        for size in sizes:
            left, right = torch.randn(size, size), torch.randn(size, size)
            out = torch.empty(size, size)
            for _ in range(8):
                taken = seconds(lambda: torch.mm(left, right, out=out), count)  # noqa: B023
                best = max(best, 2 * size**3 / taken / 1e9)
    return {"what": f"matrix product, best of {sizes}", "threads": count, "gflops": best, "share": 1.0,
            "step_ms": None, "gflop_per_step": None, "counted_by_torch": None}  # fmt: skip


def step_flops(spec: Any, task: Any) -> float:
    """Count one full-batch step by the formula above."""
    width, layers, vocabulary = spec.model.width, spec.model.layers, task.vocabulary.size
    total = 0.0
    for stream in task.streams("train").values():
        kept, length = stream.size, stream.full().tokens.shape[1]
        # Paths end in the answer, which is no input; the first token of either kind is shared by all.
        inputs = length - (1 if hasattr(stream.full(), "labels") else 0)
        rows = 1 + kept * (inputs - 1)
        total += (layers - 1) * rows * 12 * width**2 + rows * 3 * width**2 + kept * 9 * width**2
        total += kept * width * vocabulary
    return 6 * total


def _training(width: int, count: int, peak: float, arms: int) -> Row:
    spec = full_batch(arms, 4, transformer(width))
    with loop_of(spec) as loop:
        each = [step_seconds(loop, 3, count) for _ in range(5)]
        with FlopCounterMode(display=False) as counter:
            for stream in loop.streams.values():
                loop.objective(loop.raw, stream.full()).backward()
        counted = counter.get_total_flops()
        flops = step_flops(spec, loop.task)
    taken = statistics.median(each)
    return {"what": f"training, width {width}", "threads": count, "gflops": flops / taken / 1e9,
            "share": flops / taken / 1e9 / peak, "step_ms": 1000 * taken, "gflop_per_step": flops / 1e9,
            "counted_by_torch": counted / 1e9}  # fmt: skip
