"""The pages that show how to add a part: what they show is put in place, tested, checked by the contract and run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from geomem import _autoload
from geomem.cli import main
from geomem.geometry import MEASUREMENTS
from geomem.models import MODELS, configs
from geomem.objectives import OBJECTIVES
from geomem.runs.directory import find_runs
from geomem.runs.tables import History
from geomem.studies import STUDIES
from geomem.studies.evidence import Evidence
from geomem.studies.language_model import SMOKE_LM, small_lm
from geomem.tasks import TASKS
from geomem.training.pool import Job, run_job
from geomem.training.progress import silent
from tests.contract import checks
from tests.contract.test_parts import evidence
from tests.docs.pages import ROOT, added, blocks, commands, read, run_tests, titled
from tests.texts.samples import pages

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _run_commands(page: str, folder: Path) -> None:
    if page != "extend/study.md":
        (folder / "experiment.yaml").write_text(titled(page, "experiment.yaml"), encoding="utf-8")
    for command in commands(page):
        assert main(command) == 0, command


def _history(folder: Path) -> History:
    (run,) = find_runs(folder / "runs")
    assert run.info.status == "finished"
    return History.read(run.path / "history.parquet")


def test_a_measurement(tmp_path: Path, capsys: Capture) -> None:
    with added("extend/measurement.md", "geometry", MEASUREMENTS, tmp_path) as (name, _module):
        assert run_tests("extend/measurement.md") == 2
        checks.check_listed("measurement", name)
        checks.check_measurement(name, evidence(0), evidence(1))
        _run_commands("extend/measurement.md", tmp_path)
        ratio = _history(tmp_path).last("participation/ratio")
        assert ratio is not None
        assert 1 <= ratio <= 12
    assert "participation/ratio_chance" in capsys.readouterr().out
    assert "participation" not in MEASUREMENTS


def test_the_page_names_all_evidence() -> None:
    page = "extend/measurement.md"
    for name in evidence(0):
        assert f"`{name}`" in read(page), f"{page} does not say that measurements can read '{name}'"


def test_a_task(tmp_path: Path) -> None:
    with added("extend/task.md", "tasks", TASKS, tmp_path) as (name, _module):
        assert run_tests("extend/task.md") == 2
        checks.check_listed("task", name)
        checks.check_settings("task", name, tmp_path)
        checks.check_task(name, tmp_path)
        _run_commands("extend/task.md", tmp_path)
        accuracy = _history(tmp_path).series("sums/train/accuracy")[1]
        assert accuracy[-1] > max(2 / 11, accuracy[0])


def test_an_objective(tmp_path: Path) -> None:
    with added("extend/objective.md", "objectives", OBJECTIVES, tmp_path) as (name, _module):
        assert run_tests("extend/objective.md") == 2
        checks.check_listed("objective", name)
        checks.check_settings("objective", name, tmp_path)
        checks.check_objective(name, tmp_path)
        _run_commands("extend/objective.md", tmp_path)
        assert len(_history(tmp_path).series("loss/paths")[1]) == 5


def test_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = "extend/model.md"
    exec(titled(page, "src/geomem/models/configs.py"), vars(configs))
    try:
        line: dict[str, Any] = eval("{" + titled(page, "the line in _autoload.py") + "}")
        for module, names in line.items():
            monkeypatch.setitem(_autoload.MODULES, module, names)
        with added(page, "models", MODELS, tmp_path) as (name, module):
            _autoload._register_configs(module)
            _autoload._register_model(module)
            assert run_tests(page) == 1
            checks.check_listed("model", name)
            checks.check_settings("model", name, tmp_path)
            checks.check_model(name, tmp_path)
            _run_commands(page, tmp_path)
            history = _history(tmp_path)
            assert history.series("loss")[1][-1] < history.series("loss")[1][0]
    finally:
        del configs.GeomemRunningMeanConfig  # pyright: ignore[reportAttributeAccessIssue]


def test_a_study(tmp_path: Path) -> None:
    with added("extend/study.md", "studies", STUDIES, tmp_path) as (name, _module):
        assert run_tests("extend/study.md") == 1
        checks.check_listed("study", name)
        checks.check_study(name)
        _run_commands("extend/study.md", tmp_path)
        (run,) = find_runs(tmp_path / "runs")
        verdicts = json.loads((run.path / "verdicts.json").read_text())
        assert {one["claim"]: one["verdict"] for one in verdicts} == {"R1": "supported", "R2": "supported"}
        assert (run.path / "report.html").is_file()
        assert (run.path / "figures" / "ring-fiedler.svg").is_file()


def test_a_cell_that_trains_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = "extend/study.md"
    (tmp_path / "mypackage").mkdir()
    (tmp_path / "mypackage" / "depth.py").write_text(titled(page, "mypackage/depth.py"), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    space: dict[str, Any] = {}
    exec(titled(page, "cells of a study"), space)
    checks.check_cells(space["cells"], page)
    checks.check_cells([space["cell"]], page)
    (tmp_path / "text.txt").write_text(pages(12_000), encoding="utf-8")
    small = SMOKE_LM.model_copy(update={"text": str(tmp_path / "text.txt"), "context": 8})
    run_job(Job(small_lm(small, 0), tmp_path / "lm"), silent)
    (cell,) = space["lm_cells"]("trained", "mypackage.depth:measure", [0], small, model=str(tmp_path / "lm"))
    run_job(Job(cell.spec, tmp_path / "cells" / "depth" / "trained" / "seed-0"), silent)
    found = Evidence(tmp_path / "cells" / "depth", None)
    layers, weights = found.profile("trained", 0, "depth/weights")
    assert layers == [0, 1, 2, 3]
    assert weights == [12 * 16**2 + 13 * 16] * 4
    assert 0 < found.measured("trained", "text/held_out/loss")[0] < 6


@pytest.mark.parametrize("page", ["measurement", "task", "model", "study"])
def test_what_is_shown_keeps_the_house_rules(page: str) -> None:
    pytest.importorskip("ruff", reason="needs the extra 'check'")
    for block in blocks(f"extend/{page}.md", "python"):
        if block.title.startswith("src/") and "," not in block.title:
            for command in (["check"], ["format", "--check"]):
                words = [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(ROOT / block.title), "-"]
                done = subprocess.run(words, input=block.text, capture_output=True, text=True, check=False, cwd=ROOT)
                assert done.returncode == 0, done.stdout + done.stderr
