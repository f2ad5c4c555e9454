"""For the whole suite: shapes and types of the measurements are checked at run time, and BLAS keeps to one thread."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jaxtyping import install_import_hook

import tests.checked  # noqa: F401  (the hook below looks it up by name)

# Set before torch is first imported: several busy BLAS threads on few cores are slower than one.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# jaxtyping's annotations are checked by beartype in tests only; ordinary runs do not pay for it.
install_import_hook("geomem.geometry", "tests.checked.checked")


@pytest.fixture
def small_wordnet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the graph `wordnet`, whose files are fetched, be one of eight meanings."""
    from tests.fetch.samples import keep_small_wordnet

    keep_small_wordnet(tmp_path / "fetched")
    monkeypatch.setenv("GEOMEM_CACHE", str(tmp_path / "fetched"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()
