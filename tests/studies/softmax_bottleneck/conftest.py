"""The study at smoke scale on a text of a few pages, run once for all tests of this folder."""

from __future__ import annotations

import pytest

from geomem.runs.directory import Run
from geomem.studies.evidence import Evidence
from tests.studies.small_runs import evidence_of, run_smoke
from tests.texts.samples import pages


@pytest.fixture(scope="session")
def bottleneck_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Every experiment. Read it; do not change it."""
    text = tmp_path_factory.mktemp("text") / "pages.txt"
    text.write_text(pages(20_000), encoding="utf-8")
    return run_smoke("softmax-bottleneck", tmp_path_factory.mktemp("bottleneck"), f"lm.text={text}")


@pytest.fixture(scope="session")
def bottleneck_evidence(bottleneck_run: Run) -> dict[str, Evidence]:
    return evidence_of(bottleneck_run)
