"""The study at smoke scale on a text of a few pages, run once for all tests of this folder."""

from __future__ import annotations

import pytest

from geomem.runs.directory import Run
from geomem.studies import runner
from geomem.studies.depth_efficiency.settings import Settings
from geomem.studies.depth_efficiency.study import STUDY
from geomem.studies.evidence import Evidence
from geomem.studies.runner import Request
from tests.probing import tiny
from tests.studies.conftest import QUIET


@pytest.fixture(scope="session")
def depth_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Every experiment. Read it; do not change it."""
    text = tiny.text_file(tmp_path_factory.mktemp("text"))
    request = Request(study="depth-efficiency", scale="smoke", experiments=("all",), workers=1, device="cpu",
                      overrides=(f"lm.text={text}", "lm.steps=10", "hops.steps=5"))  # fmt: skip
    run = runner.run_study(request, tmp_path_factory.mktemp("depth"), QUIET)
    run.finish("finished", run.info.seconds)
    return run


@pytest.fixture(scope="session")
def depth_evidence(depth_run: Run) -> dict[str, Evidence]:
    settings = Settings.model_validate(depth_run.info.spec["settings"])
    return runner.rejudge(depth_run, STUDY, settings)[1]
