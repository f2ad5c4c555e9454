from __future__ import annotations

import gzip
import hashlib
import lzma
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geomem.errors import InputError
from geomem.texts import reading
from geomem.texts.reading import book, find_text, read_text, span

WORDS = "Emma Woodhouse, handsome, clever, and rich — née à Hartfield 🙂\n"


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("chunk", [1, 2, 7, 1 << 20])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
def test_text_comes_out_as_it_went_in(
    chunk: int, pack: type[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "CHUNK", chunk)
    file = write(tmp_path / "text.dat", pack((WORDS * 3).encode()))
    chunks = list(read_text(file))
    assert "".join(chunks) == WORDS * 3
    assert chunk > 100 or len(chunks) > 3


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    assert "".join(read_text(write(tmp_path / "a.txt", "\ufeffab".encode()))) == "ab"


@pytest.mark.parametrize("chunk", [1, 3, 1 << 20])
@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "the text is empty"),
        (b" \n\t\n", "the text is empty"),
        (b"abc\0def", "a binary file, not text (byte 3 is NUL); save it as UTF-8"),
        ("né".encode("latin-1") + b"e", "not UTF-8 text (byte 1 is 0xe9); save it as UTF-8"),
        ("é".encode() * 5 + b"\xff", "not UTF-8 text (byte 10 is 0xff); save it as UTF-8"),
        (b"ab" + "€".encode()[:2], "not UTF-8 text (byte 2 is 0xe2); save it as UTF-8"),
        (gzip.compress(b"hello " * 999, mtime=0)[:-9], "the compressed file is damaged"),
        (lzma.compress(b"hello " * 999)[:-9], "the compressed file is damaged"),
    ],
)
def test_what_is_no_text_is_one_clear_line(
    chunk: int, data: bytes, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "CHUNK", chunk)
    file = write(tmp_path / "text.txt", data)
    with pytest.raises(InputError) as caught:
        list(read_text(file))
    assert str(caught.value).startswith(f"{file}: {complaint}")
    assert "\n" not in str(caught.value)


def test_another_encoding_is_told_from_text(tmp_path: Path) -> None:
    file = write(tmp_path / "text.txt", "ab".encode("utf-16-le"))
    with pytest.raises(InputError, match=r"a binary file, not text \(byte 1 is NUL\); save it as UTF-8"):
        list(read_text(file))


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.txt: no such file"):
        list(read_text(tmp_path / "none.txt"))
    with pytest.raises(InputError, match="is a folder; name a text file in it"):
        list(read_text(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_file_is_named(tmp_path: Path) -> None:
    file = write(tmp_path / "mine.txt", b"text")
    file.chmod(0)
    with pytest.raises(InputError, match="no permission to read it"):
        list(read_text(file))


@settings(deadline=None, max_examples=30)
@given(st.text("ab\n", max_size=40), st.integers(1, 9), st.integers(0, 45), st.one_of(st.none(), st.integers(0, 45)))
def test_a_span_is_a_slice(text: str, chunk: int, start: int, stop: int | None) -> None:
    chunks = [text[place : place + chunk] for place in range(0, len(text), chunk)]
    assert "".join(span(chunks, start, stop)) == text[start:stop]


def test_texts_are_found_by_name_and_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    own = write(tmp_path / "novels", b"mine")
    assert find_text("novels") == book()
    assert find_text("./novels").resolve() == own
    assert find_text(own) == own
    write(tmp_path / "my-text.txt", b"mine")
    for wrong, guess in (("novel", "novels"), ("my-txt.txt", "my-text.txt")):
        with pytest.raises(InputError, match=f"{wrong}: no such text; did you mean '{guess}'"):
            find_text(wrong)
    for wrong in ("a" * 300, f"{'a' * 300}/b.txt"):
        with pytest.raises(InputError, match="no such file"):
            find_text(wrong)


def test_a_fetched_text_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOMEM_CACHE", str(tmp_path))
    with pytest.raises(InputError, match="not fetched yet; run: geomem fetch wikitext-2"):
        find_text("wikitext-2")


def test_the_book_is_two_whole_novels_and_nothing_else() -> None:
    text = "".join(read_text(book()))
    assert len(text) == 1_353_274
    assert len(text.split()) == 241_463
    assert text.isascii()
    assert text.startswith("VOLUME I\n\nCHAPTER I\n\n\nEmma Woodhouse, handsome, clever, and rich")
    assert text.endswith("in its national importance.\n")
    assert "gutenberg" not in text.lower()
    assert hashlib.sha256(text.encode()).hexdigest() == (
        "787286de54de9255c1deef858d5e81859499881ede333e75a8e5a0b1f6413ac3"
    )
    assert book().stat().st_size < 600_000
