from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from geomem.errors import InputError
from geomem.fetch import unpack
from geomem.fetch.items import Member, Package
from tests.fetch import samples


def test_names() -> None:
    assert Member("package/dist/a.txt", "", 0).name == "a.txt"
    assert Member("a.txt", "", 0).name == "a.txt"
    assert str(Package("npm", "left-pad", "1.2.0", 5)) == "left-pad 1.2.0 (npm)"


def test_functions_are_found_when_they_are_wanted() -> None:
    made = samples.item("tiny", {}, ready="tests.fetch.test_items:refuse")
    assert made.converter is unpack.keep
    with pytest.raises(InputError, match="not here"):
        made.check_ready()
    samples.item("tiny", {}).check_ready()


def refuse() -> None:
    raise InputError("not here")


def test_items_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        samples.item("tiny", {}).recipe = 2  # type: ignore[misc]
