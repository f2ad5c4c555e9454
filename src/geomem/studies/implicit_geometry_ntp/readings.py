"""The numbers and the pictures' arrays of one trained state, compared with where it should be going."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from geomem.geometry import next_token as nt
from geomem.runs.tables import Measurement
from geomem.solvers.ridge_path import RidgePoint
from geomem.studies.implicit_geometry_ntp.problems import Problem

PROXY = "proxy"
"""Control condition of rows that compare with the centred support in place of L_mm."""


@dataclass(frozen=True)
class Direction:
    """Where the growing part should point. logits: (V, m), columns sum to 0. norm: its nuclear norm."""

    logits: Tensor
    norm: float

    @classmethod
    def of(cls, logits: Tensor) -> Direction:
        """Take any logits with the right margins."""
        centred = nt.centre(logits)
        return cls(centred, nt.nuclear_norm(centred))


def alignment(words: Tensor, contexts: Tensor, problem: Problem, target: Direction) -> dict[str, float]:
    """Return the cosines of a state words (V, d), contexts (d, m) with where it should point.

    logits: L itself. rest: L - L_in. directional: L - P_F L. words, contexts: the Gram matrices, with the square roots
    of L_mm's own. Columns of L and W are centred first: a constant added to all logits of a context predicts nothing.
    """
    words = nt.centre(words)
    logits = words @ contexts.double()
    gram_words, gram_contexts = nt.limiting_grams(target.logits)
    return {
        "logits": nt.direction_cosine(logits, target.logits),
        "rest": nt.direction_cosine(logits - problem.finite, target.logits),
        "directional": nt.direction_cosine(nt.directional_part(logits, problem.support), target.logits),
        "words": nt.direction_cosine(words @ words.T, gram_words),
        "contexts": nt.direction_cosine(contexts.double().T @ contexts.double(), gram_contexts),
    }


def progress(words: Tensor, contexts: Tensor, problem: Problem) -> dict[str, float]:
    """Return the entropy gap, the sizes of the factors and the logits, and how far P_F L is from L_in."""
    logits = nt.centre(words) @ contexts.double()
    finite = nt.finite_projection(logits, problem.support)
    return {
        "gap": float(nt.entropy_gap(logits, problem.probs, problem.shares)),
        "finite_error": float((finite - problem.finite).norm()),
        "norm": float(logits.norm()),
        "nuclear_norm": nt.nuclear_norm(logits),
        "words_norm": float(words.norm()),
        "contexts_norm": float(contexts.norm()),
    }


def state_rows(
    prefix: str, words: Tensor, contexts: Tensor, problem: Problem, target: Direction | None, **place: int
) -> list[Measurement]:
    """Return all numbers of a state as rows `prefix/...` at a step or layer; with the proxy as a control.

    target: L_mm, or None where nobody knows it: then there is the proxy alone.
    """
    numbers = progress(words, contexts, problem)
    rows = [
        Measurement(metric=f"{prefix}/{name}", value=value).model_copy(update=place) for name, value in numbers.items()
    ]
    for condition, one in (("", target), (PROXY, Direction.of(problem.proxy))):
        if one is not None:
            found = alignment(words, contexts, problem, one)
            rows += [
                Measurement(metric=f"{prefix}/cosine_{name}", value=value, condition=condition).model_copy(update=place)
                for name, value in found.items()
            ]
    return rows


def path_rows(points: list[RidgePoint], problem: Problem, target: Direction) -> list[Measurement]:
    """Return the numbers of a ridge path as rows `path/...`, the decade of the ridge as their layer."""
    rows: list[Measurement] = []
    for point in points:
        place = round(-math.log10(point.ridge))
        rows += state_rows("path", point.words, point.contexts, problem, target, layer=place)
        own = {"gap_per_ridge": point.gap / point.ridge, "certificate": point.certificate,
               "gradient_norm": point.gradient_norm, "iterations": float(point.iterations)}  # fmt: skip
        rows += [Measurement(metric=f"path/{name}", layer=place, value=value) for name, value in own.items()]
    return rows


def picture_arrays(words: Tensor, contexts: Tensor, problem: Problem, target: Direction) -> dict[str, Tensor]:
    """Return what the pictures show of a state: logits and their two parts, Gram matrices, spectra; float64."""
    words = nt.centre(words)
    logits = words @ contexts.double()
    gram_words, gram_contexts = nt.limiting_grams(target.logits)
    return {
        "logits": logits,
        "finite": nt.finite_projection(logits, problem.support),
        "finite_predicted": problem.finite,
        "directional": nt.directional_part(logits, problem.support),
        "direction": target.logits,
        "proxy": problem.proxy,
        "words": words @ words.T,
        "words_predicted": gram_words,
        "contexts": contexts.double().T @ contexts.double(),
        "contexts_predicted": gram_contexts,
        "spectrum": torch.linalg.svdvals(nt.directional_part(logits, problem.support)),
        "spectrum_predicted": torch.linalg.svdvals(target.logits),
        "spectrum_proxy": torch.linalg.svdvals(problem.proxy),
    }
