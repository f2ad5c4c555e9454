"""How one measures a model's layers today: keep all hidden states, then numpy, layer by layer and pair by pair.

The same numbers as the probe's, written as the papers' formulas read: a singular value decomposition a layer, a product
a pair of layers for CKA, a loop over classes. float32 throughout, as the hidden states come.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float32]
LENS_TOKENS = 256


def transformers_states(model: Any, windows: Tensor, batch: int) -> tuple[list[Array], Array]:
    """Return all hidden states (L + 1 arrays (n, d)) and the loss of each token, everything kept."""
    kept: list[list[Tensor]] = []
    losses: list[Tensor] = []
    with torch.no_grad():
        for rows in windows.split(batch):
            out = model(rows, output_hidden_states=True)
            kept.append([state.flatten(0, 1) for state in out.hidden_states])
            losses.append(_losses(out.logits, rows))
    return [torch.cat(parts).numpy() for parts in zip(*kept, strict=True)], torch.cat(losses).numpy()


def lens_states(model: Any, windows: Tensor, batch: int) -> tuple[list[Array], Array]:
    """Return the same from TransformerLens' `run_with_cache`, which also keeps attention and MLP activations."""
    kept: list[list[Tensor]] = []
    losses: list[Tensor] = []
    names = [f"blocks.{layer}.hook_resid_pre" for layer in range(model.cfg.n_layers)]
    names.append(f"blocks.{model.cfg.n_layers - 1}.hook_resid_post")
    with torch.no_grad():
        for rows in windows.split(batch):
            logits, cache = model.run_with_cache(rows)
            kept.append([cache[name].flatten(0, 1) for name in names])
            losses.append(_losses(logits, rows))
    return [torch.cat(parts).numpy() for parts in zip(*kept, strict=True)], torch.cat(losses).numpy()


def measure(
    states: Sequence[Array], targets: NDArray[np.int64], weight: Array, logits_of: Callable[[Tensor], Tensor]
) -> dict[str, Any]:
    """Return spectra, update norms, the logit lens, collapse and the CKA map, from hidden states kept whole."""
    return {
        "rankme": [rankme(layer) for layer in states],
        "anisotropy": [anisotropy(layer) for layer in states],
        "updates": [updates(one, two) for one, two in itertools.pairwise(states)],
        "lens": lens(states, logits_of),
        "cdnv": collapse(states[-1], targets, weight),
        "cka": cka_map(states),
    }


def rankme(layer: Array) -> float:
    """Return exp of the entropy of the eigenvalues' shares, by a dense decomposition."""
    energy = np.linalg.svd(layer - layer.mean(0), compute_uv=False).astype(np.float64) ** 2
    shares = energy / energy.sum()
    return float(np.exp(-(shares * np.log(shares + 1e-30)).sum()))


def anisotropy(layer: Array) -> float:
    """Return the mean cosine of two rows."""
    unit = layer / np.linalg.norm(layer, axis=1, keepdims=True)
    count = len(unit)
    return float((np.square(unit.sum(0)).sum() - count) / (count * (count - 1)))


def updates(before: Array, after: Array) -> tuple[float, float, float]:
    """Return relative size and cosine of a block's update, and the cosine of neighbouring layers."""
    change = after - before
    size, moved, now = (np.linalg.norm(part, axis=1) for part in (before, change, after))
    along = (change * before).sum(1) / (size * moved)
    return float((moved / size).mean()), float(along.mean()), float(((before * after).sum(1) / (size * now)).mean())


def lens(states: Sequence[Array], logits_of: Callable[[Tensor], Tensor]) -> list[float]:
    """Return KL(layer || final) on as many tokens as the probe looks at."""
    index = np.arange(LENS_TOKENS) * len(states[0]) // LENS_TOKENS
    with torch.no_grad():
        final = logits_of(torch.from_numpy(states[-1][index])).log_softmax(-1)
        found: list[float] = []
        for layer in states:
            here = logits_of(torch.from_numpy(layer[index])).log_softmax(-1)
            found.append(float((here.exp() * (here - final)).sum(-1).mean()))
    return found


def collapse(layer: Array, targets: NDArray[np.int64], weight: Array, least: int = 5, most: int = 1024) -> float:
    """Return the mean CDNV over pairs of next-token classes, class by class and pair by pair of a table."""
    ids, counts = np.unique(targets[targets >= 0], return_counts=True)
    ids = ids[counts >= least][np.argsort(-counts[counts >= least])][:most]
    rows = [layer[targets == one] for one in ids]
    means = np.stack([part.mean(0) for part in rows])
    spread = np.array([np.square(part - mean).sum(1).mean() for part, mean in zip(rows, means, strict=True)])
    total = 0.0
    for one in range(len(ids)):
        distance = np.square(means[one + 1 :] - means[one]).sum(1)
        total += float(((spread[one + 1 :] + spread[one]) / 2 / distance).sum())
    cosines = (weight[ids] * (means - means.mean(0))).sum(1)
    return total / (len(ids) * (len(ids) - 1) / 2) + 0 * float(cosines.mean())


def cka_map(states: Sequence[Array]) -> Array:
    """Return linear CKA of every two layers, in feature space."""
    centred = [layer - layer.mean(0) for layer in states]
    own = [float(np.linalg.norm(layer.T @ layer)) for layer in centred]
    found = np.eye(len(states), dtype=np.float32)
    for one, two in itertools.combinations(range(len(states)), 2):
        cross = float(np.linalg.norm(centred[one].T @ centred[two]) ** 2)
        found[one, two] = found[two, one] = cross / (own[one] * own[two])
    return found


def _losses(logits: Tensor, tokens: Tensor) -> Tensor:
    return torch.nn.functional.cross_entropy(
        logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten(), reduction="none"
    )  # fmt: skip
