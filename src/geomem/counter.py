"""Counter-based random numbers: row i is a function of (seed, i) alone, whatever batch it comes in."""

from __future__ import annotations

import sys

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_AT_ONCE = 1 << 14
"""Keys made at once on a CPU, so that all that is done to them happens in its cache."""

_MOST = 1024
"""Most numbers that are ordered by the upper halves of their keys: of more, too many would be tied."""

_UPPER = slice(1 if sys.byteorder == "little" else 0, None, 2)
"""The upper halves among the halves of 64-bit numbers."""


def random_keys(seed: int, index: Tensor, count: int) -> Tensor:
    """Return (B, count) int64 keys, uniform over all 64-bit values, for rows `index` (B,) int64 >= 0.

    SplitMix64 (Steele, Lea & Flood 2014) on a counter; products wrap around, as they do in unsigned arithmetic.
    """
    if index.device.type != "cpu":
        steps = torch.arange(count, device=index.device)
        return _mix(_mix(index * _GOLDEN + seed)[:, None] + (steps + 1) * _GOLDEN)
    keys, rows = np.empty((len(index), count), dtype=np.uint64), _rows_at_once(count)
    spare = np.empty((rows, count), dtype=np.uint64)
    for start in range(0, len(index), rows):
        part = keys[start : start + rows]
        _stir(_counters(part, seed, index[start : start + rows]), spare[: len(part)])
        _fold(part, spare[: len(part)])
    return torch.from_numpy(keys.view(np.int64))


def random_orders(seed: int, index: Tensor, count: int) -> Tensor:
    """Return (B, count) int64, a uniformly random order of 0..count-1 for each row of `index` (B,)."""
    return random_samples(seed, index, count, count)


def random_samples(seed: int, index: Tensor, count: int, size: int) -> Tensor:
    """Return (B, size) int64, `size` different numbers of 0..count-1: where each row's `random_orders` begins.

    It is the order of the row's keys. On a CPU numbers sort several times faster than places by their numbers: there
    the upper half of each key gives its last bits to the key's place, and rows in which two are then tied are sorted
    again by whole keys.
    """
    if index.device.type != "cpu" or count > _MOST:
        return random_keys(seed, index, count).argsort(dim=1)[:, :size]
    found, rows = np.empty((len(index), size), dtype=np.int64), max(1, min(_rows_at_once(count), len(index)))
    bits, spare = (np.empty((rows, count), dtype=np.uint64) for _ in range(2))
    places = np.tile(np.arange(count, dtype=np.int32), (rows, 1))
    room = max(1, (count - 1).bit_length())
    for start in range(0, len(index), rows):
        part = index[start : start + rows]
        own = bits[: len(part)]
        # What is left out, `_fold`, would leave the upper 31 bits as they are; the 32nd goes to the place.
        _stir(_counters(own, seed, part), spare[: len(part)])
        packed = own.view(np.int32)[:, _UPPER] & np.int32(-(1 << room))
        packed |= places[: len(part)]
        packed.sort(axis=1)
        found[start : start + rows] = packed[:, :size] & np.int32((1 << room) - 1)
        flat = packed.ravel()
        if count > 1 and (flat[1:] ^ flat[:-1]).view(np.uint32).min() < 1 << room:
            again = torch.from_numpy(((packed[:, 1:] ^ packed[:, :-1]) >> room == 0).any(axis=1)).nonzero().flatten()
            exact = random_keys(seed, part[again], count).argsort(dim=1)
            found[start + again.numpy()] = exact[:, :size].numpy()
    return torch.from_numpy(found)


def _rows_at_once(count: int) -> int:
    return max(1, _AT_ONCE // max(1, count))


def _counters(bits: NDArray[np.uint64], seed: int, index: Tensor) -> NDArray[np.uint64]:
    """Write what the keys (B, count) of rows `index` (B,) are made of into `bits`, and return it."""
    rows = index.numpy().astype(np.uint64) * _unsigned(_GOLDEN) + _unsigned(seed)
    spare = np.empty_like(rows)
    _fold(_stir(rows, spare), spare)
    return np.add(rows[:, None], np.arange(1, bits.shape[1] + 1, dtype=np.uint64) * _unsigned(_GOLDEN), out=bits)


def _stir(bits: NDArray[np.uint64], spare: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Do the first two steps of SplitMix64 in place."""
    for by, factor in ((30, _FIRST), (27, _SECOND)):
        np.bitwise_xor(bits, np.right_shift(bits, np.uint64(by), out=spare), out=bits)
        np.multiply(bits, _unsigned(factor), out=bits)
    return bits


def _fold(bits: NDArray[np.uint64], spare: NDArray[np.uint64]) -> None:
    """Do its last step in place."""
    np.bitwise_xor(bits, np.right_shift(bits, np.uint64(31), out=spare), out=bits)


def _unsigned(value: int) -> np.uint64:
    return np.uint64(value & ((1 << 64) - 1))


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
