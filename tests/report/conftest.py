from __future__ import annotations

from pathlib import Path

import pytest

from geomem.report.page import write_report
from tests.report.sample_run import make_study


@pytest.fixture(scope="session")
def study_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study's report in which every word from data tries to be a script."""
    run = make_study(tmp_path_factory.mktemp("report") / "study", evil=True)
    return write_report(run)
