"""How one measures a model's layers today: keep all hidden states, then numpy, layer by layer and pair by pair.

The same numbers as the probe's, written as the papers' formulas read: a singular value decomposition a layer, a product
a pair of layers for CKA, a loop over classes. float32 throughout, as the hidden states come.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Looked:
    """How many tokens are looked at where the work grows with them; None looks at every one."""

    lens: int | None = 256
    dimension: int | None = 1024
    agreement: int | None = 1024


AS_THE_PROBE, EVERY_TOKEN = Looked(), Looked(None, None, None)
LENS_ROWS = 256  # logits of as many rows at once: those of all of them would take gigabytes


@dataclass
class Kept:
    """What a forward pass over the whole text leaves: L + 1 arrays (n, d), losses, and the most likely next tokens."""

    states: list[Array]
    losses: Array
    choices: NDArray[np.int64]


def transformers_states(model: Any, windows: Tensor, batch: int) -> Kept:
    """Keep all hidden states that transformers' model reports."""

    def read(rows: Tensor) -> tuple[Tensor, Sequence[Tensor]]:
        out = model(rows, output_hidden_states=True)
        return out.logits, out.hidden_states

    return _read(read, windows, batch)


def lens_states(model: Any, windows: Tensor, batch: int) -> Kept:
    """Keep the same from TransformerLens' `run_with_cache`, which also keeps attention and MLP activations."""
    names = [f"blocks.{layer}.hook_resid_pre" for layer in range(model.cfg.n_layers)]
    names.append(f"blocks.{model.cfg.n_layers - 1}.hook_resid_post")

    def read(rows: Tensor) -> tuple[Tensor, Sequence[Tensor]]:
        logits, cache = model.run_with_cache(rows)
        return logits, [cache[name] for name in names]

    return _read(read, windows, batch)


def _read(read: Callable[[Tensor], tuple[Tensor, Sequence[Tensor]]], windows: Tensor, batch: int) -> Kept:
    kept: list[list[Tensor]] = []
    losses: list[Tensor] = []
    choices: list[Tensor] = []
    with torch.no_grad():
        for rows in windows.split(batch):
            logits, states = read(rows)
            kept.append([state.flatten(0, 1) for state in states])
            said, came = logits[:, :-1].flatten(0, 1), rows[:, 1:].flatten()
            losses.append(torch.nn.functional.cross_entropy(said, came, reduction="none"))
            choices.append(logits.argmax(-1).flatten())
    whole = [torch.cat(parts).numpy() for parts in zip(*kept, strict=True)]
    return Kept(whole, torch.cat(losses).numpy(), torch.cat(choices).numpy())


def measure(kept: Kept, targets: NDArray[np.int64], model: Any, looked: Looked = AS_THE_PROBE) -> dict[str, float]:
    """Measure everything from hidden states kept whole; return the seconds each family takes, by its name."""
    states, weight = kept.states, model.lm_head.weight.detach().numpy()
    work: dict[str, Callable[[], object]] = {
        "spectrum": lambda: [spectra(states, looked.dimension), spectrum(weight)],
        "collapse": lambda: [
            collapse(states, targets, weight),
            class_agreement(states[-1], targets, kept.choices, looked.agreement),
        ],
        "updates": lambda: [updates(one, two) for one, two in itertools.pairwise(states)],
        "lens": lambda: lens(states, lambda rows: model.lm_head(model.transformer.ln_f(rows)), looked.lens),
        "comparison": lambda: cka_map(states),
    }
    taken: dict[str, float] = {}
    for name, do in work.items():
        began = time.perf_counter()
        do()
        taken[name] = time.perf_counter() - began
    return taken


def spread_out(rows: int, count: int | None) -> NDArray[np.int64]:
    """Return the indices of `count` rows, evenly over all of them; of every row where there is no count."""
    count = rows if count is None else min(rows, count)
    return np.arange(count) * rows // count


def spectra(states: Sequence[Array], tokens: int | None) -> list[tuple[float, ...]]:
    """Return for each layer what its singular values give, the mean cosine, and two intrinsic dimensions."""
    return [(*spectrum(layer), anisotropy(layer), *intrinsic_dimensions(layer, tokens)) for layer in states]


def spectrum(layer: Array) -> tuple[float, float, float, float]:
    """Return RankMe, the exponent of the eigenvalues, participation ratio and stable rank, by a dense decomposition."""
    energy = np.linalg.svd(layer - layer.mean(0), compute_uv=False).astype(np.float64) ** 2
    shares = energy / energy.sum()
    rankme = float(np.exp(-(shares * np.log(shares + 1e-30)).sum()))
    ranks = np.arange(1, len(energy) + 1)
    kept = slice(10, len(energy) // 2)
    alpha = -float(np.polyfit(np.log(ranks[kept]), np.log(energy[kept]), 1)[0])
    return rankme, alpha, float(energy.sum() ** 2 / np.square(energy).sum()), float(energy.sum() / energy[0])


def intrinsic_dimensions(layer: Array, tokens: int | None) -> tuple[float, float]:
    """Return TwoNN and MLE of as many tokens."""
    import skdim

    points = layer[spread_out(len(layer), tokens)]
    return float(skdim.id.TwoNN().fit(points).dimension_), float(skdim.id.MLE().fit(points).dimension_)


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


def lens(states: Sequence[Array], logits_of: Callable[[Tensor], Tensor], tokens: int | None) -> list[float]:
    """Return KL(layer || final) on as many tokens."""
    index = spread_out(len(states[0]), tokens)
    found = np.zeros(len(states))
    with torch.no_grad():
        for rows in np.split(index, range(LENS_ROWS, len(index), LENS_ROWS)):
            final = logits_of(torch.from_numpy(states[-1][rows])).log_softmax(-1)
            for depth, layer in enumerate(states):
                here = logits_of(torch.from_numpy(layer[rows])).log_softmax(-1)
                found[depth] += float((here.exp() * (here - final)).sum())
    return list(found / len(index))


def collapse(
    states: Sequence[Array], targets: NDArray[np.int64], weight: Array, most: int = 1024, common: int = 256
) -> list[tuple[float, ...]]:
    """Return CDNV, equinormness and angles of next-token classes at the end, and at every depth of the commonest."""
    found = [class_geometry(states[-1], targets, commonest(targets, most), weight)]
    ids = commonest(targets, common)
    return found + [class_geometry(layer, targets, ids) for layer in states[:-1]]


def commonest(targets: NDArray[np.int64], most: int, least: int = 5) -> NDArray[np.int64]:
    """Return the classes with enough samples, commonest first."""
    ids, counts = np.unique(targets[targets >= 0], return_counts=True)
    return ids[counts >= least][np.argsort(-counts[counts >= least])][:most]


def class_means(layer: Array, targets: NDArray[np.int64], ids: NDArray[np.int64]) -> tuple[list[Array], Array]:
    """Return the rows of every class, and the class means."""
    rows = [layer[targets == one] for one in ids]
    return rows, np.stack([part.mean(0) for part in rows])


def class_geometry(
    layer: Array, targets: NDArray[np.int64], ids: NDArray[np.int64], weight: Array | None = None
) -> tuple[float, ...]:
    """Return the mean CDNV over pairs, the spread of norms and of angles, and the agreement with the output layer."""
    rows, means = class_means(layer, targets, ids)
    spread = np.array([np.square(part - mean).sum(1).mean() for part, mean in zip(rows, means, strict=True)])
    total = 0.0
    for one in range(len(ids)):
        distance = np.square(means[one + 1 :] - means[one]).sum(1)
        total += float(((spread[one + 1 :] + spread[one]) / 2 / distance).sum())
    centred = means - means.mean(0)
    norms = np.linalg.norm(centred, axis=1)
    angles = (centred @ centred.T / np.outer(norms, norms))[np.triu_indices(len(ids), 1)]
    numbers = (total / len(angles), float(norms.std() / norms.mean()), float(angles.std()))
    if weight is None:
        return numbers
    own = weight[ids] - weight[ids].mean(0)
    return (*numbers, float(((own * centred).sum(1) / (np.linalg.norm(own, axis=1) * norms)).mean()))


def class_agreement(layer: Array, targets: NDArray[np.int64], choices: NDArray[np.int64], tokens: int | None) -> float:
    """Return how often the nearest class mean of a token is what the model itself chooses (NC4)."""
    ids = commonest(targets, 1024)
    _, means = class_means(layer, targets, ids)
    index = spread_out(len(layer), tokens)
    distance = np.square(means).sum(1) - 2 * layer[index] @ means.T
    return float((ids[distance.argmin(1)] == choices[index]).mean())


def cka_map(states: Sequence[Array]) -> Array:
    """Return linear CKA of every two layers, in feature space."""
    centred = [layer - layer.mean(0) for layer in states]
    own = [float(np.linalg.norm(layer.T @ layer)) for layer in centred]
    found = np.eye(len(states), dtype=np.float32)
    for one, two in itertools.combinations(range(len(states)), 2):
        cross = float(np.linalg.norm(centred[one].T @ centred[two]) ** 2)
        found[one, two] = found[two, one] = cross / (own[one] * own[two])
    return found
