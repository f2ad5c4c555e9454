"""Data of one's own as an input-output correlation with white inputs: a table of items, or a text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.graphs.tables import read_csv
from geomem.texts.bpe import train_bpe
from geomem.texts.ngrams import count_ngrams
from geomem.texts.reading import find_text, read_text
from geomem.texts.tokens import tokenise

TABLES = (".csv", ".npy")


@dataclass(frozen=True)
class Correlation:
    """sigma_31: (outputs, inputs) float64 for white inputs. inputs, outputs: what each column and row is called."""

    sigma_31: Tensor
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def read_correlation(name: str, vocabulary: int) -> Correlation:
    """Return Sigma_31 of a .csv or .npy table of items by features, or of the token pairs of a text.

    A table: one-hot items and a summed loss, so that Sigma_31 is its transpose. A text: one-hot tokens, divided by the
    root of their frequency to make them white, and the token after; Sigma_31 = P diag(sqrt(pi)).
    Raises InputError for what cannot be read, is not numbers or has no structure.
    """
    suffix = Path(name).suffix.lower()
    found = _text(name, vocabulary) if suffix not in TABLES else _table(Path(name), suffix)
    if not bool(found.sigma_31.any()):
        raise InputError(f"{name}: all numbers are 0; there is nothing to learn")
    return found


def check_source(name: str) -> None:
    """Raise InputError, before a run begins, where a table cannot be read or a text is not there."""
    suffix = Path(name).suffix.lower()
    if suffix in TABLES:
        _table(Path(name), suffix)
    else:
        find_text(name)


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


def _shown(token: str) -> str:
    """Return a token as it can be read in a list: spaces and line ends have signs."""
    return token.replace(" ", "␣").replace("\n", "↵").replace("\t", "⇥")


def _text(name: str, vocabulary: int) -> Correlation:
    path = find_text(name)
    tokenizer = train_bpe(read_text(path), vocabulary)
    tokens = tokenise(read_text(path), tokenizer)
    grams = count_ngrams(tokens, vocabulary, 2)
    before, after = grams.next_tokens(1)
    # The number of a 1-gram is its place among those that occur.
    context = grams.keys[0][before] % vocabulary
    counts = torch.zeros(vocabulary, vocabulary, dtype=torch.float64)
    counts[after, context] = grams.counts[1].double()
    occurs = counts.sum(0) > 0
    counts = counts[:, occurs]
    words = [_shown(str(tokenizer.decode([token]))) for token in range(vocabulary)]
    inputs = tuple(word for word, kept in zip(words, occurs.tolist(), strict=True) if kept)
    # P diag(sqrt(pi)), with P = counts / column sums and pi = column sums / total.
    return Correlation(counts / (counts.sum(0) * counts.sum()).sqrt(), inputs, tuple(words))
