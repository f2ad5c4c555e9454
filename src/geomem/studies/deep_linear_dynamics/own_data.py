"""Data of one's own as an input-output correlation with white inputs: a table, a context matrix or a text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from geomem.contexts.describe import token_names
from geomem.contexts.files import is_saved, open_contexts
from geomem.contexts.matrix import PAD
from geomem.contexts.origin import limit
from geomem.contexts.texts import TextSettings, text_contexts
from geomem.errors import InputError
from geomem.graphs.tables import read_csv
from geomem.texts.reading import find_text, read_text

TABLES = (".csv", ".npy")


@dataclass(frozen=True)
class Correlation:
    """sigma_31: (outputs, inputs) float64 for white inputs. inputs, outputs: what each column and row is called."""

    sigma_31: Tensor
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def read_correlation(name: str, words: int, most: int) -> Correlation:
    """Return Sigma_31 of a .csv or .npy table of items by features, a saved context matrix, or the words of a text.

    A table: one-hot items and a summed loss, so that Sigma_31 is its transpose. A context matrix: one-hot contexts,
    divided by the root of their share to make them white, and the token after; Sigma_31 = P diag(sqrt(pi)). Of a text
    the contexts are single words, the `words` most frequent ones; the rest is one unknown word.
    most: contexts that are kept, the most frequent ones.
    Raises InputError for what cannot be read, is not numbers or has no structure.
    """
    suffix = Path(name).suffix.lower()
    found = _table(Path(name), suffix) if suffix in TABLES else _contexts(name, words, most)
    if not bool(found.sigma_31.any()):
        raise InputError(f"{name}: all numbers are 0; there is nothing to learn")
    return found


def check_source(name: str) -> None:
    """Raise InputError, before a run begins, where a table cannot be read, or a text is not there or empty."""
    suffix = Path(name).suffix.lower()
    if suffix in TABLES:
        _table(Path(name), suffix)
    elif not is_saved(Path(name)):
        # Reads to the first letter; a text without one raises at its end.
        any(chunk.strip() for chunk in read_text(find_text(name)))


def _table(path: Path, suffix: str) -> Correlation:
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    items, features, table = _npy(path) if suffix == ".npy" else _csv(path)
    if not np.isfinite(table).all():
        row, column = np.argwhere(~np.isfinite(table))[0]
        raise InputError(f"{path}: row {row + 1}, column {column + 1} is not a finite number")
    return Correlation(torch.from_numpy(table.T.copy()), items, features)


def _npy(path: Path) -> tuple[tuple[str, ...], tuple[str, ...], np.ndarray]:
    try:
        found = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise InputError(f"{path}: cannot be read as an array of numbers ({error})") from None
    if found.ndim != 2 or 0 in found.shape or found.dtype.kind not in "fiub":
        raise InputError(f"{path}: expected numbers, items by features, got {found.dtype} of shape {found.shape}")
    items, features = (tuple(f"{what} {place + 1}" for place in range(count))
                       for what, count in zip(("item", "feature"), found.shape, strict=True))  # fmt: skip
    return items, features, found.astype(np.float64)


def _csv(path: Path) -> tuple[tuple[str, ...], tuple[str, ...], np.ndarray]:
    """Read a header of feature names and a row an item; a first column that is no number names the items."""
    read = read_csv("".join(read_text(path)), str(path))
    if not read.rows:
        raise InputError(f"{path}: only a header; every further line is an item")
    labelled = not _is_number(read.rows[0][0])
    first = int(labelled)
    if len(read.header) <= first:
        raise InputError(f"{path}: no column of numbers")
    table = np.empty((len(read.rows), len(read.header) - first))
    for place, (row, line) in enumerate(zip(read.rows, read.lines, strict=True)):
        for column, cell in enumerate(row[first:]):
            if not _is_number(cell):
                raise InputError(f"{path} line {line}: '{cell}' in column '{read.header[first + column]}' is no number")
            table[place, column] = float(cell)
    items = tuple(row[0] if labelled else f"item {place + 1}" for place, row in enumerate(read.rows))
    return items, tuple(read.header[first:]), table


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _contexts(name: str, words: int, most: int) -> Correlation:
    """Return P diag(sqrt(pi)) of the most frequent contexts, and of the tokens that follow them."""
    path = Path(name)
    settings = TextSettings(context=1, tokenizer="words", vocabulary=words)
    found = open_contexts(path) if is_saved(path) else text_contexts(name, settings)
    found = limit(found, most=most)
    matrix = found.matrix.compact()
    sigma = matrix.dense() * matrix.shares().sqrt()
    inputs = (
        " ".join(token_names(found, [token for token in row if token != PAD])) for row in matrix.contexts.tolist()
    )
    outputs = token_names(found, found.matrix.types.tolist())
    return Correlation(sigma, tuple(map(_readable, inputs)), tuple(map(_readable, outputs)))


def _readable(token: str) -> str:
    """Return a token as it can be read in a list: spaces and line ends have signs."""
    return token.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥")
