"""Imports run downhill only, rooms on one level do not know each other, and listing never waits for torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "geomem"

# Each room with the level it stands on; a room may import only from lower levels (or from itself).
LEVELS = {
    "errors": 0,
    "registry": 1, "seeding": 1, "counter": 1, "batch": 1, "hardware": 1, "outputs": 1, "numbers": 1,
    "spec": 2,
    "runs": 3,
    "fetch": 4,
    "graphs": 5, "texts": 5,
    "contexts": 6, "decoding": 6,
    "tasks": 7, "models": 7, "objectives": 7, "geometry": 7, "interventions": 7,
    "solvers": 8,
    "training": 9,
    "report": 10,
    "probing": 11,
    "studies": 12,
    "parts": 13, "console": 13, "session": 13, "probe_session": 13, "graph_view": 13, "fetch_view": 13,
    "context_view": 13, "lingen_view": 13,
    "cli": 14,
    # The package itself and its hook into transformers only register models, so that checkpoints open elsewhere.
    "__init__": 14, "_autoload": 9,
}  # fmt: skip


def _room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def _imports(path: Path) -> set[str]:
    """Rooms of geomem that a file imports, anywhere in it except under TYPE_CHECKING."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] if node.module != "geomem" else [f"geomem.{alias.name}" for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("geomem.")}
    return found


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_run_downhill(path: Path) -> None:
    room = _room(path)
    assert room in LEVELS, f"{room} has no level: say in LEVELS where the new room stands"
    for other in _imports(path) - {room}:
        assert other in LEVELS, f"{path.name} imports geomem.{other}, which has no level"
        assert LEVELS[other] < LEVELS[room], f"{path.relative_to(SOURCE)} ({room}) may not import geomem.{other}"


def test_the_rule_can_fail(tmp_path: Path) -> None:
    uphill = tmp_path / "bad.py"
    uphill.write_text("from geomem.training import loop\n")
    assert _imports(uphill) == {"training"}
    assert LEVELS["training"] > LEVELS["graphs"]


@pytest.mark.parametrize("arguments", [["--help"], ["study", "list"], ["list"], ["fetch"], ["study", "run", "--help"]])
def test_help_and_lists_do_not_wait_for_torch(arguments: list[str]) -> None:
    code = (
        "import sys, contextlib\n"
        "from geomem.cli import main\n"
        f"with contextlib.suppress(SystemExit): main({arguments!r})\n"
        "waited_for = ('torch', 'transformers', 'matplotlib', 'plotly', 'sklearn')\n"
        "heavy = [name for name in waited_for if name in sys.modules]\n"
        "print(heavy, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip().splitlines()[-1] == "[]"
