"""Several slots for one prediction: pauses after a token, each a further step for the same target (arXiv 2510.13879).

    x_1 P_1 .. P_{W-1} x_2 P_1 .. P_{W-1} x_3 ...

Slot 1 of a prediction is read at the token itself, slot i at pause P_{i-1}; every pause index has an embedding of its
own. Pauses share the position id of their token where a model takes ids; else positions count them.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from geomem.batch import Batch, labelled_columns
from geomem.decoding.evaluating import unwrap


@dataclass(frozen=True)
class Slots:
    """The tokens that slots need, and how the wish to wait is read.

    count: slots W. size: tokens of the task, the only answers. first: id of P_1; P_i is first + i - 1. wait: id of the
    output "don't know", or None when the model never chooses. bias: added to its logit (a start near plain next-token
    prediction). everywhere: whether tokens that predict no label get pauses, too; those are then never left out.
    """

    count: int
    size: int
    first: int
    wait: int | None = None
    bias: float = 0.0
    everywhere: bool = False

    def read(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Split logits (..., V) into those of real symbols (..., size) and the log-odds (...) of don't-know.

        Without one the log-odds are infinite: it always waits for the last slot.
        """
        real = logits[..., : self.size]
        real = real if real.dtype == torch.float64 else real.float()
        if self.wait is None:
            return real, torch.full_like(real[..., 0], torch.inf)
        return real, logits[..., self.wait].to(real.dtype) + self.bias - torch.logsumexp(real, dim=-1)


@dataclass(frozen=True)
class Interleaved:
    """Sequences with pauses behind some tokens.

    tokens: (B, L) int64. places: (K, W) int64, where slot i of prediction k is read. positions: (L,) int64, the place
    of each entry's token in the sequence without pauses.
    """

    tokens: Tensor
    places: Tensor
    positions: Tensor


def interleave(tokens: Tensor, at: Tensor, slots: Slots, pauses: Tensor | None = None) -> Interleaved:
    """Put pauses behind the tokens (B, T) at the places `at` (K,) int64 ascending, the same in every row.

    pauses: (K,) int64, how many behind each; None for W - 1. Slots that a place then lacks repeat its last one.
    """
    length, device = tokens.shape[1], tokens.device
    counts = torch.full((length,), slots.count if slots.everywhere else 1, device=device)
    counts[at] = slots.count if pauses is None else pauses.to(device) + 1
    total = length * slots.count if slots.everywhere else length + len(at) * (slots.count - 1)
    if pauses is not None:
        total -= len(at) * (slots.count - 1) - int(pauses.sum())
    positions = torch.arange(length, device=device).repeat_interleave(counts, output_size=total)
    starts = counts.cumsum(0) - counts
    step = torch.arange(total, device=device) - starts[positions]
    shown = torch.where(step > 0, slots.first + step - 1, tokens[:, positions])
    within = torch.minimum(torch.arange(slots.count, device=device), counts[at][:, None] - 1)
    return Interleaved(shown, starts[at][:, None] + within, positions)


def predicting(batch: Batch) -> Tensor:
    """Return (K,) int64, the places of the tokens from which the batch's labelled columns are predicted."""
    columns = labelled_columns(batch.labels) if batch.columns is None else batch.columns
    if isinstance(columns, Tensor):
        return columns - 1
    length = batch.tokens.shape[1]
    return torch.arange(length - columns - 1, length - 1, device=batch.tokens.device)


def slot_logits(model: nn.Module, tokens: Tensor, at: Tensor, slots: Slots, pauses: Tensor | None = None) -> Tensor:
    """Return logits (B, K, W, V) of every slot behind the places `at` (K,) of tokens (B, T), in one pass."""
    interleaved = interleave(tokens, at, slots, pauses)
    places = interleaved.places
    options = position_options(model, interleaved.positions[None], interleaved.tokens)
    logits = cast(Any, model)(input_ids=interleaved.tokens, logits_to_keep=places.flatten(), **options).logits
    return logits.unflatten(1, tuple(places.shape))


def read_slots(model: nn.Module, batch: Batch, slots: Slots) -> tuple[Tensor, Tensor]:
    """Return logits (B, K, W, size) of real symbols and log-odds (B, K, W) of don't-know, all pauses being shown."""
    return slots.read(slot_logits(model, batch.tokens[:, :-1], predicting(batch), slots))


def position_options(model: nn.Module, positions: Tensor, tokens: Tensor) -> dict[str, Tensor]:
    """Return the arguments that give tokens (B, L) the position ids (1 or B, L); none where a model takes none."""
    bare = unwrap(model)
    known = inspect.signature(bare.forward).parameters
    if "position_ids" not in known:
        return {}
    options = {"position_ids": positions}
    if type(bare).__module__.startswith("transformers."):
        # Without mask and cache, transformers takes an id that does not rise for the seam of two packed sequences.
        options["attention_mask"] = torch.ones_like(tokens)
    return options
