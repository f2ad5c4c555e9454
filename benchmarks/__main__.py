"""Run benchmarks by name, print their rows, and keep them as JSON where asked."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
from pathlib import Path
from typing import Any

from benchmarks import BENCHMARKS, LONG
from benchmarks.timing import Row


def main() -> None:
    names = ", ".join(BENCHMARKS)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{names}; default: all but {', '.join(LONG)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows, and the machine, as JSON")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that everything runs; no numbers")
    options = parser.parse_args()
    for name in options.names:
        if name not in BENCHMARKS:
            parser.error(f"unknown benchmark '{name}'; choose from: {names}")
    found: dict[str, Any] = {}
    for name in options.names or [name for name in BENCHMARKS if name not in LONG]:
        module, about = BENCHMARKS[name]
        print(f"\n{name}: {about}\n  load of the last minute before it starts: {_load()}", flush=True)
        before = _load()
        found[name] = {"about": about, "load_before": before, "rows": []}
        for row in importlib.import_module(module).run(options.quick):
            _print(row)
            found[name]["rows"].append(row)
            found[name]["load_after"] = _load()
            if options.json is not None:
                options.json.write_text(json.dumps({"machine": machine(), **found}, indent=2) + "\n", encoding="utf-8")


def machine() -> Row:
    """Return what the machine is, without its name."""
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"processor": platform.machine(), "capability": torch.backends.cpu.get_cpu_capability(), "cores": cores,
            "python": platform.python_version(), "torch": torch.__version__}  # fmt: skip


def _load() -> float:
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else float("nan")


def _print(row: Row) -> None:
    """Print a row as one paragraph: curves are long."""
    print("  " + ", ".join(f"{name} {_short(value)}" for name, value in row.items()), flush=True)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
