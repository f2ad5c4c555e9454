"""One file a family of measurements: what it reads in the pass, and the rows and arrays it leaves."""

from __future__ import annotations

from geomem.probing import PROBES, STREAMING
from geomem.probing.family import Family, Shape
from geomem.probing.plan import Plan
from geomem.probing.spec import ProbeSpec


def build_families(shape: Shape, spec: ProbeSpec, plan: Plan) -> list[Family]:
    """Return the streaming families that were asked for and that the model can give, in the order of the page."""
    return [
        PROBES.get(name)(shape, spec, plan) for name in STREAMING if name in spec.measure and not lacking(name, shape)
    ]


def lacking(name: str, shape: Shape) -> str:
    """Return what of the model a family cannot do without and does not find, in words; "" when nothing lacks."""
    words = {
        "blocks": "blocks that can be told apart",
        "causal": "a model that predicts the next token",
        "head": "an output layer",
        "attention": "attention",
    }
    missing = [words[need] for need in PROBES.get(name).needs if not getattr(shape, need)]
    return " and ".join(missing)
