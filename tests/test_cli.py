"""The door: help, exit codes, one clear line for every mistake, and a whole small experiment."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from geomem import session
from geomem.cli import main
from geomem.runs.directory import Run
from geomem.runs.tables import History
from geomem.studies import STUDIES
from geomem.training import loop, state
from tests.training.settings import SMALL, new_run, small

Capture = pytest.CaptureFixture[str]
COMMANDS = [
    ["study", "list"], ["study", "show"], ["study", "run"], ["study", "cite"],
    ["train"], ["graph"], ["context"], ["fetch"], ["runs"], ["report"], ["list"], ["show"],
]  # fmt: skip
TINY = ["--set", "task=in-weights-edges", "--set", "model=transformer", "--set", "stages.0.steps=1"]


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STUDIES._entries, "toy", ("tests.studies.toy:TOY", "a study for tests"))


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    file = tmp_path / "small.yaml"
    file.write_text(yaml.safe_dump({**SMALL, "measure": ["cosine-level"]}))
    return file


# -- help and listings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_shows_examples(command: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--help"])
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    examples = [line for line in shown.splitlines() if line.startswith(f"    geomem {' '.join(command)}")]
    assert examples, shown


@pytest.mark.parametrize("command", [[], ["study"]], ids=str)
def test_help_of_groups_names_every_command(command: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--help"])
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    for known in COMMANDS:
        if known[: len(command)] == command:
            assert known[len(command)] in shown


@pytest.mark.parametrize(
    "command",
    [
        ["list"],
        ["list", "models"],
        ["list", "studies"],
        ["show", "model", "transformer"],
        ["show", "measurement", "leaf-first-hop"],
        ["show", "study", "geometric-memory"],
        ["study", "list"],
        ["study", "show", "geometric-memory", "--scale", "smoke"],
        ["graph", "countries"],
        ["graph", "path-star:arms=5,length=3"],
    ],
    ids=" ".join,
)
def test_results_are_shown_to_people_and_to_programs(command: list[str], capsys: Capture) -> None:
    assert main(command) == 0
    shown = capsys.readouterr()
    assert shown.out.strip()
    assert shown.err == ""
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)


def test_cite_prints_bibtex(capsys: Capture) -> None:
    assert main(["study", "cite", "geometric-memory"]) == 0
    assert capsys.readouterr().out.startswith("@inproceedings{")


@pytest.mark.parametrize("ending", ["svg", "png", "pdf"])
def test_graph_draws_a_picture(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"grid.{ending}"
    assert main(["graph", "grid:rows=2,columns=3", "--draw", str(file)]) == 0
    assert file.stat().st_size > 500


# -- bad input -------------------------------------------------------------------------------------------------------

STUDY = ["study", "run", "geometric-memory", "--scale", "smoke"]
MISTAKES: list[tuple[list[str], str]] = [
    (["study", "run", "geometric-memry"], "unknown study 'geometric-memry'; did you mean 'geometric-memory'?"),
    (["study", "show", "geometric-memry"], "did you mean 'geometric-memory'?"),
    (["study", "cite", "geometric-memry"], "did you mean 'geometric-memory'?"),
    (["study", "run"], "which study?"),
    ([*STUDY, "--experiment", "storag"], "unknown experiment of geometric-memory 'storag'; did you mean 'storage'?"),
    (
        [*STUDY, "--experiment", "storage", "--set", "path_star.armz=8"],
        "path_star.armz: unknown key; did you mean 'arms'?",
    ),
    ([*STUDY, "--set", "path_tsar.arms=8"], "path_tsar: unknown key; did you mean 'path_star'?"),
    ([*STUDY, "--set", "path_star.arms=many"], "path_star.arms: input should be a valid integer"),
    ([*STUDY, "--set", "path_star.arms=1"], "path_star.arms: input should be greater than or equal to 4, got 1"),
    ([*STUDY, "--set", "path_star.arms"], "expected key=value"),
    ([*STUDY, "--set", "path_star=3"], "path_star: input should be a valid dictionary"),
    ([*STUDY, "--seeds", "0"], "--seeds: must be at least 1, got 0"),
    ([*STUDY, "--seeds", "few"], "few"),
    ([*STUDY, "--workers", "0"], "--workers: must be at least 1, got 0"),
    (["study", "run", "geometric-memory", "--scale", "lapto"], "lapto"),
    (["study", "run", "--resume", "nowhere"], "no such run directory: nowhere"),
    (["train", "--resume", "nowhere"], "no such run directory: nowhere"),
    (["train", "nowhere.yaml"], "no such file: nowhere.yaml"),
    (
        ["train", *TINY, "--set", "task=in-weight-edges"],
        "unknown task 'in-weight-edges'; did you mean 'in-weights-edges'?",
    ),
    (["train", *TINY, "--set", "model=transfomer"], "unknown model 'transfomer'; did you mean 'transformer'?"),
    (["train", *TINY, "--set", "objective=next-tokn"], "unknown objective 'next-tokn'; did you mean 'next-token'?"),
    (["train", *TINY, "--set", "measure=[cosine]"], "unknown measurement 'cosine'; did you mean 'cosine-level'?"),
    (["train", *TINY, "--set", "model.widht=3"], "model.widht: unknown key; did you mean 'width'?"),
    (["train", *TINY, "--set", "model.width=wide"], "model.width: input should be a valid integer"),
    (["train", *TINY, "--set", "modle.width=3"], "modle: unknown key; did you mean 'model'?"),
    (
        ["train", *TINY, "--set", "stages.0.steps=0"],
        "stages.0.steps: input should be greater than or equal to 1, got 0",
    ),
    (["train", *TINY, "--set", "dtype=float16"], "dtype"),
    (["train", *TINY, "--device", "gpu"], "gpu"),
    (["train", *TINY, "--steps", "3"], "--steps"),
    (["graph", "path-satr"], "unknown graph 'path-satr'; did you mean 'path-star'?"),
    (["graph", "path-star:arm=3"], "arm: unknown key; did you mean 'arms'?"),
    (["graph", "path-star:arms=-3"], "arms: input should be greater than or equal to 1"),
    (["graph", "nowhere.csv"], "nowhere.csv: no such file"),
    (["graph", "grid", "--draw", "grid.bmp"], "grid.bmp"),
    (["graph", "grid", "--seed", "one"], "one"),
    (["runs", "nowhere"], "no such directory: nowhere"),
    (["report"], "run"),
    (["report", "nowhere"], "nowhere"),
    (["list", "modle"], "unknown kind of part 'modle'; did you mean 'model'?"),
    (["show", "model", "transformr"], "unknown model 'transformr'; did you mean 'transformer'?"),
    (["show", "modle", "transformer"], "did you mean 'model'?"),
    (["tain"], "tain"),
    ([], "geomem"),
]


@pytest.mark.parametrize(("arguments", "expected"), MISTAKES, ids=[" ".join(arguments) for arguments, _ in MISTAKES])
def test_a_mistake_is_one_clear_line(
    arguments: list[str], expected: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(arguments, expected, capsys)
    assert list(tmp_path.iterdir()) == []


def refused(arguments: list[str], expected: str, capsys: Capture) -> None:
    """Check exit code 2, one line on standard error, nothing on standard output."""
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = shown.err.splitlines()
    assert line.startswith("geomem: ")
    assert expected in line


def test_one_line_an_error(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", *TINY, "--set", "sed=1", "--set", "measur=[]"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "did you mean 'seed'?" in lines[0]
    assert "did you mean 'measure'?" in lines[1]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("missing.csv", b"from,to\na,b\n", "source"),
        ("loop.csv", b"source,target\na,b\nc,c\n", "line 3: self-loop at 'c'"),
        ("twice.csv", b"source,target\na,b\nb,a\n", "line 3: edge 'b'-'a' repeats line 2"),
        ("empty.csv", b"", "empty.csv"),
        ("bare.csv", b"source,target\n", "no edges"),
        ("empty.txt", b"", "no edges"),
        ("latin.csv", "source,target\nZürich,Köln\n".encode("latin-1"), "not UTF-8 (byte 0xfc at offset 15, line 2)"),
        ("broken.graphml", b"<graphml><graph>", "broken.graphml"),
        ("graph.parquet", b"PAR1", "graph.parquet"),
    ],
)
def test_a_bad_graph_file_is_one_clear_line(
    name: str, content: bytes, expected: str, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / name).write_bytes(content)
    refused(["graph", str(tmp_path / name)], expected, capsys)
    out = tmp_path / "runs"
    graph = f"task.graph={{kind: file, path: {tmp_path / name}}}"
    assert main(["train", *TINY, "--set", graph, "--out", str(out)]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("geomem: ")
    assert expected in line
    assert not out.exists() or list(out.iterdir()) == []


@pytest.mark.parametrize(
    "content", [b"task: \xff\xfe", b"task: [", b"- task", b""], ids=["latin", "open", "list", "empty"]
)
def test_a_bad_experiment_file_is_one_clear_line(content: bytes, tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "bad.yaml"
    file.write_bytes(content)
    refused(["train", str(file), "--out", str(tmp_path / "runs")], "bad.yaml", capsys)
    assert not (tmp_path / "runs").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
@pytest.mark.parametrize(
    "command", [["train", *TINY], [*STUDY, "--experiment", "edges-only"], ["train", *TINY, "--dry-run"]]
)
def test_cuda_without_a_device(command: list[str], tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "runs"
    refused([*command, "--out", str(out), "--device", "cuda"], "torch sees no CUDA device here", capsys)
    assert not out.exists()


def test_what_only_the_run_can_see_leaves_nothing_behind(tmp_path: Path, experiment: Path, capsys: Capture) -> None:
    out = tmp_path / "runs"
    for change, expected in (
        ("measure=[map-recovery]", "needs 'coordinates'"),
        ("stages.0.mix={edgs: 1}", "did you mean 'edges'?"),
        ("model.max_positions=2", "longer than max_positions = 2"),
        ("task.train_share=0.01", "leaves none to train on"),
        ("model.width=4000000000000", "out of memory ("),
    ):
        assert main(["train", str(experiment), "--out", str(out), "--set", change]) == 2
        shown = capsys.readouterr().err.splitlines()
        assert expected in shown[-1]
        assert sum(line.startswith("geomem: ") for line in shown) == 1
        assert list(out.iterdir()) == [], change


def test_a_run_of_another_version_is_refused_by_every_reader(tmp_path: Path, capsys: Capture) -> None:
    run = new_run(tmp_path, small())
    run.unlock()
    header = json.loads((run.path / "run.json").read_text())
    header |= {"format": 99, "versions": {"geomem": "7.5"}}
    (run.path / "run.json").write_text(json.dumps(header))
    before = sorted(path.name for path in run.path.iterdir())
    for command in (["train", "--resume"], ["study", "run", "--resume"], ["report"]):
        refused([*command, str(run.path)], "reads format 1; open it with geomem 7.5", capsys)
    refused(["report", str(run.path), str(run.path)], "reads format 1", capsys)
    assert main(["runs", str(tmp_path)]) == 0
    assert sorted(path.name for path in run.path.iterdir()) == before


def test_what_is_no_run_is_refused(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "folder").mkdir()
    for command in (["train", "--resume"], ["study", "run", "--resume"], ["report"]):
        refused([*command, str(tmp_path / "folder")], "it has no run.json", capsys)


class _Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path(os.environ["GEOMEM_EVIL"]),)


@pytest.fixture
def pickle_that_runs_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setenv("GEOMEM_EVIL", str(tmp_path / "evil"))
    return pickle.dumps(_Evil())


def test_a_pickled_state_is_refused_and_not_run(tmp_path: Path, capsys: Capture, pickle_that_runs_code: bytes) -> None:
    run = new_run(tmp_path / "runs", small())
    run.unlock()
    (run.path / "resume").mkdir()
    (run.path / "resume" / "state.pt").write_bytes(pickle_that_runs_code)
    assert main(["train", "--resume", str(run.path)]) == 2
    assert "the saved state cannot be read" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "evil").exists()


def test_a_pickled_checkpoint_is_refused_and_not_run(tmp_path: Path, pickle_that_runs_code: bytes) -> None:
    from geomem.errors import InputError
    from geomem.models.hub import open_checkpoint

    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    (tmp_path / "pytorch_model.bin").write_bytes(pickle_that_runs_code)
    with pytest.raises(InputError, match="is a pickle, which can run code when opened") as caught:
        open_checkpoint(tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "evil").exists()


# -- disks -----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _mounted(folder: Path, options: str) -> Iterator[None]:
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.skip("a small disk cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.skipif(shutil.which("mount") is None, reason="no mount command")
def test_a_really_full_disk_is_one_clear_line(tmp_path: Path, experiment: Path, capsys: Capture) -> None:
    with _mounted(tmp_path / "tiny", "size=24k"):
        assert main(["train", str(experiment), "--out", str(tmp_path / "tiny" / "runs")]) == 2
        assert "the disk is full" in capsys.readouterr().err.splitlines()[-1]
        assert list((tmp_path / "tiny" / "runs").iterdir()) == []


@pytest.mark.skipif(shutil.which("mount") is None, reason="no mount command")
def test_a_read_only_disk_is_one_clear_line(tmp_path: Path, experiment: Path, capsys: Capture) -> None:
    with _mounted(tmp_path / "still", "ro"):
        refused(["train", str(experiment), "--out", str(tmp_path / "still" / "runs")], "read-only", capsys)
        refused([*STUDY, "--experiment", "storage", "--out", str(tmp_path / "still" / "runs")], "read-only", capsys)


def test_a_disk_that_fills_up_later_keeps_what_can_be_resumed(
    tmp_path: Path, experiment: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "runs"
    written = state.write_atomic_with
    saves: list[Path] = []

    def fills_up(path: Path, writer: Any) -> None:
        saves.append(path)

        def full(partial: Path) -> None:
            partial.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")

        written(path, full if len(saves) == 3 else writer)

    monkeypatch.setattr(state, "write_atomic_with", fills_up)
    assert main(["train", str(experiment), "--out", str(out), "--set", "checkpoint_every=7"]) == 2
    assert "the disk is full; free some space and go on with --resume" in capsys.readouterr().err.splitlines()[-1]
    monkeypatch.undo()
    (path,) = out.iterdir()
    assert [file.name for file in (path / "resume").iterdir()] == ["state.pt"]
    assert main(["train", "--resume", str(path)]) == 0
    spec = small(measure=["cosine-level"], checkpoint_every=7)
    whole = new_run(tmp_path, spec)
    loop.train(spec, whole)
    assert History.read(path / "history.parquet").state() == History.read(whole.path / "history.parquet").state()


@contextlib.contextmanager
def _nobody() -> Iterator[None]:
    """Give up root's right to read and write everything for a while; ordinary users have no such right."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_no_permission_is_one_clear_line(tmp_path: Path, experiment: Path, capsys: Capture) -> None:
    assert main(["graph", "cycle", "--json"]) == 0  # imports what the commands need
    capsys.readouterr()
    locked, secret = tmp_path / "locked", tmp_path / "secret.csv"
    secret.write_text("source,target\na,b\n")
    secret.chmod(0)
    locked.mkdir(mode=0o555)
    (tmp_path / "closed").mkdir(mode=0o600)
    top = Path(tempfile.gettempdir()).resolve()
    for folder in [tmp_path, *(one for one in tmp_path.resolve().parents if one.is_relative_to(top) and one != top)]:
        folder.chmod(0o755)
    with _nobody():
        refused(["train", str(experiment), "--out", str(locked / "runs")], "no permission to write there", capsys)
        refused([*STUDY, "--experiment", "storage", "--out", str(locked)], "no permission to write there", capsys)
        refused(["graph", str(secret)], "no permission to read it", capsys)
        refused(["train", str(tmp_path / "closed" / "e.yaml")], "no permission to read", capsys)
    assert list(locked.iterdir()) == []


@pytest.mark.parametrize("place", ["taken/runs", "/proc/runs", "n" * 300])
def test_an_impossible_place_is_one_clear_line(place: str, tmp_path: Path, experiment: Path, capsys: Capture) -> None:
    (tmp_path / "taken").write_text("a file")
    refused(["train", str(experiment), "--out", str(tmp_path / place)], "cannot write", capsys)


# -- whole experiments -----------------------------------------------------------------------------------------------


def test_train_from_yaml_to_report(tmp_path: Path, experiment: Path, capsys: Capture) -> None:
    out = tmp_path / "runs"
    assert main(["train", str(experiment), "--out", str(out), "--set", "seed=3", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["status"] == "finished"
    assert shown["metrics"].keys() >= {"loss", "paths/held_out/first_hop", "cosine-level/level"}
    assert shown["chance"]["paths/held_out/first_hop"] == pytest.approx(1 / 8)
    (path,) = out.iterdir()
    assert shown["run"] == str(path)
    run = Run.open(path)
    assert (run.info.status, run.info.kind, run.info.seeds) == ("finished", "train", [3])
    assert run.info.spec["seed"] == 3
    for name in ("report.html", "history.parquet", "measurements.parquet", "timing.parquet", "checkpoint/config.json"):
        assert (path / name).is_file(), name

    assert main(["runs", str(out), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["path"], row["status"]) == (str(path), "finished")
    assert main(["report", str(path)]) == 0
    assert capsys.readouterr().out.strip() == str(path / "report.html")
    refused(["train", "--resume", str(path)], "has ended already (finished)", capsys)
    refused(["study", "run", "--resume", str(path)], "is a training run, not a study", capsys)


def test_train_shows_a_table_to_people(tmp_path: Path, experiment: Path, capsys: Capture) -> None:
    assert main(["train", str(experiment), "--out", str(tmp_path / "runs")]) == 0
    shown = capsys.readouterr()
    assert "paths/held_out/first_hop" in shown.out
    assert "finished after" in shown.out
    assert "writing to" in shown.err


def test_train_a_word_vector_model(tmp_path: Path, capsys: Capture) -> None:
    changes = ["task=in-weights-edges", "task.graph={kind: cycle, nodes: 7}", "model=node2vec", "model.steps=60"]
    overrides = [part for change in changes for part in ("--set", change)]
    assert main(["train", *overrides, "--out", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "finished"
    assert main(["train", *overrides, "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 60


def test_dry_run_says_what_it_would_cost_and_writes_nothing(
    tmp_path: Path, experiment: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert main(["train", str(experiment), "--dry-run", "--json"]) == 0
    cost = json.loads(capsys.readouterr().out)
    assert cost["steps"] == 30
    assert cost["streams"] == {"edges": 17, "paths": 6}
    assert set(cost["seconds_per_step"]) == {"edges", "both"}
    assert main(["train", str(experiment), "--dry-run"]) == 0
    shown = capsys.readouterr().out
    for word in ("steps: 30", "time: about", "MiB", "parameters"):
        assert word in shown
    assert sorted(tmp_path.iterdir()) == before


def test_ctrl_c_exits_with_130_and_resume_goes_on(
    tmp_path: Path, experiment: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = loop.Loop._step

    def interrupted(self: loop.Loop, *arguments: Any) -> None:
        if self.state.step == 17:
            raise KeyboardInterrupt
        step(self, *arguments)

    monkeypatch.setattr(loop.Loop, "_step", interrupted)
    assert main(["train", str(experiment), "--out", str(tmp_path / "runs")]) == 130
    monkeypatch.undo()
    (path,) = (tmp_path / "runs").iterdir()
    assert Run.open(path).info.status == "interrupted"
    assert main(["train", "--resume", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "finished"
    assert History.read(path / "history.parquet").steps == list(range(31))


# -- studies ---------------------------------------------------------------------------------------------------------


def test_a_contradicted_claim_is_exit_code_1_under_strict_alone(tmp_path: Path, toy: None, capsys: Capture) -> None:
    run = ["study", "run", "toy", "--scale", "smoke", "--out", str(tmp_path), "--workers", "1"]
    assert main([*run, "--experiment", "formula", "--strict", "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert {one["claim"]: one["verdict"] for one in shown["verdicts"]} == {
        "T1": "not-run", "T2": "contradicted", "T3": "not-run", "T4": "not-run",
    }  # fmt: skip
    assert main([*run, "--experiment", "formula"]) == 0
    assert "contradicted" in capsys.readouterr().out
    assert main([*run, "--experiment", "good", "--strict"]) == 0


def test_the_storage_experiment_ends_in_a_page(tmp_path: Path, capsys: Capture) -> None:
    arguments = [*STUDY, "--experiment", "storage", "--strict", "--json", "--out", str(tmp_path)]
    code = main(arguments)
    shown = json.loads(capsys.readouterr().out)
    verdicts = {one["claim"]: one["verdict"] for one in shown["verdicts"]}
    assert verdicts.pop("C11") in ("supported", "contradicted", "inconclusive")
    assert set(verdicts.values()) == {"not-run"}
    assert code == int("contradicted" in [one["verdict"] for one in shown["verdicts"]])
    assert Path(shown["report"]).is_file()
    assert Run.open(Path(shown["run"])).info.status == "finished"


def test_a_study_is_not_resumed_as_a_training(tmp_path: Path, toy: None, capsys: Capture) -> None:
    assert main(["study", "run", "toy", "--scale", "smoke", "--experiment", "good", "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    (path,) = tmp_path.iterdir()
    refused(["train", "--resume", str(path)], "geomem study run --resume", capsys)


def test_several_reports_side_by_side(tmp_path: Path, toy: None, capsys: Capture) -> None:
    for experiment in ("good", "formula"):
        main(["study", "run", "toy", "--scale", "smoke", "--experiment", experiment, "--out", str(tmp_path / "runs")])
    capsys.readouterr()
    page = tmp_path / "both.html"
    runs = sorted(map(str, (tmp_path / "runs").iterdir()))
    assert main(["report", *runs, "--out", str(page)]) == 0
    assert capsys.readouterr().out.strip() == str(page)
    assert page.is_file()


# -- as a program ----------------------------------------------------------------------------------------------------


def _geomem(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    code = "import sys; from geomem.cli import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], text=True, check=False, stderr=subprocess.PIPE, **options
    )


def test_exit_codes_of_the_program() -> None:
    assert _geomem("list", stdout=subprocess.PIPE).returncode == 0
    wrong = _geomem("list", "modle", stdout=subprocess.PIPE)
    assert wrong.returncode == 2
    assert wrong.stderr.splitlines() == ["geomem: unknown kind of part 'modle'; did you mean 'model'?"]


@pytest.mark.parametrize(
    "arguments", [["list"], ["list", "--json"], ["study", "cite", "geometric-memory"], ["--help"]], ids=" ".join
)
def test_a_reader_that_has_gone_is_no_error(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = _geomem(*arguments, stdout=writing)
    finally:
        os.close(writing)
    assert done.stderr == ""
    assert done.returncode == 0


def test_the_session_is_what_the_door_calls(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(session, "start", interrupted)
    assert main(["train", *TINY]) == 130
    assert "--resume" in capsys.readouterr().err
