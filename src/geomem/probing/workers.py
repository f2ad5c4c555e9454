"""Several processes share one pass: each reads its own batches with its own copy of the model, and states are merged.

Every batch is read whole by one worker, so the sums differ from one worker's only in the order of addition.
"""

from __future__ import annotations

import contextlib
import importlib
import queue
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from geomem.errors import InputError
from geomem.probing.reader import Progress, Reader
from geomem.probing.spec import ProbeSpec
from geomem.training.interrupt import worker_pool


@dataclass(frozen=True)
class Share:
    """What a worker needs to know: which model, under which condition, which tokens, which part."""

    name: str
    place: str
    condition: str
    spec: dict[str, Any]
    tokens: str
    state: str
    number: int
    shards: int
    threads: int


def work(share: Share, tell: Callable[[tuple[int, int]], None]) -> str:
    """Read one share, from its saved state if there is one, and return where its state lies."""
    import torch

    from geomem.probing.passes import reader_for, subject_under
    from geomem.probing.subject import open_subject

    torch.set_num_threads(share.threads)
    spec = ProbeSpec.model_validate(share.spec)
    subject = open_subject(share.name, share.place, spec.device, spec.dtype, spec.tokenizer)
    reader = reader_for(subject_under(subject, share.condition, spec), share.condition, spec, Path(share.tokens))
    state = Path(share.state)
    if state.exists():
        reader.load(state)
    reader.read(reader.plan.shard(share.number, share.shards), save=state,
                progress=lambda done, _total, _rate: tell((share.number, done)))  # fmt: skip
    reader.save(state)
    return str(state)


def read_shared(reader: Reader, shares: list[Share], progress: Progress, executor: str) -> None:
    """Let workers read their shares, and merge what they read into `reader`. Raises the first worker's error."""
    states = (
        _with_ray(shares, reader.plan.tokens, progress)
        if executor == "ray"
        else _with_processes(shares, reader.plan.tokens, progress)
    )
    for state in states:
        reader.load(Path(state))
    # The order of a sum decides its last bits: batches in order, whichever worker ended first.
    reader.done.sort()


def _with_processes(shares: list[Share], total: int, progress: Progress) -> list[str]:
    with worker_pool(len(shares)) as (pool, queued):
        told = cast("queue.Queue[tuple[int, int]]", queued)
        futures = [pool.submit(work, share, told.put) for share in shares]
        read, began = dict.fromkeys(range(len(shares)), 0), time.monotonic()
        while not all(future.done() for future in futures):
            with contextlib.suppress(queue.Empty):
                number, tokens = told.get(timeout=0.2)
                read[number] = tokens
                progress(sum(read.values()), total, sum(read.values()) / (time.monotonic() - began))
        return [future.result() for future in futures]


def _with_ray(shares: list[Share], total: int, progress: Progress) -> list[str]:
    """Run the shares as Ray tasks, on whatever machines its cluster has; all must see the run directory.

    Raises InputError when Ray is not installed.
    """
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError:
        raise InputError("--executor ray: Ray is not installed; pip install 'geomem[ray]', or use processes") from None
    started = not ray.is_initialized()
    if started:
        ray.init(log_to_driver=False, include_dashboard=False)
    try:
        remote = ray.remote(work)
        waiting = {remote.options(num_cpus=share.threads).remote(share, _silent): share for share in shares}
        states: dict[int, str] = {}
        began = time.monotonic()
        while waiting:
            (ready,), _ = ray.wait(list(waiting), num_returns=1)
            share = waiting.pop(ready)
            states[share.number] = ray.get(ready)
            done = total * len(states) // len(shares)
            progress(done, total, done / (time.monotonic() - began))
        return [states[share.number] for share in shares]
    finally:
        if started:
            ray.shutdown()


def _silent(_message: tuple[int, int]) -> None:
    """Say nothing: a Ray task has no queue to the process that shows progress."""
