from __future__ import annotations

from pathlib import Path

import pytest

from geomem.errors import InputError
from geomem.fetch.cache import SOURCE, Source, cache_folder, cached, hashes, place, read_source
from tests.fetch import samples
from tests.fetch.conftest import Register


def test_where_the_cache_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOMEM_CACHE", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "shared"))
    assert cache_folder() == tmp_path / "own"
    monkeypatch.delenv("GEOMEM_CACHE")
    assert cache_folder() == tmp_path / "shared" / "geomem"
    # A relative XDG path is to be passed over, says the XDG specification.
    monkeypatch.setenv("XDG_CACHE_HOME", "shared")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "geomem"


def test_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GEOMEM_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(InputError, match="set GEOMEM_CACHE to a folder"):
        cache_folder()


def keep(item: samples.Item) -> Path:
    folder = place(item)
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("hello")
    source = Source(
        name=item.name, kind=item.kind, licence="", manager="pip", package="tiny", version="1.0",
        recipe=item.recipe, members=hashes(item), files={"a.txt": 5}, weights="four-bit weights",
    )  # fmt: skip
    (folder / SOURCE).write_text(source.model_dump_json())
    return folder


def test_cached(cache: Path, register: Register) -> None:
    item = register(samples.item("tiny", {"tiny/a.txt": b"hello"}))
    assert cached("tiny") is None
    folder = keep(item)
    assert folder == cache / "texts" / "tiny"
    assert cached("tiny") == folder
    record = read_source(folder)
    assert record is not None
    assert record.weights == "four-bit weights"


def test_what_is_not_whole_or_not_the_same_is_not_there(cache: Path, register: Register) -> None:
    folder = keep(register(samples.item("tiny", {"tiny/a.txt": b"hello"})))
    register(samples.item("tiny", {"tiny/a.txt": b"hello"}, recipe=2))
    assert cached("tiny") is None
    register(samples.item("tiny", {"tiny/a.txt": b"other"}))
    assert cached("tiny") is None
    register(samples.item("tiny", {"tiny/a.txt": b"hello"}))
    assert cached("tiny") == folder
    (folder / "a.txt").write_text("hell")
    assert cached("tiny") is None
    (folder / "a.txt").unlink()
    assert cached("tiny") is None


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"name": "tiny"}'])
def test_a_damaged_record_is_no_record(tmp_path: Path, content: str) -> None:
    assert read_source(tmp_path) is None
    (tmp_path / SOURCE).write_text(content)
    assert read_source(tmp_path) is None
    assert read_source(tmp_path / SOURCE) is None


def test_unknown_name() -> None:
    with pytest.raises(InputError, match="did you mean 'wordnet'"):
        cached("wordnett")
