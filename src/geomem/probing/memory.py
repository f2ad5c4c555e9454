"""How much memory a pass takes, and which --batch-tokens would fit when it is too much."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from geomem.errors import InputError, out_of_memory
from geomem.hardware import free_memory
from geomem.probing.family import Shape

_SHARE = 0.9
"""Share of the free memory that a pass may plan to take."""


def bytes_a_token(shape: Shape, context: int, *, attention: bool, itemsize: int = 4) -> int:
    """Return the bytes that one token of a batch takes at the peak of a pass.

    Streams of all layers, once more for what is read of them; one block's stream, attention and MLP outputs; the widest
    MLP activation (four widths, twice); attention scores of one layer, twice when their weights are read.
    """
    streams = 2 * (shape.layers + 1) * shape.width
    parts = 3 * shape.width
    mlp = 8 * shape.width
    scores = shape.heads * context * (2 if attention else 1)
    return itemsize * (streams + parts + mlp + scores)


def free_bytes(device: str) -> int | None:
    """Return the bytes that are free on a device now, or None where nobody says."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.mem_get_info()[0])
    return free_memory()


def check_fits(batch_tokens: int, each: int, context: int, free: int | None) -> None:
    """Raise InputError, naming the --batch-tokens that would fit, when a batch would need more than is free."""
    if free is None or batch_tokens * each <= _SHARE * free:
        return
    raise InputError(_advice(batch_tokens, each, context, free))


@contextmanager
def clear_memory_errors(batch_tokens: int, each: int, context: int, device: str) -> Generator[None]:
    """Turn an allocation that failed into one line that says which --batch-tokens would fit."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        free = free_bytes(device) or batch_tokens * each // 2
        raise InputError(_advice(batch_tokens, each, context, min(free, batch_tokens * each // 2))) from None


def _advice(batch_tokens: int, each: int, context: int, free: int) -> str:
    fitting = int(_SHARE * free / each) // context * context
    need = (
        f"out of memory: --batch-tokens {batch_tokens} needs about {_size(batch_tokens * each)}, {_size(free)} are free"
    )
    if fitting >= context:
        return f"{need}; --batch-tokens {fitting} would fit"
    window = max(8, int(_SHARE * free / each))
    return f"{need}; not even one window of {context} tokens fits: try --context {window} --batch-tokens {window}"


def _size(count: float) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{max(1, round(count / 2**20))} MiB"
