"""How long a deep linear network takes to learn a mode of its data, in closed form, for any depth.

With whitened inputs and a decoupled, balanced start every singular mode of the input-output correlation is learned by
itself. A mode of singular value s has the strength u = a^D, a the same factor in each of the D weight matrices, and

    tau du/dt = D u^(2 - 2/D) (s - u),     tau = 1 / learning rate        (arXiv 1312.6120, sections 2 and 3)

For two matrices u(t) is a sigmoid. In general, with x = u / s and z = ln(x / (1 - x)), the time is

    D t / tau = s^(2/D - 2) [G(z)],     dG/dz = x^b,     b = 2/D - 1,

and G has the closed form of `_clock`, for every real D >= 1 and for D -> infinity. Nothing is integrated numerically.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from geomem.errors import InputError

Reals: TypeAlias = Float[Tensor, "..."]

TERMS = 64
"""Terms of the power series, each at most half of the one before."""

EULER = 0.57721566490153286061
"""Euler's constant."""

NEWTON_STEPS = 500
"""More than a strength between the smallest float64 and the largest needs."""


def rescaled_time(s: Reals, u0: Reals, uf: Reals, depth: float) -> Reals:
    """Return D t / tau, the time from strength u0 to uf in units in which it stays finite as the depth grows.

    s, u0, uf: shapes that broadcast, 0 < u0 <= uf < s. depth: number of weight matrices D >= 1, or math.inf.
    The best learning rate falls as 1 / D, so this is proportional to iterations at the best rate.
    Raises InputError for values outside these ranges. Source: arXiv 1312.6120, section 3.
    """
    _check_depth(depth, limit=True)
    _check_modes(s, u0)
    if bool((uf < u0).any()) or bool((uf >= s).any()):
        raise InputError("uf: the strength to be reached must lie from u0 up to, and below, the singular value s")
    begin, end = torch.logit(u0 / s), torch.logit(uf / s)
    return s ** (2 / depth - 2) * (_clock(end, depth) - _clock(begin, depth))


def learning_time(s: Reals, u0: Reals, uf: Reals, depth: int, *, tau: float = 1.0) -> Reals:
    """Return the time t from strength u0 to uf with `depth` weight matrices; arguments as in `rescaled_time`.

    For depth 2 this is (tau / 2 s) ln[uf (s - u0) / (u0 (s - uf))] (arXiv 1312.6120, section 2).
    """
    _check_depth(depth)
    return _positive_tau(tau) / depth * rescaled_time(s, u0, uf, depth)


def half_time(s: Reals, u0: Reals, depth: int = 2, *, tau: float = 1.0) -> Reals:
    """Return the time at which a mode has half its strength, (tau / 2 s) ln(s / u0 - 1) for depth 2.

    u0: at most s / 2. Raises InputError otherwise, and as `learning_time` does.
    """
    return learning_time(s, u0, s / 2, depth, tau=tau)


def mode_strength(t: Reals, s: Reals, u0: Reals, depth: int = 2, *, tau: float = 1.0) -> Reals:
    """Return the strength u(t) of modes that begin at u0; t, s and u0 broadcast.

    t: times >= 0. s: singular values > 0. u0: 0 < u0 < s. depth: weight matrices D >= 1.
    Exact to rounding: a sigmoid for depth 2, an exponential for depth 1, otherwise the closed form of the time is
    inverted by Newton's method. Raises InputError for values outside these ranges.
    """
    _check_depth(depth)
    _check_modes(s, u0)
    if bool((t < 0).any()):
        raise InputError("t: times must not be negative")
    if depth == 1:
        return single_layer_strength(t, s, u0, tau=tau)
    return _strength(depth / _positive_tau(tau) * t, s, u0, depth)


def limit_strength(rescaled: Reals, s: Reals, u0: Reals) -> Reals:
    """Return the strength of modes of an infinitely deep network at D t / tau = `rescaled` >= 0."""
    _check_modes(s, u0)
    if bool((rescaled < 0).any()):
        raise InputError("rescaled: times must not be negative")
    return _strength(rescaled, s, u0, math.inf)


def single_layer_strength(t: Reals, s: Reals, u0: Reals, *, tau: float = 1.0) -> Reals:
    """Return u(t) = s + (u0 - s) exp(-t / tau) of a single matrix: one rate for all modes, so no stages.

    The control of every claim about depth. u0 may be any number, 0 included.
    """
    return s + (u0 - s) * torch.exp(-t / _positive_tau(tau))


def effective_start(s: Reals, half: Reals, *, tau: float = 1.0) -> Reals:
    """Return the u0 from which the sigmoid of depth 2 has half its strength at time `half`.

    How a small random start is read: its modes first turn into place and then follow a sigmoid from this strength.
    """
    return s * torch.sigmoid(-2 * s * half / _positive_tau(tau))


def _strength(rescaled: Tensor, s: Tensor, u0: Tensor, depth: float) -> Tensor:
    """Invert the clock. Newton's steps never pass the root once they are below it, since G is concave for D >= 2."""
    begin = torch.logit(u0 / s)
    goal = _clock(begin, depth) + rescaled * s ** (2 - 2 / depth)
    z = begin.expand_as(goal)
    power = 2 / depth - 1
    for _ in range(NEWTON_STEPS):
        change = (goal - _clock(z, depth)) * torch.exp(-power * torch.nn.functional.logsigmoid(z))
        z = z + change
        if bool((change.abs() <= 1e-14 * (1 + z.abs())).all()):
            break
    # Rounding may not put a strength below where it began.
    return (s * torch.sigmoid(z)).maximum(u0.expand_as(z))


def _clock(z: Tensor, depth: float) -> Tensor:
    """Return G(z) = sum over n of x^(b + n) / (b + n), up to a constant, with x = 1 / (1 + exp(-z)), b = 2/D - 1.

    The first two terms can have exponents 0, where they are logarithms; what is left is `_tail`.
    """
    log_x = torch.nn.functional.logsigmoid(z)
    power = 2 / depth - 1
    return _box_cox(log_x, power) + _box_cox(log_x, power + 1) + _tail(z, power + 1)


def _box_cox(log_x: Tensor, power: float) -> Tensor:
    """Return (x^power - 1) / power, and ln x for power 0."""
    return torch.expm1(power * log_x) / power if power else log_x


def _tail(z: Tensor, c: float) -> Tensor:
    """Return the integral of v^c / (1 - v) from 0 to x, as a power series about the nearer of 0 and 1."""
    k = torch.arange(TERMS, dtype=z.dtype, device=z.device)
    x, y = torch.sigmoid(z)[..., None], torch.sigmoid(-z)[..., None]
    low = (x.clamp(max=0.5) ** (c + 1 + k) / (c + 1 + k)).sum(-1)
    # -ln(1 - x) less the integral of (1 - v^c) / (1 - v), which is the harmonic number H_c at x = 1. Around there
    # (1 - (1 - w)^c) / w = sum over k >= 1 of (-1)^(k + 1) binomial(c, k) w^(k - 1).
    signed = torch.cumprod((k - c) / (k + 1), 0)
    beyond = -(signed * y.clamp(max=0.5) ** (k + 1) / (k + 1)).sum(-1)
    harmonic = float(torch.digamma(torch.tensor(1 + c, dtype=torch.float64))) + EULER
    high = -torch.nn.functional.logsigmoid(-z) - harmonic + beyond
    return torch.where(z > 0, high, low)


def _check_depth(depth: float, *, limit: bool = False) -> None:
    if not (1 <= depth < math.inf or (limit and depth == math.inf)):
        raise InputError(f"depth: the number of weight matrices must be at least 1, got {depth}")


def _check_modes(s: Tensor, u0: Tensor) -> None:
    if not bool((s > 0).all()) or not bool(s.isfinite().all()):
        raise InputError("s: singular values must be positive numbers")
    if not bool((u0 > 0).all()) or not bool((u0 < s).all()):
        raise InputError("u0: the initial strength must lie between 0 and the singular value s, both excluded")


def _positive_tau(tau: float) -> float:
    if not 0 < tau < math.inf:
        raise InputError(f"tau: 1 / learning rate must be a positive number, got {tau}")
    return tau
