"""The page of a probe in a real Chromium: quiet, readable, its table sorts, names from checkpoints stay names."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from geomem.probing.run import start_probe
from geomem.probing.spec import ProbeSpec
from geomem.report.page import write_report
from tests.probing import tiny
from tests.report.test_browser import CONTRAST, OVERLAPS, opened

pytestmark = pytest.mark.browser

EVIL = "<img src=x onerror=window.pwned=1>"


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("probe")
    model = tiny.saved(tiny.gpt2(), folder / EVIL)
    spec = ProbeSpec.model_validate(
        {"models": (str(model),), "text": str(tiny.text_file(folder)), "max_tokens": 512, "batch_tokens": 128,
         "context": 32, "sample": 100,
         "measure": ("spectrum", "updates", "lens", "attention", "comparison", "recency", "plan"),
         "threads": 1}
    )  # fmt: skip
    run = start_probe(spec, folder / "runs", Console(file=io.StringIO()))
    run.save_info(status="finished")
    page = write_report(run.path)
    run.finish("finished", 1.0)
    return page


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_overflows_overlaps_or_is_too_faint(chromium: Any, page_file: Path, width: int) -> None:
    with opened(chromium, page_file, width=width, color_scheme="light") as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(OVERLAPS) == []
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            page.wait_for_timeout(300)
            assert page.evaluate(CONTRAST)["poor"] == []


def test_the_first_screen_says_what_is_unusual_and_a_name_stays_a_name(chromium: Any, page_file: Path) -> None:
    with opened(chromium, page_file) as page:
        assert page.locator("h1").inner_text() == EVIL
        assert page.evaluate("window.pwned") is None
        assert "3 blocks of width 16" in page.locator(".lede").inner_text()
        assert page.locator(".notes li").count() >= 2
        assert page.locator(".hero figure.profiles svg:visible").count() == 1


def test_the_table_sorts_by_any_column_and_reads_without_javascript(chromium: Any, page_file: Path) -> None:
    column = """(index) => [...document.querySelectorAll('#figure-all-layers-0 tbody tr')]
      .map((row) => row.cells[index].dataset.key).filter((key) => key !== '').map(Number)"""
    with opened(chromium, page_file) as page:
        head = page.locator("#figure-all-layers-0 thead th").nth(1)
        head.locator("button").click()
        rising = page.evaluate(column, 1)
        assert rising == sorted(rising)
        assert head.get_attribute("aria-sort") == "ascending"
        head.locator("button").click()
        falling = page.evaluate(column, 1)
        assert falling == sorted(falling, reverse=True)
        assert len(falling) == tiny.LAYERS + 1
        page.locator("#figure-all-layers-0 thead th").nth(0).locator("button").click()
        assert page.evaluate(column, 0) == list(range(tiny.LAYERS + 1))
    with opened(chromium, page_file, java_script_enabled=False) as page:
        assert page.locator("#figure-all-layers-0 tbody tr").count() == tiny.LAYERS + 1
        assert page.locator("#figure-all-layers-0 button").count() == 0
