"""Which layer is a representation most like? A confidence set of layers instead of one arg-max (pseudo-depth).

Source: Shi, Shea-Brown and Buice, arXiv 1911.07986 (pseudo-depth: arg-max over layers). Neighbouring layers of residual
networks are nearly identical, so the arg-max alone says little: the set holds every layer that the stimuli cannot rule
out, and the arg-max is trusted only when it stands out from its neighbours (card, section 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.stimuli import GAP, Similarity, half_samples


@dataclass(frozen=True)
class LayerMatch:
    """The layers of a model against one representation.

    scores: (L,) similarity with each layer; low, high: (L,) 95 % intervals over stimuli. best: the arg-max. depth: the
    top of the parabola through best and its neighbours, in layers. confidence: the layers that may be the most similar
    one, with 95 % confidence. gap: best less its most similar neighbour, infinite for one layer.
    """

    scores: Float[Tensor, " l"]
    low: Float[Tensor, " l"]
    high: Float[Tensor, " l"]
    best: int
    depth: float
    confidence: tuple[int, ...]
    gap: float

    @property
    def trusted(self) -> bool:
        """Whether `best` may be named alone: the gap is at least 0.05, and no other layer is in the set."""
        return self.gap >= GAP and self.confidence == (self.best,)


def identify_layer(
    target: Float[Tensor, "n p"],
    layers: Sequence[Float[Tensor, "n _"]],
    measure: Similarity,
    windows: Int[Tensor, " n"] | None = None,
    *,
    resamples: int = 200,
    seed: int = 0,
) -> LayerMatch:
    """Compare `target` with every layer on the same stimuli, and say which layers may be the most similar.

    Layer l is ruled out when some layer is more similar by more than the 95 % quantile of what the largest such
    advantage would be by chance of stimuli alone, if all layers were equally similar (half samples; paired, so noise
    that layers share does not count; Gupta 1965, Technometrics 7, for the rule). windows: (n,) number of the text
    window of each stimulus; whole windows are then drawn.
    Raises InputError for no layers, or what `measure` raises for half of the stimuli.
    """
    if not layers:
        raise InputError("layers: none to compare with")
    scores = _scores(target, layers, measure)
    halves = [part.to(target.device) for part in half_samples(len(target), resamples, seed, windows)]
    drawn = torch.stack([_scores(target[rows], [layer[rows] for layer in layers], measure) for rows in halves])
    noise = drawn - drawn.mean(0)
    chance = (noise.max(1, keepdim=True).values - noise).quantile(0.95, dim=0)
    confidence = torch.nonzero(scores.max() - scores <= chance).flatten().tolist()
    best = int(scores.argmax())
    beside = [scores[place] for place in (best - 1, best + 1) if 0 <= place < len(scores)]
    gap = float(scores[best] - torch.stack(beside).max()) if beside else float("inf")
    low, high = scores + noise.quantile(scores.new_tensor([0.025, 0.975]), dim=0)
    return LayerMatch(scores, low, high, best, refined_depth(scores), tuple(confidence), gap)


def refined_depth(scores: Float[Tensor, " l"]) -> float:
    """Return where the parabola through the largest score and its neighbours has its top; the arg-max at either end."""
    best = int(scores.argmax())
    if not 0 < best < len(scores) - 1:
        return float(best)
    before, top, after = scores[best - 1 : best + 2].tolist()
    bend = before - 2 * top + after
    return best + (before - after) / (2 * bend) if bend < 0 else float(best)


def _scores(target: Tensor, layers: Sequence[Tensor], measure: Similarity) -> Tensor:
    return torch.stack([measure(target, layer) for layer in layers]).double().cpu()
