"""Sixteen written contexts of five words, each followed by three words; two contexts share every set of next words.

The shape is that of the authors' synthetic set (16 contexts of 5 tokens, supports of 3, each next token once or twice,
arXiv 2408.15417); the words are our own. Next words overlap between sets: a set shares two words with the next one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from geomem.seeding import torch_generator
from geomem.studies.implicit_geometry_ntp.problems import Problem

NEXT = (
    ("harbour", "island", "market"),
    ("island", "market", "garden"),
    ("garden", "kitchen", "market"),
    ("kitchen", "garden", "cellar"),
    ("bread", "cheese", "honey"),
    ("honey", "bread", "soup"),
    ("soup", "cheese", "tea"),
    ("tea", "soup", "honey"),
)
"""Words that may follow, one set for each two contexts."""

CONTEXTS = (
    ("the old captain sailed towards the", "our grey boat drifted past the"),
    ("tired merchants walked back to the", "a slow caravan came near the"),
    ("in spring she opened the", "my aunt always loved the"),
    ("at night he swept the", "nobody dared enter the dark"),
    ("hungry children begged for more", "for breakfast they bought fresh"),
    ("the baker sold us warm", "winter guests asked for sweet"),
    ("grandmother served everybody some hot", "after skating we wanted hot"),
    ("the nurse brought him some", "with a cold drink plenty of"),
)
"""Two contexts for each set of next words; the last five words of each are read."""

LENGTH = 5


@dataclass(frozen=True)
class Corpus:
    """The problem over next words, and the contexts as a model reads them.

    tokens: (16, 5) int64. vocabulary: all words; the next words come first, in the order of the problem's rows.
    labels: each context in words. counts: (V, 16), how often each next word follows.
    """

    problem: Problem
    tokens: Tensor
    vocabulary: tuple[str, ...]
    labels: tuple[str, ...]
    counts: Tensor

    @property
    def next_words(self) -> tuple[str, ...]:
        """The words that the rows of the problem stand for."""
        return self.vocabulary[: len(self.problem.probs)]


def corpus(seed: int) -> Corpus:
    """Return the contexts, each next word counted once or twice as the seed draws."""
    sets = [words for words in NEXT for _ in range(2)]
    labels = [" ".join(text.split()[-LENGTH:]) for pair in CONTEXTS for text in pair]
    outputs = sorted({word for words in sets for word in words})
    inputs = sorted({word for text in labels for word in text.split()} - set(outputs))
    numbers = {word: place for place, word in enumerate((*outputs, *inputs))}
    counts = torch.zeros(len(outputs), len(sets), dtype=torch.float64)
    generator = torch_generator(seed, "corpus")
    for column, words in enumerate(sets):
        for word in words:
            counts[numbers[word], column] = float(torch.randint(1, 3, (), generator=generator))
    tokens = torch.tensor([[numbers[word] for word in text.split()] for text in labels])
    totals = counts.sum(0)
    return Corpus(Problem(counts / totals, totals / totals.sum()), tokens, tuple(numbers), tuple(labels), counts)
