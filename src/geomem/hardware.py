"""Device, number format and threads, each chosen with the sentence that explains the choice."""

from __future__ import annotations

import ctypes
import functools
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Literal

from geomem.errors import InputError

DeviceName = Literal["auto", "cpu", "cuda"]
DtypeName = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True)
class Choice:
    """A value and the sentence that explains it, printed and stored with the run."""

    value: str
    reason: str


def choose_device(wanted: DeviceName) -> Choice:
    """Choose "cpu" or "cuda". Raises InputError when CUDA is asked for and there is none."""
    import torch

    available = torch.cuda.is_available()
    if wanted == "cuda" and not available:
        raise InputError("--device cuda: torch sees no CUDA device here; use --device cpu or --device auto")
    if wanted == "cpu" or not available:
        return Choice("cpu", "asked for" if wanted == "cpu" else "no CUDA device")
    return Choice("cuda", "asked for" if wanted == "cuda" else f"found {torch.cuda.get_device_name()}")


def choose_dtype(wanted: DtypeName, device: str) -> Choice:
    """Choose the number format of matrix products.

    bfloat16 products raise an illegal instruction on some CPUs, which kills the process; so on a CPU they are tried
    in a child process before they are trusted. Raises InputError when bfloat16 is asked for and would crash.
    """
    if wanted == "float32":
        return Choice("float32", "asked for")
    if device == "cuda":
        import torch

        if torch.cuda.is_bf16_supported():
            return Choice("bfloat16", "asked for" if wanted == "bfloat16" else "the GPU supports it")
        return Choice("float32", "the GPU has no bfloat16")
    if wanted == "auto":
        return Choice("float32", "float32 is the exact and usually faster choice on a CPU")
    if not bfloat16_works_on_cpu():
        raise InputError("dtype bfloat16: matrix products in bfloat16 crash on this CPU; use float32 or auto")
    return Choice("bfloat16", "asked for, and a trial product in a child process survived")


@functools.cache
def bfloat16_works_on_cpu() -> bool:
    """Try bfloat16 products, forward and backward, in a child process; False when it dies or fails."""
    trial = (
        "import torch;"
        "a=torch.randn(64,64,dtype=torch.bfloat16,requires_grad=True);"
        "(torch.nn.functional.linear(a,a)@a).float().sum().backward()"
    )
    done = subprocess.run([sys.executable, "-c", trial], capture_output=True, check=False, timeout=120)
    return done.returncode == 0


def first_process() -> bool:
    """Return whether this process is the one that writes and speaks: the only one, or `torchrun`'s first."""
    return os.environ.get("RANK", "0") == "0"


def keep_freed_memory() -> bool:
    """Let the C library keep freed memory instead of giving it back after every step; True where that worked.

    A training step frees and asks again for the same large logits; fetching them from the kernel page by page each time
    costs a third of a step at 20 000 tokens (174 -> 109 ms measured for output layer and loss). glibc only.
    """
    try:
        libc = ctypes.CDLL(None)
        # M_MMAP_MAX = -4: never map a block of its own; M_TRIM_THRESHOLD = -1: never give the top of the heap back.
        return bool(libc.mallopt(-4, 0)) and bool(libc.mallopt(-1, 2**31 - 1))
    except (OSError, AttributeError):
        return False


def return_freed_memory() -> bool:
    """Give pages of the heap that hold nothing back to the system; True where that worked. glibc only.

    For work that shall take as much memory after hours as after a minute: what lives from batch to batch comes to lie
    between what does not, and the heap grows though no more is in use. It goes well with `keep_freed_memory`: within a
    batch memory is kept, between two it is given back.
    """
    try:
        return bool(ctypes.CDLL(None).malloc_trim(0))
    except (OSError, AttributeError):
        return False


def free_memory() -> int | None:
    """Return the bytes of main memory that are free, or None where the system does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            facts = dict(line.split(":", 1) for line in file)
        return 1024 * int(facts["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        return None


def free_cores() -> int:
    """Count the cores this process may use that other work leaves free (at least one), watched for a quarter second.

    The load average would not do: it remembers work, such as an installation, that ended a minute ago.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    before = _processor_ticks()
    if before is None:
        return usable
    time.sleep(0.25)
    after = _processor_ticks() or before
    total = after[1] - before[1]
    busy = 0.0 if total <= 0 else 1 - (after[0] - before[0]) / total
    return max(1, usable - round(busy * (os.cpu_count() or 1)))


def _processor_ticks() -> tuple[int, int] | None:
    """Return idle and total ticks of all cores since the system started, or None where the system does not say."""
    try:
        with open("/proc/stat", encoding="ascii") as file:
            ticks = [int(word) for word in file.readline().split()[1:9]]
    except (OSError, ValueError):
        return None
    return ticks[3] + ticks[4], sum(ticks)


def choose_threads(wanted: int | None = None) -> Choice:
    """Choose the number of torch threads: two busy BLAS threads on busy cores can be far slower than one."""
    if wanted is not None:
        if wanted < 1:
            raise InputError(f"threads: must be at least 1, got {wanted}")
        return Choice(str(wanted), "asked for")
    cores = free_cores()
    return Choice(str(cores), f"{cores} core(s) free by what other work uses now")
