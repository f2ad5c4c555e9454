from __future__ import annotations

import csv
from pathlib import Path

from geomem.fetch.wordnet import Synset, convert
from tests.fetch.samples import NOUN_INDEX, NOUNS


def test_a_line_of_the_database() -> None:
    line = NOUNS.splitlines()[7]
    synset = Synset.read(line)
    # Ten words, a count that is written in hexadecimal; and no pointer out of the gloss.
    assert synset.words == ("toy_dog", *"abcdefghi")
    assert (synset.place, synset.category) == ("00000700", "animal")
    assert synset.above == (("@", "00000400"), ("@", "00000300"))
    assert Synset.read(NOUNS.splitlines()[6]).above == (("@", "00000300"),)


def test_files(tmp_path: Path) -> None:
    sources = {"data.noun": tmp_path / "data.noun", "index.noun": tmp_path / "index.noun"}
    sources["data.noun"].write_text(NOUNS)
    sources["index.noun"].write_text(NOUN_INDEX)
    convert(sources, tmp_path)
    assert rows(tmp_path / "nodes.csv") == [
        ["label", "group"],
        ["entity", "top"],
        ["animal", "animal"],
        ["artifact", "artifact"],
        ["domestic dog", "animal"],
        ["crane (2)", "animal"],
        ["crane", "artifact"],
        ["toy dog", "animal"],
        ["Fido", "person"],
    ]
    assert rows(tmp_path / "edges.csv") == [
        ["source", "target", "relation"],
        ["entity", "animal", "kind"],
        ["entity", "artifact", "kind"],
        ["animal", "domestic dog", "kind"],
        ["animal", "crane (2)", "kind"],
        ["artifact", "crane", "kind"],
        ["domestic dog", "toy dog", "kind"],
        ["artifact", "toy dog", "kind"],
        ["domestic dog", "Fido", "instance"],
    ]


def rows(file: Path) -> list[list[str]]:
    return list(csv.reader(file.read_text(encoding="utf-8").splitlines()))
