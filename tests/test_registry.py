from __future__ import annotations

import collections
import subprocess
import sys

import pytest

from geomem.errors import InputError
from geomem.registry import Registry

PARTS: Registry[type] = Registry(
    "part",
    {
        "ordered": ("collections:OrderedDict", "keeps order"),
        "counter": ("collections:Counter", "counts"),
        "broken": ("collections:NoSuchThing", "is not there"),
    },
)


def test_names_lines_and_parts() -> None:
    assert list(PARTS) == ["broken", "counter", "ordered"]
    assert len(PARTS) == 3
    assert "counter" in PARTS
    assert "Counter" not in PARTS
    assert PARTS.summary("counter") == "counts"
    assert PARTS.get("ordered") is collections.OrderedDict


def test_an_unknown_name_is_one_clear_line() -> None:
    for ask in (PARTS.get, PARTS.summary):
        with pytest.raises(InputError, match="unknown part 'countr'; did you mean 'counter'"):
            ask("countr")


def test_a_part_that_is_not_there_is_a_programming_error() -> None:
    with pytest.raises(AttributeError):
        PARTS.get("broken")


def test_listing_imports_nothing() -> None:
    code = (
        "import sys; from geomem.registry import Registry; r = Registry('x', {'a': ('antigravity:x', 'line')});"
        "list(r); r.summary('a'); 'a' in r; sys.exit('antigravity' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
