from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from geomem.errors import InputError, RunError
from geomem.runs.directory import Run
from geomem.runs.exhibits import read_exhibits, read_verdicts
from geomem.runs.tables import CHANCE, read_measurements
from geomem.studies import runner
from geomem.studies.runner import Request, rejudge, resume_study, run_study
from geomem.training import loop
from tests.studies.small_runs import QUIET
from tests.studies.toy import TOY

pytestmark = pytest.mark.usefixtures("toy")


def request(**changes: Any) -> Request:
    return Request(**{"study": "toy", "scale": "smoke", "workers": 1, **changes})


def test_a_run_holds_everything(toy_run: Run) -> None:
    info = toy_run.info
    assert (info.kind, info.name, info.seeds) == ("study", "toy-smoke", [0, 1])
    assert info.spec["request"]["experiments"] == ["all"]
    assert info.spec["settings"] == {"star": {"arms": 5, "steps": 6, "lr": 3e-3}}
    assert info.finding == "ran learn, formula, good"
    verdicts = {one.claim: one for one in read_verdicts(toy_run.path / "verdicts.json")}
    assert {claim: one.verdict for claim, one in verdicts.items()} == {
        "T1": "supported", "T2": "contradicted", "T3": "supported", "T4": "inconclusive",
    }  # fmt: skip
    measured = verdicts["T1"].measured
    assert measured is not None
    assert (measured.seeds, len(measured.values)) == (2, 2)
    assert measured.low is not None
    assert measured.low < measured.value
    assert measured.name == "norm of the table"
    assert verdicts["T1"].threshold.endswith("above 0")
    assert "'nothing' was not measured" in verdicts["T4"].note
    assert [one.id for one in read_exhibits(toy_run.path / "exhibits")] == ["toy-loss"]
    rows = read_measurements(toy_run.path / "measurements.parquet")
    assert {(row.condition, row.seed) for row in rows} == {(c, s) for c in ("narrow", "wide") for s in (0, 1)}


def test_what_a_cell_works_out_replaces_and_adds(toy_run: Run) -> None:
    rows = read_measurements(toy_run.path / "cells" / "learn" / "narrow" / "seed-0" / "measurements.parquet")
    named = [row.metric for row in rows]
    assert len(set(named)) == len(named)
    assert {row.value for row in rows if row.metric == "edges/accuracy"} == {2.0}
    assert {row.step for row in rows if not row.metric.startswith(CHANCE)} == {6}


def test_seeds_and_overrides_reach_the_cells(tmp_path: Path) -> None:
    run = run_study(request(seeds=1, overrides=("star.steps=4", "star.arms=4")), tmp_path, QUIET)
    cells = sorted(run.path.glob("cells/learn/*/*"))
    assert [path.name for path in cells] == ["seed-0", "seed-0"]
    for path in cells:
        spec = Run.open(path).info.spec
        assert spec["stages"][0]["steps"] == 4
        assert spec["task"]["graph"]["arms"] == 4
        assert spec["name"] == f"learn/{path.parent.name}/0"
    assert run.info.spec["request"]["overrides"] == ["star.steps=4", "star.arms=4"]
    assert [one.verdict for one in read_verdicts(run.path / "verdicts.json")].count("not-run") == 2


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"study": "toi"}, "unknown study 'toi'; did you mean 'toy'?"),
        ({"experiments": ("lern",)}, "unknown experiment of toy 'lern'; did you mean 'learn'?"),
        ({"overrides": ("star.step=4",)}, "star.step: unknown key; did you mean 'steps'?"),
        ({"overrides": ("star.steps=many",)}, "star.steps: input should be a valid integer"),
        ({"overrides": ("star.steps=0",)}, "stages.0.steps: input should be greater than or equal to 1, got 0"),
        ({"overrides": ("star",)}, "expected key=value"),
        ({"seeds": 0}, "--seeds: must be at least 1, got 0"),
        ({"workers": 0}, "--workers: must be at least 1, got 0"),
    ],
)
def test_mistakes_are_refused_before_anything_is_written(change: dict[str, Any], expected: str, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    with pytest.raises(InputError) as caught:
        run_study(request(**change), out, QUIET)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not out.exists()


def test_settings_that_a_training_refuses_leave_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless a cell has ended: what it measured is kept."""
    check, calls = loop.Loop._check_names, iter(range(9))

    def refuse_from(first: int) -> None:
        def look(self: loop.Loop) -> None:
            if next(calls) >= first:
                raise InputError("a sequence of 9 tokens is too long")
            check(self)

        monkeypatch.setattr(loop.Loop, "_check_names", look)

    refuse_from(0)
    with pytest.raises(InputError, match="too long"):
        run_study(request(workers=1), tmp_path, QUIET)
    assert list(tmp_path.iterdir()) == []
    calls = iter(range(9))
    refuse_from(1)
    with pytest.raises(InputError, match="too long"):
        run_study(request(workers=1), tmp_path, QUIET)
    (left,) = tmp_path.iterdir()
    assert len([file for file in left.glob("cells/*/*/seed-*/run.json") if Run.open(file.parent).finished]) == 1


def _files(run: Run) -> dict[str, int]:
    return {str(path.relative_to(run.path)): path.stat().st_mtime_ns
            for path in run.path.glob("cells/*/*/*/**/*") if path.is_file()}  # fmt: skip


def _numbers(run: Run) -> list[tuple[Any, ...]]:
    rows = read_measurements(run.path / "measurements.parquet")
    return sorted((row.condition, row.seed or 0, row.metric, row.value) for row in rows)


def test_a_killed_study_goes_on_to_the_same_numbers(
    toy_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = loop.Loop._step
    taken: list[int] = []

    def cut(self: loop.Loop, *arguments: Any) -> None:
        taken.append(self.state.step)
        if len(taken) == 16:  # in the middle of the third of four cells
            raise RuntimeError("power cut")
        step(self, *arguments)

    monkeypatch.setattr(loop.Loop, "_step", cut)
    with pytest.raises(RuntimeError, match="power cut"):
        run_study(request(), tmp_path, QUIET)
    monkeypatch.setattr(loop.Loop, "_step", step)
    (path,) = tmp_path.iterdir()
    killed = Run.open(path)
    assert killed.info.status == "running"
    finished = {name: time for name, time in _files(killed).items() if _is_finished(killed, name)}
    assert len({name.rsplit("seed-", 1)[0] + name.rsplit("seed-", 1)[1][0] for name in finished}) == 2
    run = resume_study(path, QUIET)
    again = _files(run)
    assert {name: again[name] for name in finished} == finished
    assert _numbers(run) == _numbers(toy_run)
    own = {"T1", "T4"}
    first, second = (read_verdicts(one.path / "verdicts.json") for one in (toy_run, run))
    assert [one for one in first if one.claim in own] == [one for one in second if one.claim in own]


def _is_finished(run: Run, name: str) -> bool:
    place = Path(*Path(name).parts[:4])
    return Run.open(run.path / place).finished


def test_resume_skips_everything_that_is_done(toy_run: Run, tmp_path: Path) -> None:
    run = run_study(request(seeds=1), tmp_path, QUIET)
    run.unlock()
    before, numbers = _files(run), _numbers(run)
    (run.path / "verdicts.json").unlink()
    resumed = resume_study(run.path, QUIET)
    assert _files(resumed) == before
    assert _numbers(resumed) == numbers
    assert (run.path / "verdicts.json").is_file()


def test_ctrl_c_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "run_jobs", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_study(request(), tmp_path, QUIET)
    (path,) = tmp_path.iterdir()
    assert Run.open(path).info.status == "interrupted"


def test_only_studies_are_resumed(tmp_path: Path, toy_run: Run) -> None:
    with pytest.raises(RunError, match="no such run directory"):
        resume_study(tmp_path / "nowhere", QUIET)
    with pytest.raises(RunError, match="is a training run, not a study"):
        resume_study(toy_run.path / "cells" / "learn" / "wide" / "seed-0", QUIET)


def test_a_damaged_request_is_one_clear_line(tmp_path: Path) -> None:
    run = run_study(request(experiments=("good",)), tmp_path, QUIET)
    run.unlock()
    header = json.loads((run.path / "run.json").read_text())
    header["spec"]["request"]["scale"] = "huge"
    (run.path / "run.json").write_text(json.dumps(header))
    with pytest.raises(InputError) as caught:
        resume_study(run.path, QUIET)
    assert "scale" in str(caught.value)


def test_claims_can_be_judged_again_from_what_is_on_disk(toy_run: Run) -> None:
    verdicts, evidence = rejudge(toy_run, TOY, TOY.scales["smoke"])
    assert verdicts == read_verdicts(toy_run.path / "verdicts.json")
    assert set(evidence) == {"learn", "formula", "good"}


def test_the_plan_is_said_before_it_is_run(tmp_path: Path) -> None:
    said = io.StringIO()
    run_study(request(experiments=("good",)), tmp_path, Console(file=said))
    assert "toy at smoke scale: 0 runs" in said.getvalue()
    assert "writing to" in said.getvalue()


# -- trainings that cells share --------------------------------------------------------------------------------------


def shared(**changes: Any) -> Request:
    return request(study="shared-toy", **changes)


def _trained(out: Path) -> dict[str, int]:
    return {path.parent.name: path.stat().st_mtime_ns for path in (out / "cache").glob("*/run.json")}


def test_shared_trainings_are_done_once_for_all_cells_and_all_studies(tmp_path: Path) -> None:
    said = io.StringIO()
    run = run_study(shared(experiments=("all",)), tmp_path, Console(file=said, width=200))
    assert "4 runs and 2 shared trainings (0 done before), 1 at a time" in said.getvalue()
    assert "about 68 s" in said.getvalue(), "two trainings of 30 seconds and four works of 2"
    trained = _trained(tmp_path)
    assert [re.sub("-[0-9a-f]{12}$", "", name) for name in sorted(trained)] == ["toy-model-0", "toy-model-1"]
    for seed in (0, 1):
        spec = Run.open(run.path / "cells" / "look" / "trained" / f"seed-{seed}").info.spec
        assert Run.open(Path(spec["needs"]["model"])).info.seeds == [seed]
        assert spec["name"] == f"look/trained/{seed}"
    (verdict,) = read_verdicts(run.path / "verdicts.json")
    assert verdict.verdict == "supported"
    assert verdict.measured is not None
    assert len(set(verdict.measured.values)) == 2, "each seed has a model of its own"

    said = io.StringIO()
    run_study(shared(seeds=3), tmp_path, Console(file=said, width=200))
    assert "3 runs and 3 shared trainings (2 done before)" in said.getvalue()
    assert {name: _trained(tmp_path)[name] for name in trained} == trained
    run_study(shared(seeds=1, overrides=("steps=5",)), tmp_path, QUIET)
    assert len(_trained(tmp_path)) == 4, "other settings are another training"


def test_a_study_killed_in_a_shared_training_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = loop.Loop._step

    def cut(self: loop.Loop, *arguments: Any) -> None:
        if self.state.step == 3:
            raise RuntimeError("power cut")
        step(self, *arguments)

    monkeypatch.setattr(loop.Loop, "_step", cut)
    with pytest.raises(RuntimeError, match="power cut"):
        run_study(shared(seeds=1), tmp_path, QUIET)
    monkeypatch.setattr(loop.Loop, "_step", step)
    (path,) = tmp_path.glob("shared-toy-*")
    assert not (path / "cells").exists(), "no cell ran before what it needs"
    run = resume_study(path, QUIET)
    whole = run_study(shared(seeds=1), tmp_path / "whole", QUIET)
    assert _numbers(run) == _numbers(whole)


def test_what_rests_on_a_diverged_training_is_inconclusive(tmp_path: Path) -> None:
    run = run_study(shared(overrides=("lr=1.0e+38", "steps=60")), tmp_path, QUIET)
    info = Run.open(run.path / "cells" / "look" / "trained" / "seed-0").info
    assert info.status == "diverged"
    assert "it needs the training 'model', which diverged: the loss became" in info.message
    (verdict,) = read_verdicts(run.path / "verdicts.json")
    assert (verdict.verdict, verdict.measured) == ("inconclusive", None)
    assert "No finished run of condition 'trained'" in verdict.note


def test_a_part_of_a_study_is_not_resumed_alone(tmp_path: Path) -> None:
    run = run_study(shared(seeds=1), tmp_path, QUIET)
    with pytest.raises(RunError, match=r"is a part of a study run, not a study$"):
        resume_study(run.path / "cells" / "look" / "trained" / "seed-0", QUIET)
