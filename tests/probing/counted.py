"""Context matrices of the tiny models' tokens: counted from their text, and drawn with known supports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from geomem.contexts.files import save_contexts
from geomem.contexts.matrix import ContextMatrix
from geomem.contexts.origin import Contexts, Origin
from geomem.contexts.texts import TextSettings, text_contexts
from tests.geometry.next_token_samples import random_support, uneven
from tests.probing import tiny


def counted(folder: Path, context: Any = 2, *, most: int | None = 40, window: int | None = None) -> Contexts:
    """Count contexts of the tiny models' own text with their own tokenizer."""
    settings = TextSettings(context=context, window=window, max_tokens=4000)
    return text_contexts(tiny.text_file(folder), settings, tokenizer=tiny.tokenizer(), most=most)


def saved_counts(folder: Path, context: Any = 2, *, most: int | None = 40, window: int | None = None) -> str:
    """Count, save, and return the folder."""
    place = folder / f"counts-{context}-{most}"
    save_contexts(counted(folder, context, most=most, window=window), place)
    return str(place)


def drawn(contexts: int = 60, vocabulary: int = 12, *, seed: int = 0, groups: int | None = None) -> ContextMatrix:
    """Draw a matrix of random supports, of which at most `groups` are distinct; context j is the token j."""
    support = random_support(vocabulary, contexts, 4, seed)
    if groups is not None:
        support = support[:, torch.arange(contexts) % groups]
    probs, shares = uneven(support, seed)
    found = ContextMatrix.from_dense(probs, shares)
    ids = max(vocabulary, contexts)
    return ContextMatrix(found.contexts, found.indptr, found.indices, found.counts, ids)


def origin(matrix: ContextMatrix, **changes: Any) -> Contexts:
    return Contexts(matrix, Origin(context=matrix.length, about="drawn"), **changes)
