"""The context matrix of a real text, contexts of 5 tokens, against a plain Python dictionary over the same tokens.

The text is Project Gutenberg's 18 books of `geomem fetch gutenberg` (11.7 MB), no part of it twice. Both count the same
token array, and both end with the next-token distribution of every context; the dictionary is a `Counter` over zipped
slices, the fastest count that plain Python has, grouped by context afterwards. Memory is the peak of a process of its
own above one that has loaded the libraries and the tokens. `command_s` is the wall time of `geomem context` on the
text, from the file to the description (a tokenizer made of it, the count, supports, PMI, singular values), and
`command_cpu_s` its processor time, which a busy machine changes less.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import Row, in_child, in_turns, median_ratio, peak_mib
from geomem.contexts.build import count_tokens
from geomem.contexts.texts import make_tokenizer
from geomem.errors import InputError
from geomem.texts.reading import find_text, read_text, span
from geomem.texts.tokens import tokenise

FIELDS = ("text", "tokenizer", "megabytes", "tokens", "context", "contexts", "nnz", "threads", "geomem_s",
          "dictionary_s", "ratio", "geomem_mib", "dictionary_mib", "memory_ratio", "command_s",
          "command_cpu_s")  # fmt: skip
LENGTH = 5
ROUNDS = 3
CHUNK = 1 << 16

Grouped = dict[tuple[int, ...], dict[int, int]]


def run(quick: bool) -> Iterator[Row]:
    """Compare on words and on a byte-level BPE of 4096 tokens."""
    text, most = ("novels", 40_000) if quick else ("gutenberg", None)
    try:
        path = find_text(text)
    except InputError as error:
        raise SystemExit(f"this benchmark counts a real text: {error}") from None
    for tokenizer, vocabulary in (("words", None), ("bpe", 512 if quick else 4096)):
        with tempfile.TemporaryDirectory() as folder:
            yield _compare(text, path, most, tokenizer, vocabulary, Path(folder), quick)


def _compare(
    text: str, path: Path, most: int | None, tokenizer: str, vocabulary: int | None, folder: Path, quick: bool
) -> Row:
    # A file of its own, so that a part of the text is what the command reads, too.
    source, tokens_file = folder / "text.txt", folder / "tokens.npy"
    source.write_text("".join(span(read_text(path), 0, most)), encoding="utf-8")
    made = make_tokenizer(tokenizer, vocabulary, read_text(source))
    tokens = tokenise(read_text(source), made).numpy()
    np.save(tokens_file, tokens)
    size = len(made)
    matrix = count_tokens([tokens], size, LENGTH)
    grouped = by_dictionary(tokens)
    assert (len(matrix), matrix.nnz) == (len(grouped), sum(map(len, grouped.values())))
    middle = len(matrix) // 2
    assert grouped[tuple(matrix.contexts[middle].tolist())] == _row(matrix, middle)
    del grouped
    taken = in_turns(
        {
            "geomem": lambda: _seconds(lambda: count_tokens([tokens], size, LENGTH)),
            "dictionary": lambda: _seconds(lambda: by_dictionary(tokens)),
        },
        1 if quick else ROUNDS,
    )
    peaks = {way: _peak(way, str(tokens_file), size, quick) for way in ("nothing", "geomem", "dictionary")}
    above = {way: max(1, peaks[way] - peaks["nothing"]) for way in ("geomem", "dictionary")}
    return {
        "text": text, "tokenizer": tokenizer, "megabytes": source.stat().st_size / 1e6, "tokens": len(tokens),
        "context": LENGTH, "contexts": len(matrix), "nnz": matrix.nnz, "threads": 1,
        "geomem_s": float(np.median(taken["geomem"])), "dictionary_s": float(np.median(taken["dictionary"])),
        "ratio": median_ratio(taken["dictionary"], taken["geomem"]),
        "geomem_mib": above["geomem"], "dictionary_mib": above["dictionary"],
        "memory_ratio": above["dictionary"] / above["geomem"],
        **_command(source, tokenizer, vocabulary),
    }  # fmt: skip


def by_dictionary(tokens: np.ndarray, length: int = LENGTH) -> Grouped:
    """Count in plain Python: one Counter over tuples of a context and the token after it, then grouped by context."""
    pairs: Counter[tuple[int, ...]] = Counter()
    for start in range(0, len(tokens) - length, CHUNK):
        part = tokens[start : start + CHUNK + length].tolist()
        pairs.update(zip(*(part[place:] for place in range(length + 1)), strict=False))
    grouped: Grouped = {}
    for pair, count in pairs.items():
        grouped.setdefault(pair[:-1], {})[pair[-1]] = count
    return grouped


def count(way: str, file: str, vocabulary: int) -> Row:
    """Count the tokens of a file in one of the ways (called in a process of its own)."""
    tokens: Any = np.load(file)
    if way == "geomem":
        count_tokens([tokens], vocabulary, LENGTH)
    elif way == "dictionary":
        by_dictionary(tokens)
    return {}


def _row(matrix: Any, row: int) -> dict[int, int]:
    part = slice(int(matrix.indptr[row]), int(matrix.indptr[row + 1]))
    return {int(t): int(n) for t, n in zip(matrix.indices[part], matrix.counts[part], strict=True)}


def _peak(way: str, file: str, vocabulary: int, quick: bool) -> int:
    if quick:
        count(way, file, vocabulary)
        return round(peak_mib())
    return in_child("benchmarks.contexts:count", way=way, file=file, vocabulary=vocabulary)["peak_mib"]


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _command(source: Path, tokenizer: str, vocabulary: int | None) -> Row:
    more = [] if vocabulary is None else ["--vocabulary", str(vocabulary)]
    command = [sys.executable, "-c", "import sys; from geomem.cli import main; sys.exit(main())", "context",
               str(source), "--context", str(LENGTH), "--tokenizer", tokenizer, *more, "--json"]  # fmt: skip
    began, used = time.perf_counter(), _children()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return {"command_s": time.perf_counter() - began, "command_cpu_s": _children() - used}


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
