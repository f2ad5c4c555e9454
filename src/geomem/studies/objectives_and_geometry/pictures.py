"""The picture that is this study's own: creativity and the separation of families over training, side by side."""

from __future__ import annotations

from collections.abc import Sequence

from geomem.runs.exhibits import Exhibit, ProfilePanel, Profiles, Reference, Series
from geomem.studies.bands import band
from geomem.studies.evidence import Evidence
from geomem.studies.objectives_and_geometry.cells import FAMILY_OBJECTIVES, creativity_of, family_passes


def creativity_and_separation(evidence: Evidence) -> Sequence[Exhibit]:
    """Creativity, memorisation and separation against passes of a batch, a curve an objective."""
    shown = [name for name in FAMILY_OBJECTIVES if name in evidence.conditions]
    if not shown:
        return []
    memorised = {name: creativity_of(name).replace("creativity", "memorisation") for name in shown}
    ceiling = evidence.measured(shown[0], "siblings/ceiling")
    panels = (
        ProfilePanel(title="creativity", series=tuple(_curve(evidence, name, creativity_of(name)) for name in shown),
                     references=(Reference(name="uniform sampling", value=next(iter(ceiling.values()))),)),
        ProfilePanel(title="memorisation", series=tuple(_curve(evidence, name, memorised[name]) for name in shown)),
        ProfilePanel(title="cosine within families − between",
                     series=tuple(_curve(evidence, name, "family-separation/gap") for name in shown)),
    )  # fmt: skip
    return [
        Profiles(
            id="families-over-training",
            title="New combinations, and families that lie together",
            caption="At equal passes of a batch through the model. With a seed before the prompt outputs are greedy, "
            "without one they are sampled at temperature 1. Band: range over seeds.",
            experiment=evidence.directory.name,
            panels=panels,
            x_label="passes",
        )
    ]


def _curve(evidence: Evidence, name: str, metric: str) -> Series:
    courses = {seed: evidence.series(name, seed, metric) for seed in evidence.seeds(name)}
    steps = next(iter(courses.values()))[0]
    passes = [float(step * family_passes(name)) for step in steps]
    return band(name, passes, {seed: values for seed, (_, values) in courses.items()})
