"""Architectures of which nothing inside is recognised: their hidden states, as transformers reports them."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from torch import Tensor, nn

from geomem.errors import InputError
from geomem.models.adapters.generic import GenericAdapter
from geomem.models.adapters.recording import AfterBlock, Record

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class HiddenStatesAdapter(GenericAdapter):
    """No blocks; the streams are the hidden states. The last is what most architectures give after the final norm."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__(model)
        self._record: Record | None = None
        self._after_block: AfterBlock | None = None

    def _find_blocks(self) -> tuple[nn.Module, ...]:
        return ()

    @contextmanager
    def record(
        self, *, streams: bool = True, parts: bool = True, after_block: AfterBlock | None = None
    ) -> Generator[Record]:
        """Record hidden states while the context is open; `parts` are not known and stay None.

        after_block is called once the run is over, for every two neighbouring hidden states.
        """
        del parts
        record = Record()
        self._record, self._after_block = (record, after_block) if streams else (None, None)
        try:
            yield record
        finally:
            self._record = self._after_block = None

    def _run(self, tokens: Tensor, options: dict[str, Tensor]) -> Tensor:
        output = self._forward(tokens, {**options, "output_hidden_states": True})
        states: tuple[Tensor, ...] | None = getattr(output, "hidden_states", None)
        if not states:
            raise InputError(f"{self.name}: gives no hidden states, and geomem has no adapter for it")
        if self._record is not None:
            self._record.streams[:] = [state.detach() for state in states]
            if self._after_block is not None:
                for layer in range(len(states) - 1):
                    self._after_block(self._record, layer)
        return states[-1]
