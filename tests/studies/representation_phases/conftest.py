"""The study at smoke scale on a text of a few pages, run once for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from geomem.runs.directory import Run
from geomem.studies.evidence import Evidence
from geomem.studies.representation_phases.settings import SMOKE, Settings
from tests.studies.small_runs import evidence_of, run_smoke
from tests.texts.samples import pages


@pytest.fixture(scope="session")
def phases_text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("text") / "pages.txt"
    file.write_text(pages(20_000), encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def phases_run(phases_text: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Every experiment. Read it; do not change it."""
    return run_smoke("representation-phases", tmp_path_factory.mktemp("phases"), f"lm.text={phases_text}", "toy.runs=2")


@pytest.fixture(scope="session")
def phases_evidence(phases_run: Run) -> dict[str, Evidence]:
    settings = Settings.model_validate(phases_run.info.spec["settings"])
    assert settings.lm.model_copy(update={"text": SMOKE.lm.text}) == SMOKE.lm
    return evidence_of(phases_run)
