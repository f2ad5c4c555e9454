from __future__ import annotations

import gzip
from pathlib import Path

from geomem.fetch.texts import books, unzip


def test_unzip(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    text = " = Senjō no Valkyria 3 = \n\n one @-@ two \n"
    file = tmp_path / "train.raw.gz"
    file.write_bytes(gzip.compress(text.encode()))
    unzip({file.name: file}, target)
    assert [(one.name, one.read_bytes()) for one in target.iterdir()] == [("train.txt", text.encode())]


def test_books(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    books_in = {"milton.txt": b"Paradise\r\nLost\r\n\r\n", "caesar.txt": "Cæsar".encode("latin-1"),
                "bible.txt": "É\n".encode()}  # fmt: skip
    for name, data in books_in.items():
        (tmp_path / name).write_bytes(data)
    books({name: tmp_path / name for name in books_in}, target)
    found = {file.name: file.read_bytes().decode() for file in target.iterdir()}
    assert found == {
        "bible.txt": "É\n",
        "caesar.txt": "Cæsar\n",
        "milton.txt": "Paradise\nLost\n",
        "all.txt": "É\n\nCæsar\n\nParadise\nLost\n",
    }
