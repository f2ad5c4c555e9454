"""The same stimuli for any two models: places in a text where a word ends, whatever their tokenizers make of it.

Every model reads the passages with its own tokenizer, and its state is taken at the token that holds a word's last
character; so models with different vocabularies are compared on the same words in the same contexts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.probing.templates import name_tokens

PASSAGES = 64
WORDS = 90
"""Words of a passage: short enough for any context."""
EACH = 8
"""Words read in a passage, spread over its second half, where there is context before them."""
_READ = 4_000_000
"""Characters of the text among which passages are chosen."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Stimuli:
    """Passages, and the words read in each: (passage, start, end) in characters."""

    passages: tuple[str, ...]
    words: tuple[tuple[int, int, int], ...]

    @property
    def groups(self) -> Tensor:
        """(n,) int64: the passage of every word."""
        return torch.tensor([passage for passage, _, _ in self.words])


def choose_stimuli(chunks: Iterable[str]) -> Stimuli:
    """Choose passages spread evenly over the first four million characters of a text, and words in them.

    Raises InputError when the text has fewer words than one passage.
    """
    text = ""
    for chunk in chunks:
        text += chunk
        if len(text) >= _READ:
            break
    spans = [match.span() for match in _WORD.finditer(text)]
    count = min(PASSAGES, len(spans) // WORDS)
    if count < 2:
        raise InputError(
            f"the text has {len(spans)} words, too few to compare models on: at least {2 * WORDS} are needed"
        )
    passages: list[str] = []
    words: list[tuple[int, int, int]] = []
    for number in range(count):
        first = number * (len(spans) - WORDS) // max(1, count - 1) if count > 1 else 0
        begin, finish = spans[first][0], spans[first + WORDS - 1][1]
        passages.append(text[begin:finish])
        places = [first + WORDS // 2 + step * (WORDS // 2) // EACH for step in range(EACH)]
        words += [(number, spans[place][0] - begin, spans[place][1] - begin) for place in places]
    return Stimuli(tuple(passages), tuple(words))


def word_states(
    adapter: Any, tokenizer: Any, stimuli: Stimuli, progress: Callable[[int, int], None] | None = None
) -> list[Tensor]:
    """Return L + 1 tensors (n, d), float32, on the CPU: the streams at the last token of every word.

    Raises InputError when the tokenizer does not say which characters its tokens cover, or a passage is too long.
    """
    found: list[list[Tensor]] = []
    by_passage: dict[int, list[tuple[int, int]]] = {}
    for passage, start, end in stimuli.words:
        by_passage.setdefault(passage, []).append((start, end))
    for number, (passage, spans) in enumerate(sorted(by_passage.items())):
        text = stimuli.passages[passage]
        read = [name_tokens(tokenizer, text, start, end) for start, end in spans]
        ids, places = read[0][0], torch.tensor([inside[-1] for _, inside in read])
        if adapter.context is not None and len(ids) > adapter.context:
            ids, places = ids[: adapter.context], places.clamp(max=adapter.context - 1)
        with adapter.record(streams=True, parts=False) as record:
            adapter.run(torch.tensor(ids)[None])
        found = found or [[] for _ in record.streams]
        for layer, stream in enumerate(record.streams):
            found[layer].append(stream[0, places.to(stream.device)].float().cpu())
        if progress is not None:
            progress(number + 1, len(by_passage))
    return [torch.cat(rows) for rows in found]
