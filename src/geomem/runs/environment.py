"""What a run needs to be repeated: versions, command, machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shlex
import sys

_PACKAGES = ("geomem", "torch", "transformers", "numpy", "scipy", "scikit-learn", "lightning-fabric", "torchmetrics",
             "networkx", "pydantic", "pyarrow", "umap-learn")  # fmt: skip


def versions() -> dict[str, str]:
    """Return the versions of Python and of the installed packages a result can depend on."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def command() -> str:
    """Return the command line of this process as one would type it again."""
    words = ["geomem" if index == 0 and word.endswith(("geomem", "cli.py")) else word
             for index, word in enumerate(sys.argv)]  # fmt: skip
    return shlex.join(words)


def environment() -> dict[str, str]:
    """Return the machine in a few words: system, processor, cores."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": str(os.cpu_count() or 1),
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or "unknown"
