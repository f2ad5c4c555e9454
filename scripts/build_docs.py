"""Build the book into site/: fill in what the code knows, write the reference, and run mkdocs on the result.

`python scripts/build_docs.py [SITE [ROOM...]]`; with rooms, the reference has these alone, which is quicker. Needs the
extra `docs`. Nothing is fetched, while building or when reading. A warning of mkdocs ends it with exit code 1.
"""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from docs_tables import ROOT, fill

SOURCE = ROOT / "src" / "geomem"
FOUNDATION = "foundation"
"""Name of the reference page of the modules that lie in no folder."""


def reference_pages(source: Path = SOURCE) -> dict[str, str]:
    """Return reference pages, room -> Markdown, for every public module there is; a new one appears by itself."""
    rooms: dict[str, list[str]] = {}
    for file in sorted(source.rglob("*.py")):
        place = file.relative_to(source).with_suffix("")
        names = [name for name in place.parts if name != "__init__"]
        if any(name.startswith("_") for name in names):
            continue
        room = names[0] if names and (source / names[0]).is_dir() else FOUNDATION
        rooms.setdefault(room, []).append(".".join(["geomem", *names]))
    return {room: _reference_page(room, sorted(modules)) for room, modules in sorted(rooms.items())}


def write_pages(target: Path, rooms: Sequence[str] = ()) -> list[str]:
    """Write the book as Markdown into `target` and return the reference pages (of some rooms), as paths inside it."""
    shutil.copytree(ROOT / "docs", target)
    for page in target.rglob("*.md"):
        page.write_text(fill(page.read_text(encoding="utf-8")), encoding="utf-8")
    written: list[str] = []
    for room, text in reference_pages().items():
        if rooms and room not in rooms:
            continue
        page = target / "reference" / f"{room}.md"
        page.parent.mkdir(exist_ok=True)
        page.write_text(text, encoding="utf-8")
        written.append(str(page.relative_to(target)))
    return written


def navigation(reference: list[str]) -> list[Any]:
    """Return the navigation of mkdocs.yml with the reference pages in the section that holds its first page."""
    nav: list[Any] = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    for entry in nav:
        if isinstance(entry, dict) and "Reference" in entry:
            entry["Reference"] += reference
    return nav


def build(site: Path, rooms: Sequence[str] = ()) -> None:
    """Build the site. Raises SystemExit after a warning of mkdocs."""
    from mkdocs.commands.build import build as build_site
    from mkdocs.config import load_config

    with tempfile.TemporaryDirectory() as folder:
        docs = Path(folder) / "docs"
        nav = navigation(write_pages(docs, rooms))
        config = load_config(str(ROOT / "mkdocs.yml"), docs_dir=str(docs), site_dir=str(site), nav=nav)
        config.plugins.on_startup(command="build", dirty=False)
        try:
            build_site(config)
        finally:
            config.plugins.on_shutdown()


def _reference_page(room: str, modules: list[str]) -> str:
    return "\n\n".join([f"# {room}", *(f"::: {module}" for module in modules)]) + "\n"


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    build(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT / "site", sys.argv[2:])
