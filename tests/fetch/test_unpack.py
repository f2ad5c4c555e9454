from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from geomem.errors import InputError
from geomem.fetch.items import Member
from geomem.fetch.unpack import keep, take
from tests.fetch.samples import member, tarred, zipped

FILES = {"package/one.txt": b"one" * 500_000, "package/deep/two.bin": bytes(range(256)), "package/other": b"no"}
WANTED = [member(path, FILES[path]) for path in ("package/deep/two.bin", "package/one.txt")]
MAKERS = {"zip": zipped, "tar.gz": tarred}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("ending", MAKERS)
def test_only_what_is_wanted_is_taken(tmp_path: Path, target: Path, ending: str) -> None:
    archive = MAKERS[ending](tmp_path / f"a.{ending}", FILES)
    found = take(archive, WANTED, target)
    assert {name: path.read_bytes() for name, path in found.items()} == {
        "one.txt": FILES["package/one.txt"], "two.bin": FILES["package/deep/two.bin"]
    }  # fmt: skip
    assert sorted(file.name for file in target.iterdir()) == ["one.txt", "two.bin"]


@pytest.mark.parametrize("ending", MAKERS)
@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Member("package/one.txt", "0" * 64, 1_500_000), r"is not the file that was expected \(sha256 \w{12}… and 1"),
        (member("package/one.txt", b"one"), r"more than 3 bytes, not \w{12}… and 3 bytes\); nothing was kept"),
        (member("package/one.txt", b"one" * 600_000), "1500000 bytes, not"),
        (member("package/three.txt", b""), "holds no package/three.txt"),
        (member("package", b""), "holds no package;"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, target: Path, ending: str, wanted: Member, words: str) -> None:
    archive = MAKERS[ending](tmp_path / f"a.{ending}", FILES)
    with pytest.raises(InputError, match=words) as caught:
        take(archive, [wanted], target)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ending", MAKERS)
def test_a_hostile_archive_writes_nowhere_else(tmp_path: Path, target: Path, ending: str) -> None:
    hostile = {"../evil.txt": b"evil", "/tmp/evil.txt": b"evil", "package/../../evil.txt": b"evil"}
    archive = MAKERS[ending](tmp_path / "in" / f"a.{ending}", hostile | FILES)
    take(archive, WANTED, target)
    # Even a catalogue that asks for such a path gets the bare name.
    take(archive, [member("../evil.txt", b"evil")], target)
    assert sorted(file.name for file in target.iterdir()) == ["evil.txt", "one.txt", "two.bin"]
    assert not (tmp_path / "evil.txt").exists()


def test_links_are_not_followed(tmp_path: Path, target: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    archive = tarred(tmp_path / "a.tgz", {"b": b"secret"}, {"package/one.txt": str(secret), "package/two": "../b"})
    for path in ("package/one.txt", "package/two"):
        with pytest.raises(InputError, match="holds no"):
            take(archive, [member(path, b"secret")], target)


def test_no_more_is_read_than_is_expected(tmp_path: Path, target: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"bomb": bytes(50_000_000)})
    with pytest.raises(InputError, match="more than 10 bytes"):
        take(archive, [member("bomb", bytes(10))], target)
    assert (target / "bomb").stat().st_size <= 11


def damaged() -> dict[str, bytes]:
    good = io.BytesIO()
    with zipfile.ZipFile(good, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("package/one.txt", FILES["package/one.txt"])
    packed = bytearray(good.getvalue())
    packed[60:80] = bytes(20)
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:gz") as opened:
        entry = tarfile.TarInfo("package/one.txt")
        entry.size = 1_500_000
        opened.addfile(entry, io.BytesIO(FILES["package/one.txt"]))
    return {
        "empty": b"",
        "a page": b"<html>sign in</html>",
        "a cut tar": tar.getvalue()[:-600],
        "a broken zip": bytes(packed),
        "gzip of nothing": gzip.compress(b"x" * 10_000),
    }


@pytest.mark.parametrize("what", damaged())
def test_a_damaged_archive_is_one_line(tmp_path: Path, target: Path, what: str) -> None:
    archive = tmp_path / "a.tgz"
    archive.write_bytes(damaged()[what])
    with pytest.raises(InputError) as caught:
        take(archive, WANTED[1:], target)
    assert str(caught.value).startswith("a.tgz: ")
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_not_a_damaged_archive(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"dev/full": b"x" * 100_000})
    with pytest.raises(OSError, match="No space left") as caught:
        take(archive, [member("dev/full", b"x" * 100_000)], Path("/dev"))
    assert not isinstance(caught.value, InputError)


def test_kept_as_they_are(tmp_path: Path, target: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"hello")
    keep({"a.txt": file}, target)
    assert (target / "a.txt").read_bytes() == b"hello"
