"""Paths as sequences, and which of them are held out (arXiv 2510.26745)."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from geomem.batch import IGNORE
from geomem.errors import InputError
from geomem.seeding import torch_generator
from geomem.tasks.streams import SequenceStream
from geomem.tasks.vocabulary import Vocabulary

Target = Literal["full", "hardest", "reversed"]


def path_targets(paths: Tensor, target: Target) -> Tensor:
    """Return the tokens to predict (P, K) for paths (P, l) from root to leaf: all, the first hop, or all reversed."""
    if target == "hardest":
        return paths[:, 1:2]
    return paths.flip(1) if target == "reversed" else paths


def first_hop_column(length: int, target: Target) -> int:
    """Return which target token is the first hop v1, for paths of `length` nodes."""
    return {"full": 1, "hardest": 0, "reversed": length - 2}[target]


def path_prefixes(vocabulary: Vocabulary, paths: Tensor, *, pauses: int, start_node: bool) -> Tensor:
    """Return `[PATH] (root) leaf [PAUSE]*pauses` (P, T) for paths (P, l)."""
    mark = torch.full((len(paths), 1), vocabulary.path)
    wait = torch.full((len(paths), pauses), vocabulary.pause)
    start = [paths[:, :1]] if start_node else []
    return torch.cat([mark, *start, paths[:, -1:], wait], dim=1)


def target_stream(prefixes: Tensor, targets: Tensor, *, filler: int, teacherless: bool) -> SequenceStream:
    """Return prefixes (P, T) followed by targets (P, K), loss on all targets; teacherless inputs hide the targets."""
    shown = torch.full_like(targets, filler) if teacherless else targets
    labels = torch.cat([torch.full_like(prefixes, IGNORE), targets], dim=1)
    return SequenceStream(torch.cat([prefixes, shown], dim=1), labels)


def held_out_paths(paths: Tensor, split: Literal["leaf", "subtree"], share: float, seed: int) -> Tensor:
    """Return which paths are held out, (P,) bool.

    leaf: all paths are shuffled and the first floor(share * P) train. subtree: the root's children are shuffled, and
    the first floor(share * d) of them train with all their leaves.
    Raises InputError when nothing is left to train on.
    """
    groups = torch.arange(len(paths)) if split == "leaf" else torch.unique(paths[:, 1], return_inverse=True)[1]
    count = int(groups.max()) + 1
    # The tolerance keeps a share such as 0.7 of 10 from falling to 6 by rounding in binary.
    keep = math.floor(share * count + 1e-9)
    if keep == 0:
        what = "paths" if split == "leaf" else "arms"
        raise InputError(f"train_share: {share:g} of {count} {what} leaves none to train on")
    order = torch.randperm(count, generator=torch_generator(seed, "split"))
    held_out = torch.ones(count, dtype=torch.bool)
    held_out[order[:keep]] = False
    return held_out[groups]
