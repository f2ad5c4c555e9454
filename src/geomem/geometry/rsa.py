"""Representational similarity analysis (RSA), its noise ceilings, and neighbour-restricted CKA (CKNNA).

Source: Kriegeskorte et al. 2008, Frontiers in Systems Neuroscience 2 (RSA); Nili et al. 2014, PLOS Computational
Biology 10, "Estimating the noise ceiling"; Spearman 1910 and Brown 1910 (split halves); Huh et al., arXiv 2405.07987,
Appendix A and released code (CKNNA).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from scipy.stats import rankdata
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.cka import LEAST, cka_ratio, unbiased_hsic
from geomem.geometry.distance import spearman
from geomem.geometry.paired import ROUNDING, centred, centred_pair
from geomem.geometry.vectors import unit_rows
from geomem.seeding import torch_generator

STIMULI = 3
"""Fewest stimuli with more than one pair to rank."""


def similarity_matrix(stimuli: Float[Tensor, "n p"], name: str = "representation") -> Float[Tensor, "n n"]:
    """Return Pearson's correlation over units between every two stimuli, the units centred over stimuli first.

    A stimulus whose centred units are all equal correlates 0 with all. Raises InputError for fewer than two units or
    values that are not finite.
    """
    if stimuli.shape[1] < 2:
        raise InputError(f"{name}: a correlation over units needs at least 2 units, got {stimuli.shape[1]}")
    rows = centred(stimuli, name)
    moved = rows - rows.mean(1, keepdim=True)
    lengths = rows.square().sum(1)
    rounding = torch.maximum(ROUNDING * lengths, ROUNDING**2 * lengths.mean())
    unit = unit_rows(moved * (moved.square().sum(1) > rounding)[:, None])
    return (unit @ unit.T).clamp(-1, 1)


def dissimilarities(stimuli: Float[Tensor, "n p"], name: str = "representation") -> Float[Tensor, " m"]:
    """Return 1 - correlation for every pair of stimuli, the upper triangle row by row, m = n(n-1)/2."""
    return 1 - _upper(similarity_matrix(stimuli, name))


def rsa(first: Float[Tensor, "n p"], second: Float[Tensor, "n q"]) -> Float[Tensor, ""]:
    """Return Spearman's correlation of the two matrices of stimulus correlations, in [-1, 1]; 0 without variance.

    Raises InputError for different stimuli, fewer than three, fewer than two units, or values that are not finite.
    """
    centred_pair(first, second, least=STIMULI)
    sides = dissimilarities(first, "first representation"), dissimilarities(second, "second representation")
    return torch.tensor(spearman(*sides), dtype=torch.float64)


def cknna(first: Float[Tensor, "n p"], second: Float[Tensor, "n q"], *, k: int = 10) -> Float[Tensor, ""]:
    """Return CKA restricted to pairs (i, j) where j is among the k nearest of i on both sides (CKNNA).

    Rows are scaled to length 1, so nearness is cosine; HSIC_u is taken over Gram matrices that are 0 elsewhere, as in
    the released code (columns not centred). About 1 for equal neighbourhoods, near 0 for unrelated ones; 0 when no
    neighbours are shared. Raises InputError for different stimuli, not more than k + 1, or values that are not finite.
    """
    centred_pair(first, second, least=max(LEAST, k + 2))
    grams = [unit @ unit.T for unit in (unit_rows(first.detach()), unit_rows(second.detach()))]
    near = [_nearest(gram, k) for gram in grams]
    pairs = ((0, 1), (0, 0), (1, 1))
    hsics = [unbiased_hsic(*(grams[side] * (near[i] & near[j]) for side in (i, j))) for i, j in pairs]
    return cka_ratio(torch.stack(hsics))


@dataclass(frozen=True)
class Ceiling:
    """How high a perfect model's RSA can come, given noise: between lower and upper (Nili et al. 2014)."""

    lower: float
    upper: float


def noise_ceiling(repeats: Float[Tensor, "r n p"]) -> Ceiling:
    """Return the mean RSA of each repeat with the mean over repeats: of the others (lower), and of all (upper).

    repeats: R measurements of the same N stimuli (other seeds, contexts, sentences or subjects). Dissimilarities are
    ranked within a repeat before they are averaged, which is what maximises the mean Spearman correlation. The upper
    one overfits, the lower one underfits. Raises InputError for fewer than two repeats, or as `rsa`.
    """
    count = len(repeats)
    if count < 2:
        raise InputError(f"noise ceiling: needs at least 2 repeated measurements, got {count}")
    if repeats.shape[1] < STIMULI:
        raise InputError(f"noise ceiling: needs at least {STIMULI} stimuli (rows), got {repeats.shape[1]}")
    found = [dissimilarities(one, f"repeat {number}") for number, one in enumerate(repeats)]
    ranks = torch.stack([torch.from_numpy(rankdata(one.cpu().numpy())) for one in found])
    total = ranks.sum(0)
    lower = [spearman(one, total - one) for one in ranks]
    upper = [spearman(one, total) for one in ranks]
    return Ceiling(sum(lower) / count, sum(upper) / count)


@dataclass(frozen=True)
class Reliability:
    """Mean over random splits, with the range that holds 95 % of the splits (not an interval over stimuli)."""

    value: float
    low: float
    high: float


def split_half_ceiling(stimuli: Float[Tensor, "n p"], *, splits: int = 20, seed: int = 0) -> Reliability:
    """Return the RSA of one random half of the units with the other, corrected to all units: 2 r / (1 + r).

    What another sample of as many units of the same system would reach. A correlation of -1 or less than that after
    the correction is given as -1. Raises InputError for fewer than four units, or as `rsa`.
    """
    width = stimuli.shape[1]
    if width < 4:
        raise InputError(f"split halves: needs at least 4 units, got {width}")
    generator = torch_generator(seed, "split-halves")
    orders = [torch.randperm(width, generator=generator).to(stimuli.device) for _ in range(splits)]
    halves = [(stimuli[:, order[: width // 2]], stimuli[:, order[width // 2 :]]) for order in orders]
    found = torch.stack([spearman_brown(rsa(*pair)) for pair in halves])
    low, high = torch.quantile(found, found.new_tensor([0.025, 0.975])).tolist()
    return Reliability(float(found.mean()), low, high)


def spearman_brown(half: Float[Tensor, ""]) -> Float[Tensor, ""]:
    """Return the reliability of the whole from the correlation of two halves, 2 r / (1 + r), at least -1."""
    return (2 * half / (1 + half).clamp(min=1e-12)).clamp(min=-1)


def _upper(matrix: Tensor) -> Tensor:
    first, second = torch.triu_indices(len(matrix), len(matrix), offset=1, device=matrix.device)
    return matrix[first, second]


def _nearest(gram: Tensor, k: int) -> Tensor:
    """Say for each row i which j != i are among its k largest entries, (n, n) bool."""
    chosen = gram.clone().fill_diagonal_(-torch.inf).topk(k, dim=1).indices
    return torch.zeros_like(gram, dtype=torch.bool).scatter(1, chosen, value=True)
