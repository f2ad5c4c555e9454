from __future__ import annotations

import base64
import csv
import io
import os
import re
from pathlib import Path

import pytest

from geomem.errors import RunError
from geomem.report.page import claim_row, composed_finding, heading, write_report
from geomem.report.view import load_run_view
from geomem.runs.directory import Run
from geomem.runs.exhibits import Measured, Verdict
from tests.report.sample_run import EVIL, make_train


def test_the_page_is_one_file_with_everything_in_order(study_page: Path) -> None:
    page = study_page.read_text(encoding="utf-8")
    places = [page.index(mark) for mark in ("<h1>", 'class="lede"', 'id="figure-star-map"', 'id="claims"',
              'id="figure-path-accuracy"', 'id="figure-leaf-first-hop"', 'id="figure-eigen-projections"',
              'id="settings"', 'id="cost"', 'id="data"')]  # fmt: skip
    assert places == sorted(places)
    assert page.count("plotly.js v") == 1
    assert "default-src 'none'" in page
    assert study_page.stat().st_size < 8_000_000


def test_nothing_from_data_becomes_a_tag(study_page: Path) -> None:
    page = study_page.read_text(encoding="utf-8")
    assert EVIL not in page
    assert "&lt;script&gt;window.pwned" in page


def test_every_figure_is_beside_the_page(study_page: Path) -> None:
    names = {path.name for path in (study_page.parent / "figures").iterdir()}
    drawn = ("star-map", "country-map", "path-accuracy", "losses", "leaf-first-hop", "eigen-projections", "directions")
    pictures = {f"{name}.{kind}" for name in drawn for kind in ("svg", "png", "pdf", "csv")}
    assert names == pictures | {"storage.csv", "walks.csv"}


def test_verdicts_can_be_downloaded_with_their_seeds(study_page: Path) -> None:
    page = study_page.read_text(encoding="utf-8")
    found = re.search(r'download="verdicts.csv" href="data:text/csv;charset=utf-8;base64,([^"]+)"', page)
    assert found is not None
    rows = list(csv.DictReader(io.StringIO(base64.b64decode(found[1]).decode())))
    assert len(rows) == 20
    assert (rows[0]["claim"], rows[0]["verdict"], rows[0]["values"]) == ("C1", "supported", "0.76 0.83 0.87")
    assert rows[-1]["value"] == ""


def test_the_same_run_gives_the_same_page(tmp_path: Path) -> None:
    run = make_train(tmp_path / "run")
    first = write_report(run).read_bytes()
    assert write_report(run).read_bytes() == first
    assert b"plotly.js v" not in first


def test_findings_are_composed_from_what_was_found(tmp_path: Path) -> None:
    view = load_run_view(make_train(tmp_path / "run"))
    said = "Trained for 190 steps in 22\u202fs, ending at paths/first_hop 95\u202f% (chance 2\u202f%) and loss 0.35"
    assert composed_finding(view).startswith(said)
    for words, sentence in (
        (["supported"], "Of 1 claim put to the test, 1 supported."),
        (
            ["supported", "contradicted", "supported", "not-run"],
            "Of 3 claims put to the test, 2 supported and 1 contradicted.",
        ),
    ):
        view.verdicts[:] = [Verdict.model_validate({"claim": "C", "statement": "s", "verdict": word}) for word in words]
        assert composed_finding(view) == sentence


def test_an_unfinished_run_says_so(tmp_path: Path) -> None:
    Run.create_at(tmp_path / "run", "begun", "train", {}, [0]).unlock()
    page = write_report(tmp_path / "run").read_text(encoding="utf-8")
    assert "This run is not complete (running)" in page
    assert "This run has recorded nothing yet." in page


def test_a_claim_shows_value_interval_and_seeds_on_a_line() -> None:
    measured = Measured(value=0.5, low=0.25, high=0.75, seeds=2, values=(0.25, 0.75), percent=True)
    row = claim_row(Verdict(claim="C 1", statement="s", verdict="supported", measured=measured))
    assert (row.anchor, row.value, row.interval) == ("claim-c-1", "50\u202f%", "25 to 75\u202f%")
    assert row.strip is not None
    assert (row.strip.dots, row.strip.low, row.strip.high) == ([27.0, 77.0], 27.0, 77.0)
    outside = measured.model_copy(update={"values": (1.5,)})
    assert claim_row(Verdict(claim="C", statement="s", verdict="supported", measured=outside)).strip is None


def test_headings() -> None:
    assert heading("geometric-memory") == "Geometric memory"
    assert heading("in_context") == "In context"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_forbidden_directory_is_one_clear_line(tmp_path: Path) -> None:
    run = make_train(tmp_path / "run")
    run.chmod(0o500)
    with pytest.raises(RunError, match="no permission"):
        write_report(run)
    run.chmod(0o700)
