from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from geomem.errors import RunError
from geomem.runs import atomic
from geomem.runs.atomic import recover_folder, write_atomic, write_folder_atomic


@pytest.mark.parametrize(("number", "words"), [(errno.ENOSPC, "disk is full"), (errno.EACCES, "no permission"),
                                               (errno.EROFS, "read-only")])  # fmt: skip
def test_a_refusing_disk_is_one_line_and_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    file = tmp_path / "a.txt"
    write_atomic(file, "old")

    def refuse(_descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(atomic.os, "fsync", refuse)
    with pytest.raises(RunError) as caught:
        write_atomic(file, "new")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_really_full_disk() -> None:
    with pytest.raises(RunError, match="disk is full"):
        _fill_the_disk()


def _fill_the_disk() -> None:
    with atomic.clear_disk_errors(Path("/dev/full")), open("/dev/full", "w") as full:
        full.write("x" * 10_000)
        full.flush()


def test_other_errors_keep_their_traceback(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        write_atomic(tmp_path, "x")


def test_folder_is_replaced_whole(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    write_folder_atomic(folder, lambda partial: (partial / "one").write_text("1"))
    write_folder_atomic(folder, lambda partial: (partial / "two").write_text("2"))
    assert [file.name for file in folder.iterdir()] == ["two"]
    assert list(tmp_path.iterdir()) == [folder]


def test_folder_writer_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    write_folder_atomic(folder, lambda partial: (partial / "one").write_text("1"))
    with pytest.raises(ZeroDivisionError):
        write_folder_atomic(folder, lambda _partial: 1 / 0)
    assert [file.name for file in folder.iterdir()] == ["one"]


def test_folder_moved_aside_by_a_kill_is_put_back(tmp_path: Path) -> None:
    old = tmp_path / ".f.old"
    old.mkdir()
    (old / "one").write_text("1")
    recover_folder(tmp_path / "f")
    assert (tmp_path / "f" / "one").read_text() == "1"


def test_killed_at_random_moments_a_file_is_never_partial(tmp_path: Path) -> None:
    file = tmp_path / "data.bin"
    code = (
        "from pathlib import Path\nfrom geomem.runs.atomic import write_atomic\n"
        "import itertools\n"
        f"for n in itertools.count(): write_atomic(Path({str(file)!r}), bytes([n % 256]) * 300_000)\n"
    )
    for wait in (0.05, 0.11, 0.17, 0.23):
        with subprocess.Popen([sys.executable, "-c", code]) as process:
            while not file.exists():
                time.sleep(0.01)
            time.sleep(wait)
            process.send_signal(signal.SIGKILL)
            process.wait()
        content = file.read_bytes()
        assert len(content) == 300_000
        assert len(set(content)) == 1
