"""The study at smoke scale on a text of a few pages, run once for all tests of this folder."""

from __future__ import annotations

import pytest

from geomem.runs.directory import Run
from geomem.studies.evidence import Evidence
from tests.probing import tiny
from tests.studies.small_runs import evidence_of, run_smoke


@pytest.fixture(scope="session")
def depth_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Every experiment. Read it; do not change it."""
    text = tiny.text_file(tmp_path_factory.mktemp("text"))
    return run_smoke(
        "depth-efficiency", tmp_path_factory.mktemp("depth"), f"lm.text={text}", "lm.steps=10", "hops.steps=5"
    )


@pytest.fixture(scope="session")
def depth_evidence(depth_run: Run) -> dict[str, Evidence]:
    return evidence_of(depth_run)
