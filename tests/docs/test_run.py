"""The five-minute start, the page on Python use and the examples: run, not only read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from geomem.cli import main
from geomem.runs.directory import find_runs
from geomem.training.spec import TrainSpec, load_spec
from tests.docs.pages import ROOT, blocks, read, titled

EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the examples, and with the run that the pages speak of."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "examples").symlink_to(ROOT / "examples")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["train", "examples/stations.yaml"]) == 0
    return folder


def test_the_start_shows_the_files_that_ship() -> None:
    for name in ("examples/stations.csv", "examples/stations.yaml"):
        assert titled("start.md", name) == (ROOT / name).read_text(encoding="utf-8")


def test_the_start_runs(work: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.chdir(work)
    assert main(["graph", "examples/stations.csv", "--draw", "stations.svg"]) == 0
    assert (work / "stations.svg").is_file()
    (block,) = blocks("start.md", "python")
    exec(compile(block.text, "start.md", "exec"), {})
    assert capsys.readouterr().out.splitlines()[-1] == "GeomemTransformerForCausalLM (26, 32)"


def test_the_start_says_what_happens(work: Path) -> None:
    (run,) = find_runs(work / "runs")
    names = {path.name for path in run.path.iterdir()}
    layout = next(block.text for block in blocks("runs.md", "text"))
    for line in layout.splitlines()[1:]:
        assert line.split()[0].split("/")[0] in names, f"runs.md shows {line}"
    shown = {line.split()[0].split("/")[0] for line in layout.splitlines()[1:]}
    assert {name for name in names if not name.startswith(".")} == shown


def test_python_page_runs_from_top_to_bottom(work: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.chdir(work)
    space: dict[str, Any] = {}
    for block in blocks("python.md", "python"):
        exec(compile(block.text, "python.md", "exec"), space)
    assert space["found"]["eigen-energy/fiedler"] > space["found"]["eigen-energy/fiedler_chance"]
    assert space["outcome"].run.info.status == "finished"
    assert "Harbour" not in capsys.readouterr().out.splitlines()[4]


def test_graphs_page_python_runs(capsys: Capture) -> None:
    (block,) = blocks("graphs.md", "python")
    exec(compile(block.text, "graphs.md", "exec"), {})
    assert capsys.readouterr().out == "34 78\n"


def test_solvers_page_python_runs() -> None:
    space: dict[str, Any] = {}
    for block in blocks("solvers.md", "python"):
        exec(compile(block.text, "solvers.md", "exec"), space)
    assert space["found"].converged
    assert abs(space["found"].nuclear_norm / space["same"].nuclear_norm - 1) < 1e-5
    assert space["decoder"].converged
    assert space["odds"].residual < 1e-6


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_examples_are_valid_and_fit_together(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    spec: Any = load_spec(file, [])
    task = spec.task.build(0)
    for stage in spec.stages:
        assert set(stage.mix or {}) | set(stage.batch) <= set(task.streams("train"))
    assert spec.stop is None or spec.stop.metric in task.chance
    assert spec.name == file.stem
    assert f"`examples/{file.name}`" in read("train.md")
    from geomem.training.evidence import check_measurements

    if spec.sequence:
        check_measurements(spec.measure, task, spec.model.build(task.vocabulary.size, 0))


def test_yaml_in_pages_is_valid(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    for block in blocks("train.md", "yaml"):
        file = tmp_path / "shown.yaml"
        stages = "" if "stages:" in block.text else "stages: [{steps: 1}]\n"
        file.write_text(block.text + stages, encoding="utf-8")
        assert isinstance(load_spec(file, []), TrainSpec)


def test_models_page_python_runs(capsys: Capture) -> None:
    (block,) = blocks("models.md", "python")
    space: dict[str, Any] = {}
    exec(compile(block.text, "models.md", "exec"), space)
    ratios = (space["simulated"] / space["told"]).tolist()
    assert min(ratios) > 1.015
    assert max(ratios) < 1.075
    assert "1.0" in capsys.readouterr().out
