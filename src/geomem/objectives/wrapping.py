"""What objectives have in common that change a batch and hand it to another one."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from geomem.batch import AnyBatch, Batch, ContextBatch
from geomem.decoding.reader import Reader
from geomem.objectives.objective import Objective, Remembering


class Wrapped:
    """An objective on changed batches (an `Objective`).

    change: what is done to a batch before the other objective sees it. read: how that one's reader is wrapped.
    own_tokens: tokens that the change brings, behind the other objective's. Contexts with soft labels are passed on as
    they are: they have no answer of several tokens to change.
    """

    def __init__(
        self,
        inner: Objective,
        change: Callable[[Batch], Batch],
        read: Callable[[Reader], Reader],
        own_tokens: int = 0,
    ) -> None:
        self.inner, self.change, self._read = inner, change, read
        self.extra_tokens = inner.extra_tokens + own_tokens

    def __call__(self, model: nn.Module, batch: AnyBatch) -> Tensor:
        """Return the other objective's loss on the changed batch."""
        return self.inner(model, batch if isinstance(batch, ContextBatch) else self.change(batch))

    def reader(self) -> Reader:
        """Return the other objective's reader, wrapped."""
        return self._read(self.inner.reader())

    def state_dict(self) -> dict[str, Tensor]:
        """Return the other objective's state."""
        return self.inner.state_dict() if isinstance(self.inner, Remembering) else {}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Hand a state to the other objective."""
        if isinstance(self.inner, Remembering):
            self.inner.load_state_dict(state)
