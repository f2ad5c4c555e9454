"""The real pip and npm, on an index and a registry of this machine's own."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from pathlib import Path

import pytest

from geomem.errors import InputError
from geomem.fetch import packages
from geomem.fetch.items import Package
from geomem.fetch.packages import download
from geomem.fetch.progress import Stage
from tests.fetch.registry import serving
from tests.fetch.samples import tarred, wheel

TINY = Package("pip", "geomem-tiny", "1.0", 2000)
NPM = Package("npm", "geomem-tiny", "1.0.0", 2000)
NOWHERE = "http://127.0.0.1:9/"  # the port of the discard service: nobody listens

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def fake(folder: Path, name: str, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program of that name, and no other, on the path."""
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!{sys.executable}\nimport sys, time, pathlib\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder))


# -- pip -------------------------------------------------------------------------------------------------------------


def test_a_wheel_comes_through_pip_and_is_not_run(index: Path, work: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    made = wheel(index, "geomem-tiny", {"geomem_tiny/__init__.py": f"open({str(mark)!r}, 'w')".encode()})
    heard: list[Stage] = []
    archive = download(TINY, work, "tiny", heard.append)
    assert archive.read_bytes() == made.read_bytes()
    assert not mark.exists()
    assert [file.name for file in work.iterdir()] == ["arrived"]
    assert heard[0] == Stage("tiny", "downloading", 0, 2000)


def test_a_source_package_is_not_built(index: Path, work: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    stem = "geomem_tiny-1.0"
    setup = f"open({str(mark)!r}, 'w')\nfrom setuptools import setup\nsetup(name='geomem-tiny', version='1.0')\n"
    tarred(index / f"{stem}.tar.gz", {
        f"{stem}/setup.py": setup.encode(),
        f"{stem}/PKG-INFO": b"Metadata-Version: 2.1\nName: geomem-tiny\nVersion: 1.0\n",
    })  # fmt: skip
    with pytest.raises(InputError, match=r"^geomem-tiny 1\.0 \(pip\): the package index has no such package or versi"):
        download(TINY, work)
    assert not mark.exists()


def test_another_version_is_not_taken(index: Path, work: Path) -> None:
    wheel(index, "geomem-tiny", {})
    with pytest.raises(InputError, match="no such package or version"):
        download(Package("pip", "geomem-tiny", "1.1", 2000), work)


def test_pip_offline(index: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", NOWHERE)
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(InputError, match=r"^geomem-tiny 1\.0 \(pip\): the package index cannot be reached; is this ma"):
        download(TINY, work)


def test_a_python_without_pip(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "find_spec", lambda _name: None)
    fake(tmp_path / "bin", "other", "", monkeypatch)
    with pytest.raises(InputError, match="pip is missing; install it with: python -m ensurepip"):
        download(TINY, work)


def test_the_pip_of_another_python_will_do(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "find_spec", lambda _name: None)
    fake(tmp_path / "bin", "pip3", "pathlib.Path(sys.argv[-2], 'a.whl').write_text(sys.argv[-1])", monkeypatch)
    assert download(TINY, work).read_text() == "geomem-tiny==1.0"


# -- npm -------------------------------------------------------------------------------------------------------------


@needs_npm
def test_a_package_comes_through_npm_and_is_not_run(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "mark"
    scripts = dict.fromkeys(("prepack", "prepare", "postpack", "install", "postinstall"), f"touch {mark}")
    manifest = json.dumps({"name": NPM.name, "version": NPM.version, "scripts": scripts}).encode()
    made = tarred(tmp_path / "made.tgz", {"package/package.json": manifest, "package/a.txt": b"hello"})
    with serving(NPM.name, made.read_bytes()) as address:
        monkeypatch.setenv("npm_config_registry", address)
        archive = download(NPM, work)
        (tmp_path / "again").mkdir()
        with pytest.raises(InputError, match=r"^geomem-tiny 1\.0\.1 \(npm\): the package index has no such package or"):
            download(Package("npm", NPM.name, "1.0.1", 2000), tmp_path / "again")
    assert archive.read_bytes() == made.read_bytes()
    assert not mark.exists()
    assert [file.name for file in work.iterdir()] == ["arrived"]


@needs_npm
def test_npm_offline(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("npm_config_registry", NOWHERE)
    with pytest.raises(InputError, match="cannot be reached; is this machine online"):
        download(NPM, work)


def test_no_npm(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path / "bin", "other", "", monkeypatch)
    with pytest.raises(InputError, match=r"^geomem-tiny 1\.0\.0 \(npm\): npm is missing; it comes with Node\.js$"):
        download(NPM, work)


# -- how a manager fails, and how far it is --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("npm error code EBADENGINE\\nnpm error more", r"could not be fetched: npm error code EBADENGINE$"),
        ("a remark\\nERROR: No luck.\\n", r"could not be fetched: ERROR: No luck\.$"),
        ("what is this", r"could not be fetched: what is this$"),
        ("", r"could not be fetched: it said nothing$"),
        ("npm error code E404", r"the package index has no such package or version$"),
    ],
)
def test_other_failures_are_one_line(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, words: str
) -> None:
    fake(tmp_path / "bin", "npm", f"sys.stderr.write('{said}')\nsys.exit(1)", monkeypatch)
    with pytest.raises(InputError, match=words):
        download(NPM, work)


def test_a_full_disk_is_an_error_of_the_disk(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path / "bin", "npm", "sys.exit('npm error ENOSPC: no space left')", monkeypatch)
    with pytest.raises(OSError, match="No space left") as caught:
        download(NPM, work)
    assert caught.value.errno == 28


def test_nothing_arrived(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path / "bin", "npm", "", monkeypatch)
    with pytest.raises(InputError, match="left 0 files where one archive was expected"):
        download(NPM, work)


def test_progress_follows_the_bytes(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_TICK", 0.01)
    script = "file = pathlib.Path(sys.argv[5], 'a.tgz')\nfile.write_bytes(bytes(500))\ntime.sleep(0.5)"
    fake(tmp_path / "bin", "npm", script, monkeypatch)
    heard: list[int] = []
    download(NPM, work, "tiny", lambda stage: heard.append(stage.done))
    assert heard == sorted(heard)
    assert 500 in heard


def test_an_interrupted_manager_is_ended(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = f"pathlib.Path({str(tmp_path / 'process')!r}).write_text(str(__import__('os').getpid()))\ntime.sleep(60)"
    fake(tmp_path / "bin", "npm", script, monkeypatch)

    def interrupt(_stage: Stage) -> None:
        if (tmp_path / "process").exists() and (tmp_path / "process").read_text():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(NPM, work, "tiny", interrupt)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "process").read_text()), 0)
