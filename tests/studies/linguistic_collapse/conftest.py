"""The study at smoke scale on a text of a few pages, run once for all tests of this folder."""

from __future__ import annotations

import pytest

from geomem.runs.directory import Run
from geomem.spec import validate
from geomem.studies.evidence import Evidence
from geomem.training.work import Work
from tests.studies.small_runs import evidence_of, run_smoke
from tests.texts.samples import pages


@pytest.fixture(scope="session")
def collapse_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Every experiment. Read it; do not change it."""
    text = tmp_path_factory.mktemp("text") / "pages.txt"
    text.write_text(pages(20_000), encoding="utf-8")
    return run_smoke("linguistic-collapse", tmp_path_factory.mktemp("collapse"), f"lm.text={text}")


@pytest.fixture(scope="session")
def collapse_evidence(collapse_run: Run) -> dict[str, Evidence]:
    return evidence_of(collapse_run)


@pytest.fixture(scope="session")
def collapse_work(collapse_run: Run) -> Work:
    """What the cell on the language model was told."""
    return validate(Work, Run.open(collapse_run.path / "cells" / "training" / "course" / "seed-0").info.spec)
