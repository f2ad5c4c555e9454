"""The study at smoke scale on a text of a few pages, run once for all tests of this folder."""

from __future__ import annotations

import pytest

from geomem.runs.directory import Run
from geomem.studies.evidence import Evidence
from tests.probing import tiny
from tests.studies.small_runs import evidence_of, run_smoke


@pytest.fixture(scope="session")
def updates_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Every experiment. Read it; do not change it."""
    text = tiny.text_file(tmp_path_factory.mktemp("text"))
    return run_smoke(
        "layer-updates",
        tmp_path_factory.mktemp("updates"),
        f"lm.text={text}",
        "lm.steps=10",
        "lm.layers=2",
        "state_space.steps=3",
    )


@pytest.fixture(scope="session")
def updates_evidence(updates_run: Run) -> dict[str, Evidence]:
    return evidence_of(updates_run)
