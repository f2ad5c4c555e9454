"""A mode of a linear network with one hidden layer whose two factors differ at the start.

With W1 = R diag(a) V^T and W2 = U diag(b) R^T a mode of singular value s obeys

    tau da/dt = b (s - a b),   tau db/dt = a (s - a b),   c0 = a^2 - b^2 conserved      (arXiv 1312.6120, section 2)

The paper's angle theta = arcsinh(2 a b / c0) has tanh(theta / 2) = b / a for c0 > 0. That ratio rho obeys
tau drho/dt = s (1 - rho^2) - c0 rho, whose solution is elementary.
"""

from __future__ import annotations

from typing import TypeAlias

from jaxtyping import Float
from torch import Tensor

from geomem.errors import InputError

Reals: TypeAlias = Float[Tensor, "..."]


def unbalanced_time(
    s: Reals,
    a0: Reals,
    b0: Reals,
    uf: Reals,
    *,
    tau: float = 1.0,
) -> Reals:
    """Return the time until a b = uf, from factors a0 and b0.

    t = (tau / r) ln[(r + c + 2 s rho) / (r - c - 2 s rho)] between the start and the end, r = sqrt(c^2 + 4 s^2), c the
    conserved |a^2 - b^2|, rho the smaller factor over the larger. Shapes broadcast.
    uf: from a0 b0 up to, and below, s > 0. Raises InputError otherwise, and for |a0| = |b0|: that is the balanced mode
    of `deep_linear.learning_time`. Source: arXiv 1312.6120, section 2.
    """
    conserved, start, r = _begin(s, a0, b0, tau)
    if bool((uf < a0 * b0).any()) or bool((uf >= s).any()):
        raise InputError("uf: the strength to be reached must lie from a0 b0 up to, and below, the singular value s")
    end = 2 * uf / (conserved + (conserved**2 + 4 * uf**2).sqrt())
    return tau / r * (_odds(end, s, conserved, r).log() - _odds(start, s, conserved, r).log())


def unbalanced_strength(
    t: Reals,
    s: Reals,
    a0: Reals,
    b0: Reals,
    *,
    tau: float = 1.0,
) -> Reals:
    """Return the strength a b at times t >= 0, from factors a0 and b0 of different size.

    The relative error grows as rounding times u / |a0^2 - b0^2|: for nearly equal factors use the balanced sigmoid.
    Raises InputError for |a0| = |b0|, s <= 0 or negative times.
    """
    conserved, start, r = _begin(s, a0, b0, tau)
    if bool((t < 0).any()):
        raise InputError("t: times must not be negative")
    decay = (-r * t / tau).exp() / _odds(start, s, conserved, r)
    rho = (r * (1 - decay) / (1 + decay) - conserved) / (2 * s)
    return conserved * rho / (1 - rho**2)


def _begin(s: Tensor, a0: Tensor, b0: Tensor, tau: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return the conserved |a^2 - b^2|, the smaller factor over the larger, and r."""
    if not tau > 0:
        raise InputError(f"tau: 1 / learning rate must be a positive number, got {tau}")
    if not bool((s > 0).all()):
        raise InputError("s: singular values must be positive numbers")
    conserved = (a0**2 - b0**2).abs()
    if bool((conserved == 0).any()):
        raise InputError("a0, b0: factors of equal size are the balanced case; use deep_linear.learning_time")
    ratio = (a0 * b0) / a0.abs().maximum(b0.abs()) ** 2
    return conserved, ratio, (conserved**2 + 4 * s**2).sqrt()


def _odds(rho: Tensor, s: Tensor, conserved: Tensor, r: Tensor) -> Tensor:
    return (r + conserved + 2 * s * rho) / (r - conserved - 2 * s * rho)
