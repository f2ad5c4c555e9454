from __future__ import annotations

from pathlib import Path

import pytest

from geomem.errors import InputError
from geomem.fetch import obtain
from geomem.fetch.items import Package
from geomem.fetch.obtain import fetched
from geomem.fetch.progress import Listener, silent
from geomem.fetch.resolve import fetched_folder, names, resolve_model, resolve_text
from tests.fetch.conftest import Register
from tests.fetch.samples import item, zipped

FILES = {"tiny/train.txt": b"one", "tiny/test.txt": b"two"}


@pytest.fixture
def tiny(cache: Path, register: Register, monkeypatch: pytest.MonkeyPatch) -> Path:
    def download(_package: Package, work: Path, _name: str = "", _listener: Listener = silent) -> Path:
        return zipped(work / "arrived" / "a.whl", FILES)

    monkeypatch.setattr(obtain, "download", download)
    register(item("tiny", FILES, main="test.txt"))
    register(item("tiny-llama", FILES, kind="model"))
    fetched("tiny")
    return fetched("tiny-llama")


def test_a_fetched_name_stands_for_its_files(tiny: Path, cache: Path) -> None:
    assert resolve_model("tiny-llama") == tiny
    text = cache / "texts" / "tiny"
    assert resolve_text("tiny") == text / "test.txt"
    assert resolve_text("tiny/train") == resolve_text("tiny/train.txt") == text / "train.txt"


def test_what_exists_wins(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("tiny-llama", "tiny"):
        Path(name).mkdir()
    (tmp_path / "tiny" / "train").touch()
    assert resolve_model("tiny-llama") == Path("tiny-llama")
    assert resolve_text("tiny/train") == Path("tiny/train")
    assert resolve_text(str(tmp_path / "tiny" / "train")).is_file()


def test_nothing_is_fetched_unasked(cache: Path) -> None:
    for call in (lambda: resolve_model("stories15m"), lambda: fetched_folder("stories15m")):
        with pytest.raises(InputError, match=r"^stories15m: not fetched yet; run: geomem fetch stories15m$"):
            call()
    with pytest.raises(InputError, match=r"^wikitext-2: not fetched yet; run: geomem fetch wikitext-2$"):
        resolve_text("wikitext-2/train")
    assert not cache.exists()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("stories15", "stories15: no such file or folder; did you mean 'stories15m'?"),
        ("qqq", "qqq: no such file or folder; models that can be fetched: all-minilm-l6-v2, smollm2-135m-instruct, "
                "stories15m, tiny-llama"),
        # A text is no model.
        ("wikitext-2", "wikitext-2: no such file or folder; models that can be fetched: "),
        ("a/\0b", "a/\0b: no such file or folder"),
    ],
)  # fmt: skip
def test_no_such_model(tiny: Path, text: str, line: str) -> None:
    with pytest.raises(InputError) as caught:
        resolve_model(text)
    assert str(caught.value).startswith(line)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("wikitext2/train", "wikitext2/train: no such file or folder; did you mean 'wikitext-2'?"),
        ("tiny/trai", "unknown part of tiny 'trai'; did you mean 'train'?"),
        ("tiny/zzzzz", "unknown part of tiny 'zzzzz'; choose from: test, train"),
        ("tiny/../tiny/train", "unknown part of tiny '../tiny/train'; "),
    ],
)
def test_no_such_text(tiny: Path, text: str, line: str) -> None:
    with pytest.raises(InputError) as caught:
        resolve_text(text)
    assert str(caught.value).startswith(line)


def test_names_by_kind() -> None:
    assert names("graph") == ["wordnet"]
    assert {"wikitext-2", "gutenberg"} <= set(names("text"))
