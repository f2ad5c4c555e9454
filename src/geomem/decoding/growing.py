"""Sequences that grow row by row at different speeds, and the model's logits at their ends."""

from __future__ import annotations

import inspect
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from geomem.decoding.cache import Room, new_cache
from geomem.decoding.evaluating import unwrap
from geomem.decoding.slots import position_options


class Growing(Protocol):
    """Sequences (B, ...) of which some get a token at a time."""

    def append(self, tokens: Tensor, rows: Tensor, position: int) -> Tensor:
        """Give `tokens` (B,) to the rows (B,) bool and return logits (B, V) at their ends; other rows mean nothing.

        position: position id of the new tokens, the same in every row.
        """
        ...


def grow(model: nn.Module, tokens: Tensor, positions: Tensor) -> tuple[Growing, Tensor]:
    """Start with tokens (B, T) at position ids (T,); return the sequences and logits (B, V) at their ends.

    A model that `forgets_masked` reads each token once; any other reads all of it again.
    """
    kind = Cached if forgets_masked(unwrap(model)) else Padded
    return kind.start(model, tokens, positions)


def forgets_masked(model: nn.Module) -> bool:
    """Return whether a column that the mask hides leaves no trace: every layer attends to all columns of a cache.

    A sliding window counts the columns that are hidden, and a state runs through them.
    """
    if not {"past_key_values", "attention_mask", "position_ids"} <= set(inspect.signature(model.forward).parameters):
        return False
    # GPT-Neo's window is no part of its cache.
    if "local" in getattr(getattr(model, "config", None), "attention_layers", ()):
        return False
    layers = getattr(new_cache(model, 1), "layers", [])
    return len(layers) > 0 and all(type(layer) is Room for layer in layers)


class Cached:
    """One column for all rows at each step; a row that gets nothing there has it masked for good."""

    def __init__(self, model: nn.Module, mask: Tensor) -> None:
        self.model, self.mask = cast(Any, model), mask
        self.cache: Any = None

    @classmethod
    def start(cls, model: nn.Module, tokens: Tensor, positions: Tensor) -> tuple[Cached, Tensor]:
        """See `grow`."""
        made = cls(model, torch.ones_like(tokens))
        return made, made._read(tokens, positions[None])

    def append(self, tokens: Tensor, rows: Tensor, position: int) -> Tensor:
        """See `Growing.append`."""
        self.mask = torch.cat([self.mask, rows[:, None].to(self.mask)], dim=1)
        return self._read(tokens[:, None], torch.full((1, 1), position, device=tokens.device))

    def _read(self, tokens: Tensor, positions: Tensor) -> Tensor:
        output = self.model(
            input_ids=tokens,
            attention_mask=self.mask,
            position_ids=positions.expand(tokens.shape),
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        self.cache = output.past_key_values
        return output.logits[:, -1]


class Padded:
    """Rows filled up on the right, where a causal model does not look, and read as a whole each time."""

    def __init__(self, model: nn.Module, tokens: Tensor, positions: Tensor) -> None:
        self.model = model
        self.tokens, self.positions = tokens, positions.expand(tokens.shape)
        self.ends = torch.full((len(tokens),), tokens.shape[1], device=tokens.device)

    @classmethod
    def start(cls, model: nn.Module, tokens: Tensor, positions: Tensor) -> tuple[Padded, Tensor]:
        """See `grow`."""
        made = cls(model, tokens, positions)
        every = torch.arange(len(tokens), device=tokens.device)
        return made, made._read(every)

    def append(self, tokens: Tensor, rows: Tensor, position: int) -> Tensor:
        """See `Growing.append`."""
        chosen = rows.nonzero().flatten()
        if int(self.ends[chosen].max()) == self.tokens.shape[1]:
            self.tokens = nn.functional.pad(self.tokens, (0, 1))
            self.positions = nn.functional.pad(self.positions, (0, 1))
        self.tokens, self.positions = self.tokens.clone(), self.positions.clone()
        self.tokens[chosen, self.ends[chosen]] = tokens[chosen]
        self.positions[chosen, self.ends[chosen]] = position
        self.ends = self.ends + rows
        found = self._read(chosen)
        return found.new_zeros(len(rows), found.shape[-1]).index_copy(0, chosen, found)

    def _read(self, rows: Tensor) -> Tensor:
        return ragged_logits(self.model, self.tokens[rows], self.positions[rows], self.ends[rows, None] - 1)[:, 0]


def ragged_logits(model: nn.Module, tokens: Tensor, positions: Tensor, places: Tensor) -> Tensor:
    """Return logits (B, K, V) of tokens (B, L) with position ids (B, L) at places (B, K), other ones in each row.

    What stands right of a row's last place is not looked at by a causal model. The output layer is computed at the
    places that any row asks for.
    """
    wanted, inverse = torch.unique(places, return_inverse=True)
    longest = int(wanted[-1]) + 1
    tokens, positions = tokens[:, :longest], positions[:, :longest]
    options = position_options(model, positions, tokens)
    logits = cast(Any, model)(input_ids=tokens, logits_to_keep=wanted, **options).logits
    return logits.gather(1, inverse.view(places.shape)[..., None].expand(-1, -1, logits.shape[-1]))
