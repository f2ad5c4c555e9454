"""The study at smoke scale on a text of a few pages, run once for all tests of this folder."""

from __future__ import annotations

import pytest

from geomem.runs.directory import Run
from geomem.studies import STUDIES, runner
from geomem.studies.evidence import Evidence
from geomem.studies.layer_skipping.settings import Settings
from geomem.studies.runner import Request
from tests.studies.conftest import QUIET
from tests.texts.samples import pages


@pytest.fixture(scope="session")
def skipping_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Every experiment. Read it; do not change it."""
    file = tmp_path_factory.mktemp("text") / "pages.txt"
    file.write_text(pages(20_000), encoding="utf-8")
    request = Request(study="layer-skipping", scale="smoke", experiments=("all",), workers=1, device="cpu",
                      overrides=(f"lm.text={file}",))  # fmt: skip
    run = runner.run_study(request, tmp_path_factory.mktemp("skipping"), QUIET)
    run.finish("finished", run.info.seconds)
    return run


@pytest.fixture(scope="session")
def skipping_evidence(skipping_run: Run) -> dict[str, Evidence]:
    settings = Settings.model_validate(skipping_run.info.spec["settings"])
    return runner.rejudge(skipping_run, STUDIES.get("layer-skipping"), settings)[1]
