"""The built site: strict, offline, complete. Skipped where the extra `docs` is not installed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

pytest.importorskip("mkdocs", reason="the book is built with the extra 'docs', which is not installed")
pytest.importorskip("mkdocstrings_handlers.python", reason="needs the extra 'docs'")
pytest.importorskip("material", reason="needs the extra 'docs'")

FETCHED = re.compile(
    r"<(?:script|img|source|iframe)[^>]+src=[\"']?(?:https?:)?//|<link[^>]+href=[\"']?(?:https?:)?//", re.IGNORECASE
)
IN_STYLES = re.compile(r"url\([\"']?(?:https?:)?//|@import", re.IGNORECASE)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site") / "site"
    # One room of the reference: all of them take a minute, and `make docs` builds them.
    command = [sys.executable, str(ROOT / "scripts" / "build_docs.py"), str(target), "objectives"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return target


@pytest.mark.slow
def test_the_site_fetches_nothing(site: Path) -> None:
    html = sorted(site.rglob("*.html"))
    assert len(html) > 20
    for page in html:
        found = FETCHED.search(page.read_text(encoding="utf-8"))
        assert found is None, f"{page.name}: {found}"
    for style in site.rglob("*.css"):
        found = IN_STYLES.search(style.read_text(encoding="utf-8"))
        assert found is None, f"{style.name}: {found}"


@pytest.mark.slow
def test_the_reference_shows_docstrings(site: Path) -> None:
    text = (site / "reference" / "objectives.html").read_text(encoding="utf-8")
    assert "hard_cross_entropy" in text
    assert "The result is NaN when every label is" in text


def test_the_pattern_finds_what_it_is_for() -> None:
    assert FETCHED.search('<link rel="stylesheet" href="https://fonts.example/css">')
    assert FETCHED.search('<script src="//cdn.example/x.js">')
    assert not FETCHED.search('<a href="https://arxiv.org">')
    assert IN_STYLES.search("@font-face{src:url(https://fonts.example/a.woff2)}")
