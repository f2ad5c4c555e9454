from __future__ import annotations

from geomem.fetch.progress import Stage, silent


def test_a_stage_knows_no_bytes_unless_told() -> None:
    stage = Stage("tiny", "unpacking")
    assert (stage.done, stage.total) == (0, 0)
    assert silent(stage) is None
