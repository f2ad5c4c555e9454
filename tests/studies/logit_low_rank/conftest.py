"""The study at smoke scale, run once."""

from __future__ import annotations

import pytest

from geomem.runs.directory import Run
from tests.studies.small_runs import run_smoke


@pytest.fixture(scope="package")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_smoke("logit-low-rank", tmp_path_factory.mktemp("low-rank"))
