"""Tokenwise part and residual of every block's update, and whether the model misses the residual.

Source: arXiv 2604.02459. A map of each token by itself is fitted to a block on a bank of windows and judged on others
(`geometry.tokenwise`, `geometry.decomposition`). Functional test: the block's output is replaced by T(x) at all
positions but the first, the remaining blocks run, and KL(p || p~) at every position is ranked against the relative
error |r| / |u| and against |r|. Replacing all positions mixes their effects, so a sample is replaced one at a time too.

Null controls: "rotated", each residual turned at random; "permuted", the map fitted to updates dealt to other tokens.
The third, an untrained network, is another model.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.decomposition import (
    DIRECTIONS,
    decompose,
    rank_correlation,
    rotated_residuals,
    token_means,
)
from geomem.geometry.token_bank import TokenBank
from geomem.geometry.tokenwise import fit_tokenwise
from geomem.probing.functional import FunctionalTest, bank_of, collect_streams
from geomem.probing.rerun import (
    BATCH_TOKENS,
    Steps,
    add_estimate,
    chosen_layers,
    no_progress,
    require_blocks,
)
from geomem.probing.rows import Rows
from geomem.seeding import torch_generator

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter
    from geomem.probing.rerun import Progress

BANK_TOKENS = 8000
EVALUATION_TOKENS = 1000
SINGLES = 64
"""Tokens replaced one at a time, about."""
HELD_BYTES = 1 << 30
"""Memory for streams held at once; more layers than fit are taken in several passes."""
KIND = "knn_affine"
"""The paper's local map."""
NAMES = ("align_t", "align_r", "angle_t", "angle_r", "r2", "error", "pi_u", "pi_r")


def decompose_updates(
    adapter: Adapter,
    bank_tokens: Tensor,
    eval_tokens: Tensor,
    *,
    layers: Sequence[int] | None = None,
    kinds: Sequence[str] = (KIND, "affine"),
    controls: bool = True,
    singles: int = SINGLES,
    seed: int = 0,
    batch_tokens: int = BATCH_TOKENS,
    held_bytes: int = HELD_BYTES,
    progress: Progress = no_progress,
) -> Rows:
    """Split the updates of blocks into tokenwise part and residual, and test what the residual is worth.

    bank_tokens, eval_tokens: windows (W, T) and (W', T) that share none; see `split_windows`. kinds: classes of
    `geometry.tokenwise`. Rows at block l are `decomposition/KIND_NAME`, NAME being one of

        align_t, align_r, angle_t, angle_r, r2, error, pi_u, pi_r    see `geometry.decomposition.Decomposition`
        kl, single_kl                       mean KL in nats, all positions and one position at a time replaced
        rho_relative, rho_absolute          Spearman of KL with |r| / |u|, and with |r|; `single_rho_...` one at a time

    under the conditions "" and, with `controls`, "permuted" (all but the single ones) and "rotated" (align_r, pi_r).
    Intervals are over windows. Arrays `decomposition.KIND.errors`, `.residual_norms`, `.kl` (S, n),
    `decomposition.tokens` (n,) and `decomposition.layers` (S,). A model without output layer gets no functional test,
    and a line. Takes, for each block and class, 2 + singles / W' forward passes of the evaluation windows, each from
    the block on. Raises InputError for a model without blocks, shared windows, or too small a bank.
    """
    require_blocks(adapter, "decomposition", logits=False)
    _check_apart(bank_tokens, eval_tokens)
    wanted = chosen_layers(layers, len(adapter.blocks), "decomposition")
    rows = Rows("")
    test = None
    if adapter.unembedding is not None:
        test = FunctionalTest(adapter, eval_tokens, singles, seed, batch_tokens)
    else:
        rows.lines.append("decomposition: this checkpoint has no output layer, so there is no functional test")
    conditions = ("", "permuted") if controls else ("",)
    steps = Steps(len(wanted) * len(kinds) * len(conditions), progress)
    arrays: dict[str, list[Tensor]] = {}
    for group in _groups(wanted, adapter, bank_tokens, eval_tokens, held_bytes):
        bank_streams = collect_streams(adapter, bank_tokens, group, batch_tokens=batch_tokens)
        streams = collect_streams(adapter, eval_tokens, group, batch_tokens=batch_tokens)
        for layer, kind in itertools.product(group, kinds):
            bank = bank_of(bank_streams, layer, bank_tokens, first_window=len(eval_tokens))
            evaluation = bank_of(streams, layer, eval_tokens)
            for condition in conditions:
                found = Rows("", condition)
                mapped = _measure(found, layer, kind, bank, evaluation, streams[layer], test, seed)
                rows.extend(found.rows)
                for name, array in found.arrays.items():
                    arrays.setdefault(name, []).append(array)
                if controls and not condition:
                    rows.extend(_rotated(layer, kind, evaluation, mapped, seed).rows)
                steps.step()
            width = evaluation.entering.shape[1]
            rows.chance(f"decomposition/{kind}_pi_r", min(DIRECTIONS, width) / width, layer=layer)
    rows.keep({name: torch.stack(parts) for name, parts in arrays.items()})
    rows.keep({"decomposition.tokens": eval_tokens[:, 1:].flatten(), "decomposition.layers": torch.tensor(wanted)})
    return rows


def split_windows(
    tokens: Tensor, *, bank: int = BANK_TOKENS, evaluation: int = EVALUATION_TOKENS, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Deal windows (W, T) at random into a bank and an evaluation set of at least so many tokens each.

    The first token of a window does not count, and equal windows are taken once, so that none is on both sides.
    Raises InputError when there are too few windows.
    """
    tokens = tokens.unique(dim=0)
    usable = tokens.shape[1] - 1
    needed = [-(-count // max(1, usable)) for count in (bank, evaluation)]
    if len(tokens) < sum(needed) or usable < 1:
        raise InputError(
            f"decomposition: a bank of {bank} tokens and {evaluation} to judge by take {sum(needed)} different "
            f"windows of {tokens.shape[1]} tokens, got {len(tokens)}; give more text"
        )
    order = torch.randperm(len(tokens), generator=torch_generator(seed, "decomposition", "windows"))
    return tokens[order[: needed[0]]], tokens[order[needed[0] : sum(needed)]]


def _groups(
    layers: Sequence[int], adapter: Adapter, bank_tokens: Tensor, eval_tokens: Tensor, held_bytes: int
) -> list[tuple[int, ...]]:
    """Cut layers into groups whose streams fit in memory together; a group of g layers holds at most 2 g streams."""
    rows = sum(len(tokens) * (tokens.shape[1] - 1) for tokens in (bank_tokens, eval_tokens))
    stream = 4 * rows * adapter.embedding.shape[1]
    size = max(1, held_bytes // (2 * stream))
    return [tuple(layers[start : start + size]) for start in range(0, len(layers), size)]


def _check_apart(bank_tokens: Tensor, eval_tokens: Tensor) -> None:
    bank = {tuple(window) for window in bank_tokens.tolist()}
    shared = sum(tuple(window) in bank for window in eval_tokens.tolist())
    if shared:
        raise InputError(
            f"decomposition: {shared} of the windows to judge by are in the bank too; they must not share any"
        )


def _measure(
    rows: Rows,
    layer: int,
    kind: str,
    bank: TokenBank,
    evaluation: TokenBank,
    entering: Tensor,
    test: FunctionalTest | None,
    seed: int,
) -> Tensor:
    """Fit one class to one block, as it is or (condition "permuted") with its updates dealt out, and add its rows.

    Returns what the map makes of the evaluation tokens, (n, d).
    """
    measured = not rows.condition
    mapped = fit_tokenwise(kind, bank if measured else bank.permuted(seed), seed=seed)(evaluation)
    found = decompose(evaluation.updates, mapped - evaluation.entering, evaluation.windows)
    for name in NAMES:
        add_estimate(rows, f"decomposition/{kind}_{name}", getattr(found, name), layer)
    if measured:
        sizes = {"errors": found.errors, "residual_norms": found.residual_norms}
        rows.keep({f"decomposition.{kind}.{name}": array for name, array in sizes.items()})
    if test is None:
        return mapped
    effects = test(layer, entering, mapped, one_by_one=measured)
    tested = [("", effects.kl, torch.arange(len(evaluation)))]
    if effects.single_kl is not None:
        rows.keep({f"decomposition.{kind}.kl": effects.kl})
        tested.append(("single_", effects.single_kl, effects.singles))
    for prefix, kl, index in tested:
        where = evaluation.windows[index]
        (mean,) = token_means(kl[:, None], where)
        add_estimate(rows, f"decomposition/{kind}_{prefix}kl", mean, layer)
        for name, sizes in (("relative", found.errors), ("absolute", found.residual_norms)):
            rho = rank_correlation(sizes[index], kl, where, seed=seed)
            add_estimate(rows, f"decomposition/{kind}_{prefix}rho_{name}", rho, layer)
    return mapped


def _rotated(layer: int, kind: str, evaluation: TokenBank, mapped: Tensor, seed: int) -> Rows:
    rows = Rows("", "rotated")
    tokenwise = mapped - evaluation.entering
    align, share = rotated_residuals(evaluation.updates, tokenwise, evaluation.windows, seed=seed)
    add_estimate(rows, f"decomposition/{kind}_align_r", align, layer)
    add_estimate(rows, f"decomposition/{kind}_pi_r", share, layer)
    return rows
