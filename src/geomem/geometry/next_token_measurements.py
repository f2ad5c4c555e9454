"""Next-token geometry as registered measurements: what a model trained on distinct contexts can be asked.

Evidence: next_token_logits and next_token_probs (V, m), columns are contexts; context_shares (m,); context_vectors
(d, m). Source: arXiv 2408.15417. The direction is the centred support, which is exact for symmetric supports and a near
stand-in elsewhere; `solvers.ntp_svm` has the exact one.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from geomem.geometry.measurement import Measurement
from geomem.geometry.next_token import (
    centre,
    centred_support,
    cross_entropy,
    direction_cosine,
    directional_part,
    entropy,
    entropy_gap,
    finite_component,
    finite_projection,
)
from geomem.geometry.subspace_collapse import subspace_collapse, support_groups


def measure_entropy_gap(
    next_token_logits: Float[Tensor, "v m"], next_token_probs: Float[Tensor, "v m"], context_shares: Float[Tensor, " m"]
) -> dict[str, float]:
    """Return the next-token loss, its floor (the entropy) and the gap between them, in nats."""
    return {
        "gap": float(entropy_gap(next_token_logits, next_token_probs, context_shares)),
        "loss": float(cross_entropy(next_token_logits, next_token_probs, context_shares)),
        "entropy": float(entropy(next_token_probs, context_shares)),
    }


def measure_finite_part(
    next_token_logits: Float[Tensor, "v m"], next_token_probs: Float[Tensor, "v m"]
) -> dict[str, float]:
    """Return |P_F L - L_in|, the same over |L_in| (0 where that is 0), and |P_F L| / |L| of centred logits."""
    support, goal = next_token_probs > 0, finite_component(next_token_probs)
    found = finite_projection(next_token_logits, support)
    distance, size = float((found - goal).norm()), float(goal.norm())
    whole = float(centre(next_token_logits).norm())
    return {
        "distance": distance,
        "relative": distance / size if size > 0 else 0.0,
        "share": float(found.norm()) / whole if whole > 0 else 0.0,
    }


def measure_support_direction(
    next_token_logits: Float[Tensor, "v m"], next_token_probs: Float[Tensor, "v m"]
) -> dict[str, float]:
    """Return the cosines of L, of L - L_in and of L - P_F L with the centred support; columns of L are centred."""
    logits, support = centre(next_token_logits), next_token_probs > 0
    goal = centred_support(support)
    return {
        "logits": direction_cosine(logits, goal),
        "rest": direction_cosine(logits - finite_component(next_token_probs), goal),
        "directional": direction_cosine(directional_part(logits, support), goal),
    }


def measure_subspace_collapse(
    context_vectors: Float[Tensor, "d m"], next_token_logits: Float[Tensor, "v m"],
    next_token_probs: Float[Tensor, "v m"],
) -> dict[str, float]:  # fmt: skip
    """Return cosines within and between groups of equal support, and the scatter ratio, of three tables.

    The context vectors; `directional_*`: L - P_F L; `probs_*`: the distributions themselves, which is what no training
    would give. NaN where no two contexts share a support.
    """
    support = next_token_probs > 0
    groups = support_groups(support)
    tables = {
        "": context_vectors,
        "directional_": directional_part(centre(next_token_logits), support),
        "probs_": next_token_probs,
    }
    return {
        f"{name}{key}": value
        for name, table in tables.items()
        for key, value in subspace_collapse(table, groups).numbers().items()
    }


ENTROPY_GAP = Measurement(
    name="entropy-gap",
    function=measure_entropy_gap,
    source="arXiv 2408.15417, after 2402.18551",
    chance="equal logits: the loss is log V",
)

FINITE_PART = Measurement(
    name="finite-part",
    function=measure_finite_part,
    source="arXiv 2408.15417",
    chance="equal logits: relative is 1",
)

SUPPORT_DIRECTION = Measurement(
    name="support-direction",
    function=measure_support_direction,
    source="arXiv 2408.15417, released code",
    chance="random logits: about 0, give or take 1 / sqrt(V m)",
)

SUBSPACE_COLLAPSE = Measurement(
    name="subspace-collapse",
    function=measure_subspace_collapse,
    source="arXiv 2408.15417",
    chance="random vectors: within equals between; probs_within is what the frequencies alone give",
)
