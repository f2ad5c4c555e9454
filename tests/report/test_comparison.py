from __future__ import annotations

from pathlib import Path

import pytest

from geomem.errors import InputError, RunError
from geomem.report.comparison import setting_differences, shared_curves, write_comparison
from geomem.report.view import load_run_view
from geomem.runs.exhibits import Verdict, write_exhibit, write_verdicts
from tests.report.sample_run import EVIL, direction_bars, make_train


def test_settings_that_differ_are_named_by_their_dotted_key() -> None:
    first = {"task": {"kind": "path", "arms": 50}, "seed": 0}
    second = {"task": {"kind": "path", "arms": 60}, "extra": [1]}
    found = {row.key: row.values_ for row in setting_differences([first, second])}
    assert found == {"task.arms": ["50", "60"], "seed": ["0", "–"], "extra": ["–", "[1]"]}


def test_histories_share_a_frame(tmp_path: Path) -> None:
    views = [load_run_view(make_train(tmp_path / name, seed=seed)) for seed, name in enumerate("ab")]
    curves = {curve.title: curve for curve in shared_curves(views, ["A", "B"])}
    assert set(curves) == {"edges/top_degree", "loss", "paths/first_hop"}
    assert [series.name for series in curves["loss"].series] == ["A", "B"]
    assert curves["loss"].series[1].y == pytest.approx(views[1].history.series("loss")[1])
    assert curves["paths/first_hop"].references[0].value == 0.02
    assert curves["paths/first_hop"].percent
    assert not curves["loss"].percent


def test_the_page_holds_verdicts_and_figures_of_both(tmp_path: Path) -> None:
    runs = [make_train(tmp_path / name, seed=seed) for seed, name in enumerate("ab")]
    for run, word in zip(runs, ("supported", "contradicted"), strict=True):
        write_verdicts(
            run / "verdicts.json", [Verdict.model_validate({"claim": "C1", "statement": EVIL, "verdict": word})]
        )
        write_exhibit(run / "exhibits", direction_bars())
    page = write_comparison(runs, tmp_path / "out.html").read_text(encoding="utf-8")
    assert page.count('class="badge supported"') == page.count('class="badge contradicted"') == 1
    assert 'id="figure-a-directions"' in page
    assert 'id="figure-b-directions"' in page
    assert EVIL not in page
    assert "<code>seed</code>" in page


def test_fewer_than_two_runs_or_no_run_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least two runs, got 1"):
        write_comparison([tmp_path], tmp_path / "out.html")
    with pytest.raises(RunError, match="no such run directory"):
        write_comparison([tmp_path / "x", tmp_path / "y"], tmp_path / "out.html")
    assert not (tmp_path / "out.html").exists()
