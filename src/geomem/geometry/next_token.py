"""The geometry of next-token prediction: logits as a finite part plus a growing direction.

Columns are contexts: `logits` L and `probs` P are (V, m), `support` S = P > 0 is (V, m) bool, `shares` pi (m,) sums
to 1. Trained long, L ~ L_in + R L_mm: L_in holds the log-odds of the frequencies inside the supports, L_mm sees the
supports alone, and R grows without bound (arXiv 2408.15417, after 2402.18551). All is worked out in float64, in nats.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from geomem.errors import InputError

_SUM_ERROR = 1e-5
"""By how much a distribution may miss 1: float32 shares of a large corpus do."""


def check_problem(probs: Float[Tensor, "v m"], shares: Float[Tensor, " m"]) -> None:
    """Check that `probs` holds a distribution a column and that `shares` are positive and sum to 1.

    Raises InputError saying which column is wrong and how.
    """
    if probs.ndim != 2 or shares.shape != probs.shape[1:] or not probs.numel():
        expected = f"probs (V, m) and shares (m,), got {tuple(probs.shape)} and {tuple(shares.shape)}"
        raise InputError(f"next-token distributions: expected {expected}")
    sums = probs.double().sum(0)
    wrong = ((sums - 1).abs() > _SUM_ERROR) | (probs < 0).any(0) | sums.isnan()
    if bool(wrong.any()):
        column = int(wrong.nonzero()[0])
        raise InputError(
            f"next-token distributions: context {column} sums to {float(sums[column]):.6g} with smallest entry "
            f"{float(probs[:, column].min()):.3g}; probabilities are at least 0 and sum to 1"
        )
    if not bool((shares > 0).all()) or abs(float(shares.double().sum()) - 1) > _SUM_ERROR:
        raise InputError(
            f"context shares: expected positive numbers that sum to 1, got a sum of {float(shares.sum()):.6g} and a "
            f"smallest of {float(shares.min()):.3g}; leave out contexts that do not occur"
        )


def cross_entropy(
    logits: Float[Tensor, "v m"], probs: Float[Tensor, "v m"], shares: Float[Tensor, " m"]
) -> Float[Tensor, ""]:
    """Return sum_j pi_j (logsumexp(L_j) - sum_v P_vj L_vj): the next-token loss in nats; differentiable."""
    scores = logits.double()
    return (shares.double() * (scores.logsumexp(0) - (probs.double() * scores).sum(0))).sum()


def entropy(probs: Float[Tensor, "v m"], shares: Float[Tensor, " m"]) -> Float[Tensor, ""]:
    """Return the entropy of the next token given its context, in nats: what no logits can go below."""
    p = probs.double()
    return -(shares.double() * torch.xlogy(p, p).sum(0)).sum()


def entropy_gap(
    logits: Float[Tensor, "v m"], probs: Float[Tensor, "v m"], shares: Float[Tensor, " m"]
) -> Float[Tensor, ""]:
    """Return the cross-entropy less the entropy: sum_j pi_j KL(p_j, softmax(L_j)) >= 0, in nats."""
    return (shares.double() * context_gaps(logits, probs)).sum()


def context_gaps(logits: Float[Tensor, "v m"], probs: Float[Tensor, "v m"]) -> Float[Tensor, " m"]:
    """Return KL(p_j, softmax(L_j)) >= 0 of every context, in nats.

    With e = (q - p) / p this is a sum of terms that are never negative, q - p - p log(1 + e) inside the supports and q
    outside, so that a gap of 1e-9 keeps its digits, which the difference of two sums near 1 would not.
    """
    p, log_q = probs.double(), logits.double().log_softmax(0)
    inside, q = p > 0, log_q.exp()
    safe = p.where(inside, 1.0)
    error = (q - p) / safe
    # Near 0 the series part of log1p is what counts; far from it, q may underflow where its logarithm does not.
    log_ratio = torch.where(error.abs() < 0.5, error.clamp(min=-0.5).log1p(), log_q - safe.log())
    return torch.where(inside, q - p - p * log_ratio, q).sum(0)


def logit_gradient(
    logits: Float[Tensor, "v m"], probs: Float[Tensor, "v m"], shares: Float[Tensor, " m"]
) -> Float[Tensor, "v m"]:
    """Return dCE/dL = (Q - P) * pi with Q the column softmax: columns sum to 0."""
    return (logits.double().softmax(0) - probs.double()) * shares.double()


def finite_component(probs: Float[Tensor, "v m"]) -> Float[Tensor, "v m"]:
    """Return L_in: log P less its mean over the support inside the support, 0 outside (arXiv 2408.15417)."""
    p = probs.double()
    support = p > 0
    return finite_projection(p.where(support, p.new_ones(())).log(), support)


def finite_projection(logits: Float[Tensor, "v m"], support: Bool[Tensor, "v m"]) -> Float[Tensor, "v m"]:
    """Return P_F L: each column less its mean over the support inside the support, 0 outside.

    F is the span of the differences of two tokens of one support (arXiv 2402.18551 with one-hot contexts).
    """
    inside = support.double()
    scores = logits.double()
    means = (scores * inside).sum(0) / inside.sum(0).clamp(min=1)
    return (scores - means) * inside


def directional_part(logits: Float[Tensor, "v m"], support: Bool[Tensor, "v m"]) -> Float[Tensor, "v m"]:
    """Return L - P_F L, the part orthogonal to F, where the growing direction lives."""
    return logits.double() - finite_projection(logits, support)


def centred_support(support: Bool[Tensor, "v m"]) -> Float[Tensor, "v m"]:
    """Return (I - 11^T/V) S: the authors' stand-in for L_mm, exact where supports are symmetric.

    1 - k/V inside a support of k tokens and -k/V outside: feasible for the NTP-SVM with every margin tight.
    """
    inside = support.double()
    return inside - inside.mean(0)


def centre(logits: Float[Tensor, "v m"]) -> Float[Tensor, "v m"]:
    """Return the logits with every column summing to 0: the same predictions, and the gauge trained factors have."""
    scores = logits.double()
    return scores - scores.mean(0)


def limiting_grams(logits: Float[Tensor, "v m"]) -> tuple[Float[Tensor, "v v"], Float[Tensor, "m m"]]:
    """Return (L L^T)^(1/2) and (L^T L)^(1/2): what W W^T and H^T H align with when W H goes along L.

    With L = U s V^T these are U s U^T and V s V^T (arXiv 2408.15417): balanced factors share the singular values.
    """
    left, values, right = torch.linalg.svd(logits.double(), full_matrices=False)
    return (left * values) @ left.T, (right.T * values) @ right


def nuclear_norm(logits: Float[Tensor, "v m"]) -> float:
    """Return the sum of the singular values."""
    return float(torch.linalg.svdvals(logits.double()).sum())


def direction_cosine(a: Float[Tensor, "n k"], b: Float[Tensor, "n k"]) -> float:
    """Return <A, B> / (|A| |B|) in the trace inner product; 0 where one of them is zero."""
    one, two = a.double(), b.double()
    scale = float(one.norm()) * float(two.norm())
    return float((one * two).sum()) / scale if scale > 0 else 0.0


def direction_distance(a: Float[Tensor, "n k"], b: Float[Tensor, "n k"]) -> float:
    """Return |A/|A| - B/|B||_F = sqrt(2 - 2 cos); sqrt 2 where one of them is zero, which has no direction."""
    one, two = a.double(), b.double()
    sizes = float(one.norm()), float(two.norm())
    return float((one / sizes[0] - two / sizes[1]).norm()) if min(sizes) > 0 else math.sqrt(2)
