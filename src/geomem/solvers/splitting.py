"""Douglas-Rachford splitting for `min ||X||_*` over rows that obey support constraints, with a bound on what is left.

One iteration takes a singular-value soft-threshold and a projection of every row (the splitting of the method of
multipliers with over-relaxation, in its form with one state). The projection's multiplier lies exactly in the dual cone
(entries of a row sum to 0, none is positive off the support), so that divided by its spectral norm it is a dual
certificate: it proves a lower bound whether or not the iteration has converged.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geomem.solvers.anderson import Anderson
from geomem.solvers.short_side import Floats, ShortSide, nuclear_norm, spectral_norm
from geomem.solvers.support_columns import SupportColumns

Progress = Callable[[int, float, float], None]
"""Called at every look at the gap with the iteration, the best primal value and the best bound so far."""

RELAXATION = 1.6
"""Over-relaxation; between 1.5 and 1.8 is what the literature advises (Boyd and others 2011, section 3.4.3)."""

PENALTY = 0.5
"""Penalty in units of ||G||_F / ||X||_F, the ratio that balances both residuals."""

SINGLE = 1 << 22
"""Tables with more entries begin in float32, which halves time and memory; the last word is always float64."""

SINGLE_FLOOR = 3e-5
"""Relative gap at which float32 has nothing more to give."""

ACCELERATE_AFTER = 10
"""Iterations that settle which margins are tight; extrapolating across such changes would not help."""

ACCELERATION_MEMORY = 5

ACCELERATION_LIMIT = 1 << 26
"""Entries up to which acceleration may keep its twelve tables."""

POLISH = 10.0
"""Gaps up to this many times the goal are worth polishing: it costs about two iterations and saves ten or more."""


@dataclass(frozen=True)
class Split:
    """What the splitting found: `table` (n, V) feasible, `certificate` (n, V) of spectral norm 1 in the dual cone.

    primal: nuclear norm of the table; bound: what the certificate proves that no feasible table can undercut.
    """

    table: NDArray[np.float64]
    certificate: NDArray[np.float64]
    primal: float
    bound: float
    iterations: int

    @property
    def gap(self) -> float:
        """(primal - bound) / primal; rounding may leave it a hair below 0."""
        return relative_gap(self.primal, self.bound)


def relative_gap(primal: float, bound: float) -> float:
    """Return (primal - bound) / primal."""
    return (primal - bound) / primal


def split(columns: SupportColumns, gap: float, max_iterations: int, progress: Progress | None = None) -> Split:
    """Minimise the nuclear norm of a table (n, V) whose rows obey `columns`, until the relative gap is at most `gap`.

    Starts from the centred support, which is feasible and often nearly optimal; where its own polar factor certifies
    it, that is the answer. Otherwise iterates, and returns the best pair of table and certificate seen. Every margin
    must be positive and every row must have a token off its support.
    """
    start = columns.centred()
    spectrum = ShortSide(start)
    polar = spectrum.polar(start)
    first = _judge(columns, start, _into_cone(columns, polar), 0, exact=start.size <= SINGLE)
    if first.gap <= gap or max_iterations == 0:
        return first
    iteration = _Iteration(columns, start, polar, first)
    del spectrum, polar  # as large as the table, and not needed again
    return iteration.run(gap, max_iterations, progress)


@dataclass(frozen=True)
class _Look:
    """One iteration, measured through Gram matrices: right to about 1e-8 in float64 and 1e-5 in float32."""

    primal: float
    bound: float
    plain: float
    """The gap before the certificate was polished, which tells the rate."""
    multiplier: Floats

    @property
    def gap(self) -> float:
        return relative_gap(self.primal, self.bound)


class _Iteration:
    """The state W = Z + U of the splitting (Z the thresholded table, U the scaled multiplier) and the best pair."""

    def __init__(
        self, columns: SupportColumns, start: NDArray[np.float64], polar: NDArray[np.float64], first: Split
    ) -> None:
        self.columns, self.best = columns, first
        self.penalty = PENALTY * _ratio(polar, start)
        state = start + polar / self.penalty
        self.state: Floats = state.astype(np.float32) if state.size > SINGLE else state
        self.levels: Floats = (-columns.margins * columns.sizes / columns.vocabulary).astype(self.state.dtype)
        self.accelerator: Anderson | None = None

    def run(self, gap: float, max_iterations: int, progress: Progress | None) -> Split:
        """Iterate until the gap is reached, looking when it is due, first in float32 where the table is large."""
        due, seen = 5, (0, self.best.gap)
        for iteration in range(1, max_iterations + 1):
            reflected = self._reflect()
            projected = self.columns.project(reflected, self.levels)
            last = iteration == max_iterations
            if iteration >= due or last:
                look = self._look(projected, reflected, gap)
                if progress is not None:
                    progress(iteration, look.primal, look.bound)
                if look.gap <= gap or last:
                    self._keep(projected, look.multiplier, iteration)
                if self.best.gap <= gap or last:
                    break
                if self.state.dtype == np.float32 and (
                    look.gap <= max(gap, SINGLE_FLOOR) or look.plain > 0.9 * seen[1]
                ):
                    self._go_double()
                    due = iteration + 1
                    continue
                due = iteration + _patience(seen, (iteration, look.plain), math.log(max(look.gap / gap, 1)))
                seen = (iteration, look.plain)
                if self._rebalance(reflected):
                    continue
            self._step(projected, reflected, iteration)
        return self.best

    def _reflect(self) -> Floats:
        """Return 2 Z - W for Z the soft-threshold of the state's singular values at 1 / penalty."""
        spectrum = ShortSide(self.state)
        lengths = np.maximum(spectrum.values * self.penalty, np.finfo(np.float64).tiny)
        return spectrum.apply(self.state, 2 * np.maximum(1 - 1 / lengths, 0) - 1)

    def _step(self, projected: Floats, reflected: Floats, iteration: int) -> None:
        """Move W by the relaxed difference of the two half steps, X - Z. Overwrites both arguments."""
        reflected += self.state
        reflected *= 0.5  # Z
        projected -= reflected
        projected *= RELAXATION
        if self.accelerator is None and iteration >= ACCELERATE_AFTER and self.state.size <= ACCELERATION_LIMIT:
            self.accelerator = Anderson(ACCELERATION_MEMORY)
        if self.accelerator is None:
            self.state += projected
        else:
            self.state = self.accelerator.next(self.state, projected)

    def _rebalance(self, reflected: Floats) -> bool:
        """Set the penalty anew where it is off its rule by more than 2, Z and the multiplier kept; say whether."""
        kept = (self.state + reflected) / 2
        multiplier = self.state - kept
        wanted = PENALTY * self.penalty * _ratio(multiplier, kept)
        if 0.5 <= wanted / self.penalty <= 2:
            return False
        self.state = kept + multiplier * (self.penalty / wanted)
        self.penalty = wanted
        self.accelerator = None
        return True

    def _go_double(self) -> None:
        self.state, self.levels = self.state.astype(np.float64), self.levels.astype(np.float64)
        self.accelerator = None

    def _look(self, projected: Floats, reflected: Floats, gap: float) -> _Look:
        """Measure this iteration quickly, and polish its certificate where that may be enough."""
        multiplier = (projected - reflected) * self.penalty
        primal, bound = nuclear_norm(projected, exact=False), self._bound(multiplier)
        plain = relative_gap(primal, bound)
        if gap < plain <= POLISH * gap:
            polished = _polish(self.columns, multiplier)
            if (better := self._bound(polished)) > bound:
                multiplier, bound = polished, better
        return _Look(primal, bound, plain, multiplier)

    def _bound(self, multiplier: Floats) -> float:
        return -float(self.columns.margins @ self.columns.off_support_mass(multiplier)) / spectral_norm(multiplier)

    def _keep(self, projected: Floats, multiplier: Floats, iteration: int) -> None:
        """Judge this iteration exactly and keep its table, its certificate or both where they are the best so far."""
        if projected.dtype == np.float32:  # stopped early: what float32 made feasible is not so to float64's rounding
            projected = self.columns.project(projected.astype(np.float64), self.levels.astype(np.float64))
            multiplier = _into_cone(self.columns, multiplier.astype(np.float64))
        found = _judge(self.columns, projected.copy(), multiplier, iteration)  # a copy: the step overwrites it
        upper = found if found.primal < self.best.primal else self.best
        lower = found if found.bound > self.best.bound else self.best
        self.best = Split(upper.table, lower.certificate, upper.primal, lower.bound, iteration)


def _judge(
    columns: SupportColumns, table: NDArray[np.float64], multiplier: NDArray[np.float64], at: int, *, exact: bool = True
) -> Split:
    """Measure a feasible table and turn a member of the dual cone into a certificate of spectral norm 1.

    For G in the cone of norm 1 and any feasible X: ||X||_* >= <G, X> = sum over rows j and tokens v off the support of
    |G_jv| (X_jz - X_jv) >= sum_j margin_j sum_v |G_jv|, with z any token of the support.
    """
    certificate = multiplier / spectral_norm(multiplier)
    bound = -float(columns.margins @ columns.off_support_mass(certificate))
    return Split(table, certificate, nuclear_norm(table, exact=exact), bound, at)


def _into_cone(columns: SupportColumns, table: Floats) -> Floats:
    """Return the nearest table in the dual cone: by Moreau, y plus the projection of -y with margin 0."""
    return table + columns.without_margin().project(-table, -table.min(1))


def _polish(columns: SupportColumns, multiplier: Floats) -> Floats:
    """Return a better certificate from a good one: reflect it at the spectral ball, project into the cone, twice.

    Where the singular values exceed their limit in a few directions only, this takes the excess away there, while
    dividing by the spectral norm would shrink all of the certificate.
    """
    for _ in range(2):
        spectrum = ShortSide(multiplier)
        lengths = np.maximum(spectrum.values, 1.0)
        multiplier = _into_cone(columns, spectrum.apply(multiplier, np.maximum(2 - lengths, 0) / lengths))
    return multiplier


def _ratio(upper: Floats, lower: Floats) -> float:
    return float(np.linalg.norm(upper) / np.linalg.norm(lower))


def _patience(before: tuple[int, float], now: tuple[int, float], left: float) -> int:
    """Return the iterations to the next look: as many as `left` needs at the present rate, within reason.

    before, now: iteration and gap of the last two looks; left: the logarithm of how many times too large the gap is.
    """
    most = max(5, now[0] // 4)
    rate = math.log(max(before[1], 1e-300) / max(now[1], 1e-300)) / (now[0] - before[0])
    return most if rate <= 0 else min(max(math.ceil(left / rate), 2), most)
