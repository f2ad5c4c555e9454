"""Line construction: the edges of a path through some of the entities, in any order (arXiv 2504.15266)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geomem.seeding import numpy_generator
from geomem.tasks.edge_lists import EdgeLists
from geomem.tasks.open_ended import OpenEnded, split_drawn

if TYPE_CHECKING:
    from geomem.tasks.open_ended_specs import LineConstructionSpec


def line_construction(spec: LineConstructionSpec, seed: int) -> OpenEnded:
    """Build the task. Streams: "lines"."""
    objects = EdgeLists(spec.entities, spec.length, spec.length - 1)
    answers = split_drawn(objects, spec.held_out_size, spec.train_size, numpy_generator(seed, "data", "examples"))
    return OpenEnded(spec, seed, "lines", objects, answers)
