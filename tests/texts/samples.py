"""Texts and tokenizers that the tests of texts share."""

from __future__ import annotations

import functools
import random
from typing import Any

from geomem.texts.bpe import train_bpe
from geomem.texts.reading import book, read_text, span


@functools.cache
def pages(count: int = 60_000) -> str:
    """Return the first characters of the shipped novels."""
    return "".join(span(read_text(book()), 0, count))


@functools.cache
def small_bpe(size: int = 300) -> Any:
    """Return a byte-level BPE trained on a few pages."""
    return train_bpe([pages()], size)


def scramble(seed: int, length: int, letters: str = "ab \n\té€.") -> str:
    """Return random text, in which spaces and line ends come in any order."""
    drawn = random.Random(seed)
    return "".join(drawn.choice(letters) for _ in range(length))
