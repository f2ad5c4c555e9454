"""What the pages say is true: commands parse, names exist, links lead somewhere, nothing is left out."""

from __future__ import annotations

import re
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from geomem.cli import _parse
from geomem.geometry import MEASUREMENTS
from geomem.parts import registries
from geomem.runs.environment import versions
from geomem.studies import STUDIES
from tests.contract import checks
from tests.contract.test_parts import evidence
from tests.docs.pages import DOCS, ROOT, commands, pages, read

sys.path.insert(0, str(ROOT / "scripts"))
import build_docs
import docs_tables

LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole book as Markdown, generated parts and reference pages included."""
    target = tmp_path_factory.mktemp("book") / "docs"
    build_docs.write_pages(target)
    return target


# -- commands --------------------------------------------------------------------------------------------------------

SHOWN = [(page, command) for page in pages() for command in commands(page)]
ADDED = {"participation", "modular-addition", "running-mean", "ring"}
"""Parts that the pages on adding one make up; their own tests run them."""


@pytest.mark.parametrize(
    ("page", "command"), SHOWN, ids=lambda value: value if isinstance(value, str) else " ".join(value)
)
def test_commands_parse_and_name_what_there_is(page: str, command: list[str]) -> None:
    parsed = _parse(command)
    parsed = getattr(parsed, "command", parsed)
    for file in [getattr(parsed, "file", None), *[Path(word) for word in command if word.startswith("examples/")]]:
        assert file is None or (ROOT / file).is_file() or file.name == "experiment.yaml", f"{page}: no file {file}"
    if command[0] == "show" and command[2] not in ADDED:
        assert command[2] in registries(command[1])[command[1]]
    if command[:2] == ["study", "run"] and parsed.name not in {None, *ADDED}:
        STUDIES.get(parsed.name).chosen(parsed.experiment)
        for change in parsed.set:
            settings: Any = STUDIES.get(parsed.name).scales[parsed.scale].model_dump()
            for key in change.partition("=")[0].split("."):
                assert key in settings, f"{page}: no setting {change}"
                settings = settings[key]


def test_every_command_is_shown_somewhere() -> None:
    words = {" ".join(command[: len(name.split())]) for _, command in SHOWN for name in docs_tables.COMMANDS}
    missing = set(docs_tables.COMMANDS) - words
    assert missing <= {"study list", "study cite", "list"}  # these are in running text
    text = " ".join(map(read, pages()))
    assert all(f"`geomem {name}" in text or name == "study list" for name in missing)


def test_a_wrong_command_is_found() -> None:
    from geomem.errors import InputError

    with pytest.raises(InputError):
        _parse(["study", "run", "geometric-memory", "--scael", "paper"])


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in pages():
        for target in re.findall(r"^make ([a-z]+)|`make ([a-z]+)`", read(page), re.MULTILINE):
            assert (target[0] or target[1]) in targets, f"{page}: no make target {target}"


# -- the book as a whole ---------------------------------------------------------------------------------------------


def _nav_files(entry: Any) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    if isinstance(entry, dict):
        return [file for value in entry.values() for file in _nav_files(value)]
    return [file for one in entry for file in _nav_files(one)]


def test_navigation_has_every_page_once(book: Path) -> None:
    reference = sorted(
        str(page.relative_to(book)) for page in (book / "reference").glob("*.md") if page.stem != "index"
    )
    listed = _nav_files(build_docs.navigation(reference))
    assert len(listed) == len(set(listed))
    assert set(listed) == {str(page.relative_to(book)) for page in book.rglob("*.md")}


def test_links_resolve(book: Path) -> None:
    for page in sorted(book.rglob("*.md")):
        if page.parent.name == "reference":
            continue
        text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for link in LINK.findall(text):
            if link.startswith("http"):
                continue
            file, _, anchor = link.partition("#")
            goal = (page.parent / file).resolve() if file else page
            assert goal.is_file(), f"{page.name}: {link} leads nowhere"
            assert not anchor or anchor in _anchors(goal), f"{page.name}: {link}, no such heading"


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}


def test_nothing_is_left_unfilled(book: Path) -> None:
    for page in book.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        assert "<!-- generated" not in text, page
        assert not re.search(r"\bcard \d", text), f"{page.name} refers to a specification that readers do not have"


def test_an_unknown_placeholder_is_an_error() -> None:
    with pytest.raises(KeyError):
        docs_tables.fill("<!-- generated: nonsense -->")


def test_no_page_speaks_of_the_machine_it_was_written_on(book: Path) -> None:
    for page in book.rglob("*.md"):
        found = re.search(r"/(work|tmp|root|home)/|\blocalhost\b|\.internal\b", page.read_text(encoding="utf-8"))
        assert found is None, f"{page.name}: {found}"


def test_the_reference_has_every_public_module(book: Path) -> None:
    written = "\n".join(page.read_text(encoding="utf-8") for page in (book / "reference").glob("*.md"))
    shown = set(re.findall(r"^::: (\S+)$", written, re.MULTILINE))
    source = ROOT / "src"
    modules = {
        ".".join(file.relative_to(source).with_suffix("").parts).removesuffix(".__init__")
        for file in source.rglob("*.py")
    }
    assert shown == {name for name in modules if not any(part.startswith("_") for part in name.split("."))}


def test_a_new_module_appears_by_itself(tmp_path: Path) -> None:
    (tmp_path / "rooms").mkdir()
    for name in ("rooms/__init__.py", "rooms/kitchen.py", "rooms/_cellar.py", "door.py"):
        (tmp_path / name).touch()
    found = build_docs.reference_pages(tmp_path)
    assert "::: geomem.rooms.kitchen" in found["rooms"]
    assert "::: geomem.door" in found[build_docs.FOUNDATION]
    assert "_cellar" not in "".join(found.values())


# -- what the pages say about parts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["graph", "task", "model", "objective", "measurement"])
def test_every_part_is_in_the_book(kind: str, book: Path) -> None:
    text = "\n".join((book / page).read_text(encoding="utf-8") for page in
                     ("graphs.md", "tasks.md", "models.md", "measurements.md"))  # fmt: skip
    for name in registries(kind)[kind]:
        assert f"\n### {name}\n" in text or f"\n## {name}\n" in text


@pytest.mark.parametrize("name", checks.names("measurement"))
def test_measurement_pages_explain_every_number(name: str) -> None:
    section = read("measurements.md").split(f"\n## {name}\n")[1].split("\n## ")[0]
    patterns = re.findall(r"`([a-z0-9_*]+)`", section)
    for key in MEASUREMENTS.get(name)(evidence(0)):
        assert any(fnmatch(key, pattern) for pattern in patterns), f"{name}: nothing is said of '{key}'"


@pytest.mark.parametrize("name", checks.names("task"))
def test_task_page_explains_every_score(name: str, tmp_path: Path) -> None:
    rows = re.findall(r"`([A-Za-z]+/[A-Za-z_@/]+)`", read("tasks.md"))
    patterns = [re.sub("SPLIT|STREAM", "*", row).replace("_K", "_*").replace("@tT", "@t*") for row in rows]
    for key in checks.spec_of("task", name, tmp_path, small=True).build(0).chance:
        assert any(fnmatch(key, pattern) for pattern in patterns), f"{name}: nothing is said of '{key}'"


# -- the study's page ------------------------------------------------------------------------------------------------


def test_kept_verdicts_are_of_claims_that_exist() -> None:
    kept = docs_tables.kept_verdicts("geometric-memory")
    claims = {claim.id: claim for claim in STUDIES.get("geometric-memory").claims}
    for row in kept["verdicts"]:
        assert row["claim"] in claims, f"{row['claim']} is no claim any more; run scripts/keep_verdicts.py again"
        assert row["verdict"] in docs_tables.WORDS
        assert row["run"] < len(kept["runs"])


@pytest.mark.parametrize("verdict", ["contradicted", "inconclusive"])
def test_every_claim_that_failed_is_discussed(verdict: str) -> None:
    section = read("studies/geometric-memory.md").split(f"## What was {verdict}")[1].split("\n## ")[0]
    kept = docs_tables.kept_verdicts("geometric-memory")["verdicts"]
    failed = {row["claim"] for row in kept if row["verdict"] == verdict}
    named = {name for group in re.findall(r"^\*\*([^*:]+):", section, re.MULTILINE) for name in group.split(", ")}
    assert named == failed


def test_verdicts_on_the_page_are_the_kept_ones(book: Path) -> None:
    text = (book / "studies" / "geometric-memory.md").read_text(encoding="utf-8")
    for row in docs_tables.kept_verdicts("geometric-memory")["verdicts"]:
        (line,) = [line for line in text.splitlines() if line.startswith(f"| {row['claim']} |")]
        assert f"| {docs_tables.WORDS[row['verdict']]} |" in line
        assert f"{row['measured']['value']:.3g}" in line


# -- citation and changelog ------------------------------------------------------------------------------------------


def test_citation() -> None:
    data = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert data["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "type", "version", "license"} <= set(data)
    assert data["version"] == versions()["geomem"]
    (paper,) = data["references"]
    assert paper["title"].lower() in STUDIES.get("geometric-memory").citation.lower()
    for author in paper["authors"]:
        assert author["family-names"] in STUDIES.get("geometric-memory").citation


def test_changelog_speaks_of_this_version_and_of_changed_measurements() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {versions()['geomem']}" in text
    assert "**Changed measurement**" in text


def test_assets_are_small_and_used() -> None:
    text = " ".join(map(read, pages())) + (ROOT / "README.md").read_text(encoding="utf-8")
    for file in (DOCS / "assets").iterdir():
        assert file.stat().st_size < 300_000, f"{file.name} is {file.stat().st_size} bytes"
        assert file.suffix == ".css" or file.name in text, f"{file.name} is shown nowhere"
