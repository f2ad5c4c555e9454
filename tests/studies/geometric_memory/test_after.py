from __future__ import annotations

import numpy as np

from geomem.runs.directory import Run
from geomem.studies.evidence import Evidence


def test_what_pictures_need_is_kept(smoke_run: Run) -> None:
    evidence = Evidence(smoke_run.path / "cells" / "edges-only", None)
    kept = evidence.arrays("trained", 0)
    assert set(kept) == {"embeddings", "edges", "paths", "held_out"}
    assert kept["embeddings"].shape == (24 * 2 + 1, 32)
    assert kept["paths"].shape == (24, 3)
    assert kept["held_out"].dtype == np.uint8
    assert kept["held_out"].sum() == 6
    tiny = Evidence(smoke_run.path / "cells" / "tiny-graphs", None)
    assert set(tiny.arrays("cycle-Node2Vec", 0)) == {"embeddings", "edges"}
