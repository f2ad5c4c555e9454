"""An extended logit matrix on disk: made a block of histories at a time, killed at any moment, and gone on with.

What is kept of a block are the states that the output layer reads (n, F, d), from which the columns follow when all
histories are there: the tokens of a future are chosen from the mean over all of them.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from geomem.errors import RunError
from geomem.geometry.vectors import row_chunks
from geomem.probing.logits.cover import cover
from geomem.probing.logits.source import LogitMatrix
from geomem.runs.atomic import write_atomic, write_atomic_with
from geomem.training.progress import Event, Listener, silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geomem.probing.logits.language import LanguageModel

FORMAT = 2
_NO_MATTER = ("_name_or_path", "transformers_version")
"""Entries of a configuration that change with the place or the program and not with the model."""

HEADER, RESULT = "logits.json", "logits.safetensors"
BLOCK_ENTRIES, BLOCK_TOKENS = 1 << 23, 1 << 14
"""Most numbers of a block (32 MiB), and most tokens read for it: little to write at once, and little to lose."""


@dataclass(frozen=True)
class Blocks:
    """What is to be made, and where. tokens: columns of each future to keep, None for all. name: of the model."""

    folder: Path
    histories: Tensor
    futures: Sequence[Tensor]
    tokens: int | None = None
    name: str = "model"

    def build(self, model: LanguageModel, listener: Listener = silent) -> LogitMatrix:
        """Make the matrix, or go on where an earlier call stood, and return it.

        Finished blocks are read, not made again; a finished matrix is read. Raises RunError when the folder holds
        another matrix, when a file in it is damaged, and when the disk is full: what is finished then stays. Raises
        InputError as `LanguageModel.check` does, before anything is written.
        """
        futures = cover(self.futures)
        model.check(self.histories, futures.longest)
        self._claim(model)
        if (self.folder / RESULT).is_file():
            found = read_matrix(self.folder)
            self._tidy()
            return found
        size, read = len(self.futures) * model.width, self.histories.shape[1] + futures.tokens
        most = max(1, min(BLOCK_ENTRIES // size, BLOCK_TOKENS // read))
        parts = list(row_chunks(len(self.histories), 1, most))
        began, made, done = time.monotonic(), 0, 0
        for number, rows in enumerate(parts):
            pairs = (rows.stop - rows.start) * len(self.futures)
            if not self._block(number).is_file():
                states = model.states(self.histories[rows], futures).contiguous()
                write_atomic_with(self._block(number), lambda file, kept=states: save_file({"states": kept}, str(file)))
                made += pairs
            done += pairs
            rate = made / max(time.monotonic() - began, 1e-9)
            listener(Event(self.name, done, len(self.histories) * len(self.futures), rate=rate, unit="pairs"))
        found = self._select(model, len(parts))
        tensors = {"values": found.values.contiguous(), "columns": found.columns.contiguous()}
        write_atomic_with(self.folder / RESULT, lambda file: save_file(tensors, str(file)))
        self._tidy()
        listener(Event(self.name, done, done, note=model.note, done=True))
        return found

    def _block(self, number: int) -> Path:
        return self.folder / f"states-{number:05d}.safetensors"

    def _tidy(self) -> None:
        """Delete blocks, which a finished matrix does not need, and what a kill left half-written."""
        for file in (*self.folder.glob("states-*.safetensors"), *self.folder.glob(".*.tmp")):
            file.unlink(missing_ok=True)

    def _claim(self, model: LanguageModel) -> None:
        """Write the header, or compare with the one that is there."""
        header = {"format": FORMAT, "name": self.name, "histories": list(self.histories.shape),
                  "futures": len(self.futures), "tokens": self.tokens,
                  "fingerprint": _fingerprint(model, self.histories, self.futures)}  # fmt: skip
        file = self.folder / HEADER
        if not file.is_file():
            if self.folder.exists() and not (self.folder.is_dir() and all(map(_partial, self.folder.iterdir()))):
                raise RunError(f"{self.folder}: holds other files; choose another place for the logit matrix")
            write_atomic(file, json.dumps(header, indent=1) + "\n")
        elif _read_header(file) != header:
            raise RunError(f"{self.folder}: holds the logit matrix of another model or other sequences; "
                           "choose another place")  # fmt: skip

    def _select(self, model: LanguageModel, parts: int) -> LogitMatrix:
        """Choose columns and work out their values, some futures at a time."""
        found: list[LogitMatrix] = []
        for some in row_chunks(len(self.futures), len(self.histories) * model.width, 4 * BLOCK_ENTRIES):
            states = torch.cat(list(self._slices(some, parts)))
            found.append(model.select(states, self.tokens))
        return LogitMatrix(torch.cat([one.values for one in found], 1), torch.cat([one.columns for one in found]))

    def _slices(self, futures: slice, parts: int) -> Iterator[Tensor]:
        for number in range(parts):
            try:
                with safe_open(self._block(number), framework="pt") as file:
                    yield file.get_slice("states")[:, futures]
            except (SafetensorError, OSError) as error:
                raise RunError(f"{self._block(number)}: damaged ({error}); delete it and go on") from None


def read_matrix(folder: Path) -> LogitMatrix:
    """Open a finished matrix. Raises RunError when it is not there, not finished or damaged."""
    file = folder / RESULT
    if not file.is_file():
        raise RunError(f"{folder}: holds no finished logit matrix")
    try:
        found = load_file(file)
        return LogitMatrix(found["values"], found["columns"])
    except (SafetensorError, OSError, KeyError) as error:
        raise RunError(f"{file}: cannot be read ({error}); delete its folder to make it anew") from None


def _partial(file: Path) -> bool:
    """Tell whether a kill left this while the header was written."""
    return file.name.startswith(f".{HEADER}.") and file.suffix == ".tmp"


def _read_header(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{file}: cannot be read ({error}); delete its folder to begin anew") from None


def _fingerprint(model: LanguageModel, histories: Tensor, futures: Sequence[Tensor]) -> str:
    """Return what tells matrices of other weights, settings or sequences apart: every number counts."""
    digest = hashlib.blake2b(digest_size=16)
    told = {name: value for name, value in model.model.config.to_dict().items() if name not in _NO_MATTER}
    digest.update(json.dumps(told, sort_keys=True, default=str).encode())
    for name, weight in sorted(model.model.state_dict().items()):
        _add(digest, name, weight.detach())
    for one in (histories, *futures):
        _add(digest, "", one)
    return digest.hexdigest()


def _add(digest: hashlib.blake2b, name: str, numbers: Tensor) -> None:
    digest.update(f"{name} {tuple(numbers.shape)} {numbers.dtype}".encode())
    digest.update(numbers.cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
