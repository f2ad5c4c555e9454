"""Token arrays on the disk to their context matrix: `.npy` and `.safetensors`, read a piece at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomem.contexts.build import ContextCounter
from geomem.contexts.matrix import ContextMatrix
from geomem.contexts.origin import ArrayOrigin, Contexts, Origin, limit
from geomem.contexts.texts import TextSettings, Told, silent
from geomem.errors import InputError

SUFFIXES = (".npy", ".safetensors")

TENSOR = "tokens"
"""Name of the tensor that is taken from a `.safetensors` file with several of integers."""

PIECE = 1 << 20
"""Tokens read from the disk at once."""

_INTEGERS = ("I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8")
"""Number formats of integers, as safetensors calls them."""


@dataclass(frozen=True)
class TokenArray:
    """Token ids in a file. shape: (n,), one stream, or (B, N), a document a row. data: gives rows when sliced."""

    file: Path
    shape: tuple[int, ...]
    data: Any

    def pieces(self, most: int | None = None) -> Iterator[NDArray[np.int64]]:
        """Yield the ids in order, (n,) or (b, N) at a time; with `most` that many from the beginning.

        A row in which the last of them stands is cut there, and comes alone. Raises InputError for ids of 2^63 and up.
        """
        columns = self.shape[1] if len(self.shape) == 2 else 1
        left = self.shape[0] * columns if most is None else min(most, self.shape[0] * columns)
        step = max(1, PIECE // max(1, columns))
        for start in range(0, left // columns if columns else 0, step):
            yield self._slice(start, min(start + step, left // columns))
        if columns and left % columns:
            yield self._slice(left // columns, left // columns + 1)[:, : left % columns]

    def _slice(self, start: int, end: int) -> NDArray[np.int64]:
        part = np.asarray(self.data[start:end])
        if part.dtype == np.uint64 and part.size and int(part.max()) >= 1 << 63:
            raise InputError(f"{self.file}: {int(part.max())} is too large for a token id")
        return part.astype(np.int64)


def is_array(name: str) -> bool:
    """Return whether a name is that of a token array on the disk."""
    return Path(name).suffix.lower() in SUFFIXES


def open_array(file: Path) -> TokenArray:
    """Open a token array: integers (n,), one stream, or (B, N), a document a row. Nothing is unpickled.

    Of a `.safetensors` file the tensor named `tokens` is taken, or the only one of integers. Raises InputError when the
    file is missing, damaged, or holds no such array.
    """
    if not file.is_file():
        raise InputError(f"{file}: no such file")
    array = _open_npy(file) if file.suffix.lower() == ".npy" else _open_safetensors(file)
    if len(array.shape) not in (1, 2):
        raise InputError(f"{file}: tokens are (n,), one stream, or (B, N), a document a row; got {array.shape}")
    if 0 in array.shape:
        raise InputError(f"{file}: holds no token")
    return array


def array_contexts(
    file: str | Path,
    settings: TextSettings | None = None,
    *,
    least: float = 1,
    most: int | None = None,
    told: Told = silent,
) -> Contexts:
    """Count the contexts of a token array on the disk, see `open_array`.

    settings: as for a text, without a tokenizer; its vocabulary is the number of ids there are (default: one more than
    the largest that occurs). Of rows, each is a document. least, most: as in `keep_contexts`. Raises InputError when
    the array cannot be read, holds an id below 0 or outside the vocabulary, or is shorter than a context.
    """
    chosen = settings or TextSettings()
    if chosen.tokenizer is not None:
        raise InputError(f"{file}: holds token ids already; a tokenizer belongs to a text")
    if chosen.max_tokens is not None and chosen.max_tokens < 1:
        raise InputError(f"max_tokens: at least 1, got {chosen.max_tokens}")
    length, array = chosen.length(), open_array(Path(file))
    digest, vocabulary = _look_through(array, chosen.vocabulary, told)
    counter = ContextCounter(vocabulary, length, prefixes=chosen.context == "full")
    total = (
        int(np.prod(array.shape)) if chosen.max_tokens is None else min(chosen.max_tokens, int(np.prod(array.shape)))
    )
    matrix, read = _count(array, counter, chosen.max_tokens, total, told)
    origin = Origin(
        arrays=(
            ArrayOrigin(
                name=str(file),
                sha256=digest,
                rows=None if len(array.shape) == 1 else -(-read // array.shape[1]),
                tokens=read,
                max_tokens=chosen.max_tokens,
            ),
        ),
        context=length,
        prefixes=counter.prefixes,
        without_context=counter.seen - round(matrix.samples),
    )
    return limit(Contexts(matrix, origin), least=least, most=most)


def _count(
    array: TokenArray, counter: ContextCounter, most: int | None, total: int, told: Told
) -> tuple[ContextMatrix, int]:
    longest, least = min(total, array.shape[-1]), 1 if counter.prefixes else counter.packing.length
    if longest <= least:
        raise InputError(f"{array.file}: {longest} token(s) are too few for a context of {least} and the token after "
                         "it")  # fmt: skip
    read = 0
    for piece in array.pieces(most):
        if piece.ndim == 1:
            counter.add_text(piece)
        else:
            counter.add_rows(piece)
        read += piece.size
        told("contexts", read, total)
    return counter.matrix(), read


def _look_through(array: TokenArray, vocabulary: int | None, told: Told) -> tuple[str, int]:
    """Return the SHA-256 of the ids and how many there are; what is wrong with them is found before any counting."""
    digest, lowest, highest, done = hashlib.sha256(), 0, 0, 0
    for piece in array.pieces():
        digest.update(piece.astype("<i8").tobytes())
        lowest, highest = min(lowest, int(piece.min())), max(highest, int(piece.max()))
        done += piece.size
        told("reading", done, 0)
    if lowest < 0:
        raise InputError(f"{array.file}: {lowest} is no token id; ids are 0 and up, and rows of one length, "
                         "without padding")  # fmt: skip
    if vocabulary is not None and highest >= vocabulary:
        raise InputError(f"{array.file}: token {highest} is outside the vocabulary of {vocabulary}")
    return digest.hexdigest(), highest + 1 if vocabulary is None else vocabulary


def _open_npy(file: Path) -> TokenArray:
    try:
        # Mapped into memory, which refuses arrays of Python objects: they would be unpickled.
        data = np.lib.format.open_memmap(file, mode="r")
    except (ValueError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{file}: cannot be read as an array of numbers ({reason})") from None
    if data.dtype.kind not in "iu":
        raise InputError(f"{file}: token ids are integers, got {data.dtype}")
    return TokenArray(file, data.shape, data)


def _open_safetensors(file: Path) -> TokenArray:
    from safetensors import SafetensorError, safe_open

    try:
        opened: Any = safe_open(file, framework="numpy")
        held: dict[str, Any] = {name: opened.get_slice(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{file}: cannot be read ({reason})") from None
    integers = [name for name, data in held.items() if data.get_dtype() in _INTEGERS]
    name = TENSOR if TENSOR in integers else integers[0] if len(integers) == 1 else None
    if name is None:
        shown = ", ".join(integers) or ", ".join(held) or "nothing"
        raise InputError(f"{file}: expected one tensor of integers, or one called '{TENSOR}'; "
                         f"it holds {shown}{'' if integers else ', none of them integers'}")  # fmt: skip
    return TokenArray(file, tuple(held[name].get_shape()), held[name])
