"""Papers as executable studies: their claims, their experiments, and verdicts computed from what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geomem.registry import Registry

if TYPE_CHECKING:
    from geomem.studies.study import Study

STUDIES: Registry[Study] = Registry(
    "study",
    {
        "geometric-memory": (
            "geomem.studies.geometric_memory.study:STUDY",
            "sequence models told single edges of a graph draw a map of it (arXiv 2510.26745)",
        ),
    },
)
