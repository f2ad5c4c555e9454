"""Two representations of the same stimuli, checked and centred: every comparison of representations starts here."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from geomem.errors import InputError

ROUNDING = 1e-12
"""Share of the squared length below which what is left after subtracting the mean is rounding, not variance."""


def centred(rows: Float[Tensor, "n p"], name: str) -> Float[Tensor, "n p"]:
    """Return the rows less their mean, float64; exact zeros where nothing but rounding is left.

    Without this guard a constant representation has tiny differences, and a similarity of tiny differences is noise
    that may come out as 1. `name` is what an error calls it. Raises InputError for NaN or infinite values.
    """
    table = rows.detach().double()
    size = table.square().sum()
    if not bool(size.isfinite()):
        bad = int((~table.isfinite()).any(1).sum())
        raise InputError(f"{name}: {bad} of {len(table)} rows hold NaN or infinite values; leave these rows out")
    moved = table - table.mean(0)
    return moved if bool(moved.square().sum() > ROUNDING * size) else moved.zero_()


def centred_pair(
    first: Float[Tensor, "n p"], second: Float[Tensor, "m q"], *, least: int = 2
) -> tuple[Float[Tensor, "n p"], Float[Tensor, "m q"]]:
    """Return both representations centred, float64.

    Raises InputError when they have not the same number of stimuli (rows), fewer than `least`, or values that are not
    finite.
    """
    if len(first) != len(second):
        raise InputError(f"comparison: both sides need the same stimuli, got {len(first)} and {len(second)} rows")
    if len(first) < least:
        raise InputError(f"comparison: needs at least {least} stimuli (rows), got {len(first)}")
    return centred(first, "first representation"), centred(second, "second representation")
