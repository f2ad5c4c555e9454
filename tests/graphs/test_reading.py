from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomem.graphs.reading import decode, read_bytes
from tests.graphs.checks import fails


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "borders.csv").write_text("x")
    fails(lambda: read_bytes(tmp_path / "boders.csv"), "boders.csv", "no such file", "did you mean 'borders.csv'")
    fails(lambda: read_bytes(tmp_path / "none" / "a.csv"), "no such file", f"no folder {tmp_path / 'none'}")


def test_a_folder_and_a_pipe(tmp_path: Path) -> None:
    fails(lambda: read_bytes(tmp_path), str(tmp_path), "is a folder")
    os.mkfifo(tmp_path / "pipe")
    fails(lambda: read_bytes(tmp_path / "pipe"), "not a plain file")


@pytest.mark.parametrize(
    ("error", "fact"),
    [
        (PermissionError(13, "Permission denied"), "no permission"),
        (OSError(5, "Input/output error"), "Input/output error"),
    ],
)
def test_files_that_cannot_be_read(error: OSError, fact: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x")

    def refuse(_: Path) -> bytes:
        raise error

    monkeypatch.setattr(Path, "read_bytes", refuse)
    fails(lambda: read_bytes(path), str(path), fact)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_no_permission_for_real(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x")
    path.chmod(0)
    fails(lambda: read_bytes(path), str(path), "no permission")


def test_names_no_file_can_have() -> None:
    fails(lambda: read_bytes(Path("a\0b")), "cannot be read")
    fails(lambda: read_bytes(Path("a" * 300)), "cannot be read", "too long")


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_not_utf8_names_byte_offset_and_line(mark: bytes) -> None:
    data = mark + b"a,b\nx,\xff\n"
    fails(lambda: decode(data, "f.csv"), "f.csv", "not UTF-8", "0xff", f"offset {6 + len(mark)}", "line 2")


@given(st.text(), st.booleans())
def test_utf8_comes_through_without_its_mark(text: str, mark: bool) -> None:
    text = text.removeprefix("\ufeff")
    assert decode(text.encode("utf-8-sig" if mark else "utf-8"), "f") == text.removeprefix("" if mark else "\ufeff")
