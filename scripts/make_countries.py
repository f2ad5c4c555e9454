"""Make the country graph that ships with geomem from the PyPI package countryinfo 1.0.1 (MIT).

Writes countries_nodes.csv and countries_borders.csv into src/geomem/graphs/data. Run with countryinfo installed:
`python scripts/make_countries.py`; `--check` compares instead of writing. The package's data files are read, the
package is not imported. A border is a land border in fact; names, centres and continents are the source's own.

Corrections, with the counts that `derive` asserts:

- 254 records. Its 17 records without an ISO code (Scotland, the West Bank, ...) are not used.
- 3 second records of one country are merged into the one with a centre and the shorter name: Curaçao, Palestine and the
  Vatican. 2 records of states that are no more are dropped: Serbia and Montenegro (with its 6 border entries) and the
  Netherlands Antilles.
- 3 records without any place are dropped; none has a border: Antarctica, Bouvet Island, US Minor Outlying Islands.
- 246 countries and territories are left. 9 of them have no centre and are placed at their capital; all are islands
  without a border entry. Where a capital has several places, the first is taken.
- 1 entry with a two-letter code is read as the country meant: the Vatican's IT is ITA.
- 4 entries name Kosovo (KOS, XKX), which has no record and so no place: dropped. Kosovo is missing from the graph.
- 14 pairs are stated by one side only. 7 are true and made symmetric; 7 are not land borders and are dropped; each is
  named below with the reason.
- 1 pair stated by both sides is dropped: India and Sri Lanka are separated by a strait.
- Nothing is added that the source does not state on at least one side; so the border on the island of Saint Martin,
  between two territories without border entries, is missing too.

Result: 161 nodes with a border, 85 without, 319 borders; the largest connected part has 134 nodes.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

VERSION = "1.0.1"
FOLDER = Path(__file__).resolve().parent.parent / "src" / "geomem" / "graphs" / "data"

DISSOLVED = {"SCG": "Serbia and Montenegro, dissolved in 2006", "ANT": "Netherlands Antilles, dissolved in 2010"}
NO_RECORD = {"KOS": "Kosovo", "XKX": "Kosovo"}
MISSPELT = {"IT": "ITA"}

ONE_SIDED_TRUE = (("IND", "MMR"), ("IRQ", "KWT"), ("NPL", "CHN"), ("PSE", "EGY"), ("PSE", "ISR"), ("PSE", "JOR"))
ONE_SIDED_TRUE += (("SDN", "TCD"),)
ONE_SIDED_FALSE = {
    ("CYP", "GBR"): "only through British bases on the island",
    ("IND", "AFG"): "only through land that Pakistan holds",
    ("KWT", "IRN"): "the sea lies between",
    ("MMR", "BTN"): "India lies between",
    ("SRB", "ALB"): "only through Kosovo, which the source names apart",
    ("SUR", "FRA"): "only through French Guiana, which is a node of its own",
    ("TCD", "SSD"): "Sudan and the Central African Republic lie between",
}
BOTH_SIDED_FALSE = {("IND", "LKA"): "a strait lies between"}

COUNTS = {
    "records": 254,
    "merged": 3,
    "dissolved": 2,
    "placeless": 3,
    "countries": 246,
    "at_capital": 9,
    "misspelt": 1,
    "no_record": 4,
    "one_sided_true": 7,
    "one_sided_false": 7,
    "both_sided_false": 1,
    "borders": 319,
    "bordered": 161,
}

Record = dict[str, Any]


def main() -> int:
    """Write both files, or with --check compare them; return the exit code."""
    parser = argparse.ArgumentParser(description="Make the country graph from countryinfo.")
    parser.add_argument("--check", action="store_true", help="compare with the files there are instead of writing them")
    check = parser.parse_args().check
    for name, text in render().items():
        path = FOLDER / name
        if not check:
            path.write_text(text, encoding="utf-8", newline="")
            print(f"wrote {path}")
        elif path.read_text(encoding="utf-8") != text:
            print(f"{path} differs from what countryinfo {VERSION} gives")
            return 1
    return 0


def render() -> dict[str, str]:
    """Return file name to text, derived from the installed package. Raises RuntimeError for another version."""
    nodes, borders, counts = derive(records())
    if counts != COUNTS:
        raise RuntimeError(f"counts differ from those documented: {counts}")
    columns = ("label", "code", "group", "subregion", "lat", "lon", "place")
    return {
        "countries_nodes.csv": _csv([columns, *([node[key] for key in columns] for node in nodes)]),
        "countries_borders.csv": _csv([("source", "target"), *borders]),
    }


def records() -> list[Record]:
    """Read the package's records that have an ISO code, in the order of their file names."""
    try:
        package = distribution("countryinfo")
    except PackageNotFoundError:
        raise RuntimeError(f"countryinfo {VERSION} is not installed") from None
    if package.version != VERSION:
        raise RuntimeError(f"countryinfo {package.version} is installed; these corrections are for {VERSION}")
    files = sorted(str(file) for file in package.files or [] if str(file).startswith("countryinfo/data/"))
    paths = [Path(str(package.locate_file(file))) for file in files if file.endswith(".json")]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def derive(found: list[Record]) -> tuple[list[Record], list[tuple[str, str]], dict[str, int]]:
    """Return nodes by name, borders by name (each once, in alphabetical order), and what was corrected, counted."""
    by_code: dict[str, list[Record]] = {}
    for record in found:
        by_code.setdefault(record["ISO"]["alpha3"], []).append(record)
    stated, misspelt, no_record = _stated_borders(by_code)
    merged = {code: min(same, key=_preference) for code, same in by_code.items() if code not in DISSOLVED}
    nodes = {code: _node(code, record) for code, record in merged.items() if _place(record) is not None}
    one_sided = {(a, b) for a, b in stated if (b, a) not in stated}
    unjudged = one_sided ^ {*ONE_SIDED_TRUE, *ONE_SIDED_FALSE}
    if unjudged:
        raise RuntimeError(f"pairs stated by one side only, not judged or not there: {sorted(unjudged)}")
    wrong = {tuple(sorted(pair)) for pair in (*ONE_SIDED_FALSE, *BOTH_SIDED_FALSE)}
    codes = {(min(a, b), max(a, b)) for a, b in stated} - wrong
    name = {code: node["label"] for code, node in nodes.items()}
    borders = sorted((min(name[a], name[b]), max(name[a], name[b])) for a, b in codes)
    counts = {
        "records": len(found),
        "merged": len(found) - len(by_code),
        "dissolved": len(DISSOLVED.keys() & by_code.keys()),
        "placeless": len(merged) - len(nodes),
        "countries": len(nodes),
        "at_capital": sum(node["place"] == "capital" for node in nodes.values()),
        "misspelt": misspelt,
        "no_record": no_record,
        "one_sided_true": len(ONE_SIDED_TRUE),
        "one_sided_false": len(ONE_SIDED_FALSE),
        "both_sided_false": sum(pair in stated and pair[::-1] in stated for pair in BOTH_SIDED_FALSE),
        "borders": len(borders),
        "bordered": len({label for pair in borders for label in pair}),
    }
    return sorted(nodes.values(), key=lambda node: node["label"]), borders, counts


def _stated_borders(by_code: dict[str, list[Record]]) -> tuple[set[tuple[str, str]], int, int]:
    """Return (country, neighbour) pairs by code, and how many entries were respelt and how many dropped."""
    stated: set[tuple[str, str]] = set()
    misspelt = no_record = 0
    for code, same in by_code.items():
        if code in DISSOLVED:
            continue
        for neighbour in (entry for record in same for entry in record.get("borders") or []):
            misspelt += neighbour in MISSPELT
            no_record += neighbour in NO_RECORD
            meant = MISSPELT.get(neighbour, neighbour)
            if meant in by_code and meant not in DISSOLVED:
                stated.add((code, meant))
            elif neighbour not in NO_RECORD:
                raise RuntimeError(f"{code} borders {neighbour}, which nothing explains")
    return stated, misspelt, no_record


def _preference(record: Record) -> tuple[bool, int]:
    return (not record.get("latlng"), len(record["name"]))


def _place(record: Record) -> tuple[float, float, str] | None:
    """Return latitude, longitude and whose they are, or None where the source knows no place."""
    if record.get("latlng"):
        return (*record["latlng"], "centre")
    capital = record.get("capital_latlng")
    if not capital:
        return None
    first = capital[0] if isinstance(capital[0], list) else capital
    return (*first, "capital")


def _node(code: str, record: Record) -> Record:
    place = _place(record)
    assert place is not None
    group = record["region"] or "none"
    node = {"label": record["name"], "code": code, "group": group, "subregion": record["subregion"] or "none"}
    return node | dict(zip(("lat", "lon", "place"), place, strict=True))


def _csv(rows: list[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


if __name__ == "__main__":
    sys.exit(main())
