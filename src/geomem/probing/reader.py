"""One pass of one model over one text: every batch goes through the model once and feeds all families."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from geomem.errors import RunError
from geomem.geometry.sinks import find_sinks, keep_mask, sink_scalars
from geomem.hardware import return_freed_memory
from geomem.probing.block_reader import BlockReader
from geomem.probing.families import build_families
from geomem.probing.family import Ended, Family, Shape
from geomem.probing.memory import bytes_a_token, clear_memory_errors
from geomem.probing.plan import Plan
from geomem.probing.rows import Rows
from geomem.probing.sample import SampleStore
from geomem.probing.slab import Slab
from geomem.probing.spec import ProbeSpec
from geomem.runs.atomic import write_atomic_with

Progress = Callable[[int, int, float], None]
"""Called with the tokens read so far, all there are to read, and tokens a second."""

SAVE_SECONDS = 20.0


def no_progress(_done: int, _total: int, _rate: float) -> None:
    """Say nothing."""


class Reader:
    """A pass in progress: families and sample, fed batch by batch, saved and merged as plain tensors."""

    def __init__(self, adapter: Any, shape: Shape, spec: ProbeSpec, plan: Plan) -> None:
        self.adapter, self.shape, self.spec, self.plan = adapter, shape, spec, plan
        self.families: list[Family] = build_families(shape, spec, plan)
        self.store = SampleStore(plan.sample)
        self.done: list[int] = []
        self.bytes_a_token = bytes_a_token(shape, plan.context, attention=spec.attention)

    def read(
        self, batches: Iterable[int], *, progress: Progress = no_progress, save: Path | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        """Read batches that were not read yet; save the state now and then, and once more when told to stop.

        Raises KeyboardInterrupt after saving when `stop` says so, and InputError when memory does not suffice.
        """
        began, saved, count = time.monotonic(), time.monotonic(), 0
        device = str(self.adapter.device)
        for number in batches:
            if number in self.done:
                continue
            with clear_memory_errors(self.spec.batch_tokens, self.bytes_a_token, self.plan.context, device):
                count += self._read_one(number)
            return_freed_memory()
            self.done.append(number)
            read = min(len(self.done) * self.plan.each * self.plan.context, self.plan.tokens)
            progress(read, self.plan.tokens, count / (time.monotonic() - began))
            if save is not None and (stop() or time.monotonic() - saved > SAVE_SECONDS):
                self.save(save)
                saved = time.monotonic()
            if stop():
                raise KeyboardInterrupt

    def _read_one(self, number: int) -> int:
        slab = self._slab(number)
        self.store.update(slab)
        for family in self.families:
            family.update(slab)
        return slab.tokens.numel()

    @torch.no_grad()
    def _slab(self, number: int) -> Slab:
        device = self.adapter.device
        tokens, targets, windows = (part.to(device) for part in self.plan.batch(number))
        if self.spec.attention and self.shape.maps:
            self.adapter.visit_attention_maps(tokens, self._attend)
        reader = BlockReader(self.shape.layers, self.shape.mlp_input)
        with self.adapter.record(after_block=reader) as record:
            self.adapter.run(tokens)
        found = find_sinks([sink_scalars(stream) for stream in record.streams[1:]])
        keep = torch.ones_like(tokens, dtype=torch.bool) if self.spec.keep_sinks else keep_mask(found)
        final = self.adapter.final(record.streams[-1]) if self.shape.head else None
        return Slab(tokens, targets, windows, record.streams, keep, final, reader.scalars, found)

    def _attend(self, layer: int, weights: Tensor) -> None:
        for family in self.families:
            family.attend(layer, weights)

    def results(self, rows: Rows) -> None:
        """Add what all families found. Call it once all batches are read (or merged)."""
        sample = self.store.sample()
        ended = Ended(sample, self.plan, self.adapter, self.shape, self.spec)
        with torch.no_grad():
            for family in self.families:
                family.results(rows, ended)

    # -- states ---------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return everything read so far as plain tensors and lists."""
        return {
            "done": list(self.done),
            "sample": self.store.state(),
            "families": {family.name: family.state() for family in self.families},
        }

    def merge(self, state: dict[str, Any]) -> None:
        """Add what another worker, or an earlier attempt, has read. Raises RunError when both read the same batch."""
        twice = set(self.done) & set(state["done"])
        if twice:
            raise RunError(f"batch {min(twice)} was read twice; the saved states do not belong together")
        self.done += state["done"]
        self.store.merge(state["sample"])
        for family in self.families:
            family.merge(state["families"][family.name])

    def save(self, path: Path) -> None:
        """Write the state in one step."""

        def write(partial: Path) -> None:
            with partial.open("wb") as file:
                torch.save(self.state(), file)

        write_atomic_with(path, write)

    def load(self, path: Path) -> None:
        """Go on from a saved state. Raises RunError when the file is damaged or belongs to other settings."""
        self.merge(read_state(path))


def read_state(path: Path) -> dict[str, Any]:
    """Read a saved state; nothing is unpickled but tensors and plain values. Raises RunError when it is damaged."""
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
        return {"done": state["done"], "sample": state["sample"], "families": state["families"]}
    except Exception as error:
        first = str(error).strip().split("\n")[0][:120]
        raise RunError(f"{path}: the saved state cannot be read ({type(error).__name__}: {first})") from None
