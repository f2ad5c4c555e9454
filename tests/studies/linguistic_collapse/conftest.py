"""The study at smoke scale on a text of a few pages, run once for all tests of this folder."""

from __future__ import annotations

import pytest

from geomem.runs.directory import Run
from geomem.spec import validate
from geomem.studies import STUDIES, runner
from geomem.studies.evidence import Evidence
from geomem.studies.linguistic_collapse.settings import Settings
from geomem.studies.runner import Request
from geomem.training.work import Work
from tests.studies.conftest import QUIET
from tests.texts.samples import pages


@pytest.fixture(scope="session")
def collapse_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Every experiment. Read it; do not change it."""
    file = tmp_path_factory.mktemp("text") / "pages.txt"
    file.write_text(pages(20_000), encoding="utf-8")
    request = Request(study="linguistic-collapse", scale="smoke", experiments=("all",), workers=1, device="cpu",
                      overrides=(f"lm.text={file}",))  # fmt: skip
    run = runner.run_study(request, tmp_path_factory.mktemp("collapse"), QUIET)
    run.finish("finished", run.info.seconds)
    return run


@pytest.fixture(scope="session")
def collapse_evidence(collapse_run: Run) -> dict[str, Evidence]:
    settings = Settings.model_validate(collapse_run.info.spec["settings"])
    return runner.rejudge(collapse_run, STUDIES.get("linguistic-collapse"), settings)[1]


@pytest.fixture(scope="session")
def collapse_work(collapse_run: Run) -> Work:
    """What the cell on the language model was told."""
    return validate(Work, Run.open(collapse_run.path / "cells" / "training" / "course" / "seed-0").info.spec)
