"""The study at smoke scale on a text of a few pages, run once for all tests of this folder."""

from __future__ import annotations

import pytest

from geomem.runs.directory import Run
from geomem.studies import runner
from geomem.studies.evidence import Evidence
from geomem.studies.layer_updates.settings import Settings
from geomem.studies.layer_updates.study import STUDY
from geomem.studies.runner import Request
from tests.probing import tiny
from tests.studies.conftest import QUIET


@pytest.fixture(scope="session")
def updates_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Every experiment. Read it; do not change it."""
    text = tiny.text_file(tmp_path_factory.mktemp("text"))
    request = Request(study="layer-updates", scale="smoke", experiments=("all",), workers=1, device="cpu",
                      overrides=(f"lm.text={text}", "lm.steps=10", "lm.layers=2", "state_space.steps=3"))  # fmt: skip
    run = runner.run_study(request, tmp_path_factory.mktemp("updates"), QUIET)
    run.finish("finished", run.info.seconds)
    return run


@pytest.fixture(scope="session")
def updates_evidence(updates_run: Run) -> dict[str, Evidence]:
    settings = Settings.model_validate(updates_run.info.spec["settings"])
    return runner.rejudge(updates_run, STUDY, settings)[1]
