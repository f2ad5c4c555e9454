"""The study at smoke scale, run once for all tests of this folder."""

from __future__ import annotations

import pytest

from geomem.runs.directory import Run
from geomem.studies.evidence import Evidence
from tests.studies.small_runs import evidence_of, run_smoke


@pytest.fixture(scope="session")
def creativity_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Every experiment. Read it; do not change it."""
    return run_smoke("algorithmic-creativity", tmp_path_factory.mktemp("creativity"))


@pytest.fixture(scope="session")
def creativity_evidence(creativity_run: Run) -> dict[str, Evidence]:
    return evidence_of(creativity_run)
