"""Counter-based random numbers: row i is a function of (seed, i) alone, whatever batch it comes in."""

from __future__ import annotations

import torch
from torch import Tensor


def random_keys(seed: int, index: Tensor, count: int) -> Tensor:
    """Return (B, count) int64 keys, uniform over all 64-bit values, for rows `index` (B,) int64 >= 0.

    SplitMix64 (Steele, Lea & Flood 2014) on a counter; products wrap around, as they do in unsigned arithmetic.
    """
    steps = torch.arange(count, device=index.device)
    rows = _mix(index * _GOLDEN + seed)
    return _mix(rows[:, None] + (steps + 1) * _GOLDEN)


def random_orders(seed: int, index: Tensor, count: int) -> Tensor:
    """Return (B, count) int64, a uniformly random order of 0..count-1 for each row of `index` (B,)."""
    return random_keys(seed, index, count).argsort(dim=1)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


_GOLDEN = _signed(0x9E3779B97F4A7C15)
_FIRST, _SECOND = _signed(0xBF58476D1CE4E5B9), _signed(0x94D049BB133111EB)


def _mix(bits: Tensor) -> Tensor:
    bits = (bits ^ _shifted(bits, 30)) * _FIRST
    bits = (bits ^ _shifted(bits, 27)) * _SECOND
    return bits ^ _shifted(bits, 31)


def _shifted(bits: Tensor, by: int) -> Tensor:
    """Shift right filling with zeros; `>>` on int64 fills with the sign."""
    return (bits >> by) & ((1 << (64 - by)) - 1)
