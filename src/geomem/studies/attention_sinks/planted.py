"""Gate A of the detector: sinks planted in streams of noise, of which is known where they begin, live and end.

12 layers of 200 tokens of width 64, unit Gaussian plus 0.3 Gaussian increments; position 0 gets +60 s in layers 2 to
10, tokens 60 and 120 get +kappa s in layers 5 to 8, s a unit direction.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from geomem.geometry.sinks import SinkLabel, Sinks, detect_sinks
from geomem.runs.directory import Run
from geomem.runs.tables import Measurement
from geomem.seeding import torch_generator
from geomem.training.progress import Listener
from geomem.training.work import Extra, Work

KAPPAS = (0, 10, 20, 30, 40, 80)
TOO_WEAK = (0, 10, 20)
"""Sizes at which nothing may be found."""
LIFETIMES = {30: (3, 4), 40: (4,), 80: (4,)}
"""Lifetimes that a planted token may have, by its size."""
CREATION, RANGE, TOKENS = 5, (2, 11), (60, 120)


def planted_streams(kappa: float, seed: int) -> Float[Tensor, "12 1 200 64"]:
    """Return the states after every layer of one sequence; the noise is the same for every kappa."""
    generator = torch_generator(seed, "planted-streams")
    steps = torch.randn(12, 200, 64, generator=generator, dtype=torch.float64)
    steps[1:] *= 0.3
    streams = steps.cumsum(0)
    direction = torch.randn(64, generator=generator, dtype=torch.float64)
    direction /= direction.norm()
    streams[2:11, 0] += 60 * direction
    streams[5:9, list(TOKENS)] += kappa * direction
    return streams[:, None]


def answers(kappa: float, sinks: Sinks) -> dict[str, float]:
    """Return what the detector said, and how far that is from what was planted.

    range_off: 1 where the active range is not 2..10. missed: planted tokens without the creation layer, a lifetime
    or the label that belong to them. false: tokens flagged that were not planted. flagged: all tokens flagged.
    """
    lifetime, creation, labels = (part[0] for part in (sinks.lifetime, sinks.creation, sinks.labels))
    chosen = list(TOKENS)
    right = sum(
        int(creation[token]) == CREATION
        and int(lifetime[token]) in LIFETIMES.get(int(kappa), ())
        and int(labels[token]) == SinkLabel.SECONDARY
        for token in chosen
    )
    flagged = lifetime > 0
    return {
        "range_off": float((int(sinks.start), int(sinks.end)) != RANGE),
        "missed": float(len(chosen) - right),
        "false": float(flagged.sum() - flagged[chosen].sum()),
        "flagged": float(flagged.sum()),
        "lifetime": float(lifetime[chosen].double().mean()),
    }


def find_planted(work: Work, run: Run, listener: Listener) -> Extra:
    """Ask the detector about every size of the planted tokens; "step" in the rows is the size, kappa."""
    rows = [
        Measurement(metric=f"planted/{name}", step=kappa, value=value)
        for kappa in KAPPAS
        for name, value in answers(kappa, detect_sinks(planted_streams(kappa, work.seed))).items()
    ]
    return Extra(rows=rows)
