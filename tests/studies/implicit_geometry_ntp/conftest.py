"""The study at smoke scale on a text of a few pages, run once for all tests of this folder."""

from __future__ import annotations

import pytest

from geomem.runs.directory import Run
from geomem.studies.evidence import Evidence
from tests.studies.small_runs import evidence_of, run_smoke
from tests.texts.samples import pages


@pytest.fixture(scope="session")
def ntp_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Every experiment, descent a fifth as long as at smoke scale. Read it; do not change it."""
    text = tmp_path_factory.mktemp("text") / "pages.txt"
    text.write_text(pages(20_000), encoding="utf-8")
    changes = (f"text={text}", "symmetric.steps=20000", "reading.contexts=30")
    return run_smoke("implicit-geometry-ntp", tmp_path_factory.mktemp("ntp"), *changes)


@pytest.fixture(scope="session")
def ntp_evidence(ntp_run: Run) -> dict[str, Evidence]:
    return evidence_of(ntp_run)
