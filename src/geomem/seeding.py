"""One seed fans out into named streams (data, initialisation, order, ...), so that one never disturbs another."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import torch


def stream_seed(seed: int, *names: str | int) -> int:
    """Return a 63-bit seed for the stream `names` of `seed`; equal on every machine and Python version."""
    text = "/".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def torch_generator(seed: int, *names: str | int) -> torch.Generator:
    """Return a CPU torch generator for a named stream."""
    import torch

    generator = torch.Generator()
    generator.manual_seed(stream_seed(seed, *names))
    return generator


def numpy_generator(seed: int, *names: str | int) -> np.random.Generator:
    """Return a numpy generator for a named stream."""
    import numpy as np

    return np.random.default_rng(stream_seed(seed, *names))
