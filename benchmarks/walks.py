"""The peer of Node2Vec: random walks and gensim's Word2Vec (skip-gram, negative sampling), as node2vec is run."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from gensim.models import Word2Vec
from numpy.typing import NDArray
from torch import Tensor


def random_walks(edges: NDArray[np.int64], nodes: int, length: int, seed: int) -> list[list[str]]:
    """Return ten walks from every node, p = q = 1, all of them drawn a step at a time."""
    order = np.argsort(edges[:, 0], kind="stable")
    targets = edges[order, 1]
    degrees = np.bincount(edges[:, 0], minlength=nodes)
    starts = np.cumsum(degrees) - degrees
    generator = np.random.default_rng(seed)
    places = np.tile(np.flatnonzero(degrees), 10)
    generator.shuffle(places)
    steps = [places]
    for _ in range(length - 1):
        here = steps[-1]
        steps.append(targets[starts[here] + (generator.random(len(here)) * degrees[here]).astype(np.int64)])
    return np.stack(steps, axis=1).astype(str).tolist()


def word2vec_epochs(
    walks: list[list[str]], nodes: int, *, width: int, window: int, rate: float, epochs: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Train epoch by epoch on one worker, which makes it deterministic; yield vectors and context vectors (N, m)."""
    model = Word2Vec(vector_size=width, window=window, sg=1, negative=5, min_count=1, sample=0, workers=1, seed=1,
                     shrink_windows=False)  # fmt: skip
    model.build_vocab(walks)
    index = np.array([model.wv.key_to_index.get(str(node), 0) for node in range(nodes)])
    for _ in range(epochs):
        model.train(walks, total_examples=len(walks), epochs=1, start_alpha=rate, end_alpha=rate)
        yield torch.from_numpy(model.wv.vectors[index]), torch.from_numpy(model.syn1neg[index])
