"""WordNet's database files as a graph: which noun is a kind of which, and which name is an instance of one.

The format is that of WordNet's own manual page wndb(5WN).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_HYPERNYM, _INSTANCE = "@", "@i"

RELATIONS = {_HYPERNYM: "kind", _INSTANCE: "instance"}
"""What the column `relation` calls the two pointers that lead up."""

CATEGORIES = (
    "top", "act", "animal", "artifact", "attribute", "body", "cognition", "communication", "event", "feeling", "food",
    "group", "location", "motive", "object", "person", "phenomenon", "plant", "possession", "process", "quantity",
    "relation", "shape", "state", "substance", "time",
)  # fmt: skip
"""The files that lexicographers keep nouns in, from number 3 on (lexnames(5WN))."""


@dataclass(frozen=True)
class Synset:
    """A meaning: its place in the file, its category, its words, and (pointer, place) of the meanings above it."""

    place: str
    category: str
    words: tuple[str, ...]
    above: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, line: str) -> Synset:
        """Read a line of data.noun: place, file, "n", words (counted in hexadecimal), pointers, and a gloss."""
        fields = line.partition("|")[0].split()
        count = int(fields[3], 16)
        words = tuple(fields[4 : 4 + 2 * count : 2])
        rest = fields[4 + 2 * count :]
        pointers = [(rest[1 + 4 * one], rest[2 + 4 * one]) for one in range(int(rest[0]))]
        above = tuple((symbol, place) for symbol, place in pointers if symbol in RELATIONS)
        return cls(fields[0], CATEGORIES[int(fields[1]) - 3], words, above)


def convert(sources: Mapping[str, Path], target: Path) -> None:
    """Write nodes.csv (label, group) and edges.csv (source above, target below, relation) from data and index.noun."""
    synsets = [Synset.read(line) for line in _lines(sources["data.noun"])]
    senses = _senses(_lines(sources["index.noun"]))
    labels = {one.place: _label(one, senses) for one in synsets}
    _write(target / "nodes.csv", ("label", "group"), ((labels[one.place], one.category) for one in synsets))
    edges = ((labels[place], labels[one.place], RELATIONS[symbol]) for one in synsets for symbol, place in one.above)
    _write(target / "edges.csv", ("source", "target", "relation"), edges)


def _label(synset: Synset, senses: Mapping[tuple[str, str], int]) -> str:
    """Return the first word of a meaning; for any but the word's most frequent meaning, with its number behind it."""
    word = synset.words[0]
    sense = senses[word.lower(), synset.place]
    return word.replace("_", " ") + (f" ({sense})" if sense > 1 else "")


def _senses(lines: Iterable[str]) -> dict[tuple[str, str], int]:
    """Return the number of each meaning among those of its word: {(word, place): 1, 2, ...} from index.noun."""
    found: dict[tuple[str, str], int] = {}
    for line in lines:
        fields = line.split()
        for sense, place in enumerate(fields[-int(fields[2]) :], start=1):
            found[fields[0], place] = sense
    return found


def _lines(file: Path) -> Iterator[str]:
    """Yield the lines of a file but those of the licence, which begin with two spaces."""
    with file.open(encoding="utf-8") as opened:
        yield from (line for line in opened if not line.startswith("  "))


def _write(file: Path, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
