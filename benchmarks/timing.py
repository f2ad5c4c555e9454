"""Time and memory, measured in the same way by every benchmark."""

from __future__ import annotations

import importlib
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Row = dict[str, Any]


@contextmanager
def threads(count: int) -> Generator[None]:
    """Give torch and numpy's BLAS this many threads, and afterwards what they had."""
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with threadpool_limits(count):
            yield
    finally:
        torch.set_num_threads(before)


def clock(count: int) -> Callable[[], float]:
    """Return the clock for work on `count` threads: processor time for one, wall time for more.

    On a quiet machine one thread's two times agree; on a busy one only processor time still says what the work costs.
    """
    return time.process_time if count == 1 else time.perf_counter


def seconds(work: Callable[[], object], count: int = 1) -> float:
    """Return the time one call takes on `count` threads."""
    now = clock(count)
    began = now()
    work()
    return now() - began


def in_turns(works: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Ask every piece of work for its seconds, in turns, so that a machine that slows down slows all of them alike."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            taken[name].append(work())
    return taken


def median_ratio(slow: list[float], fast: list[float]) -> float:
    """Return the median over rounds of how many times faster the second is."""
    return statistics.median(one / other for one, other in zip(slow, fast, strict=True))


def peak_mib() -> float:
    """Return the peak resident memory of this process in MiB.

    Linux keeps it per address space in /proc; ru_maxrss there also counts what the parent held when it started us.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if sys.platform == "darwin" else 1024)


def in_child(target: str, **arguments: Any) -> Row:
    """Call `module:function` in a process of its own; return its row with `peak_mib` added."""
    command = [sys.executable, "-m", "benchmarks.timing", target, json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1])
    if done.returncode != 0:
        raise RuntimeError(f"{target} failed in its own process:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _child(target: str, arguments: str) -> None:
    module, _, name = target.partition(":")
    row = getattr(importlib.import_module(module), name)(**json.loads(arguments))
    print(json.dumps({**row, "peak_mib": round(peak_mib())}))


if __name__ == "__main__":
    _child(*sys.argv[1:])
