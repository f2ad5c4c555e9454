"""Unbiased CKA between all layers at once, streaming: the layer-by-layer map of a model, or of two models together.

Source: arXiv 2010.15327, Section 3.2 (minibatches). A batch costs one Gram matrix a layer; all pairs of layers are then
one product of the flattened U-centred Gram matrices, taken row by row, since the sums by row are also what a standard
error needs.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from scipy.special import stdtrit
from torch import Tensor
from torchmetrics import Metric

from geomem.errors import InputError
from geomem.geometry.cka import LEAST, deal_batches
from geomem.geometry.paired import ROUNDING

CHUNK = 512
"""Rows taken at once, in as many minibatches as they make: enough for fast products, and they stay in cache."""


class LayerCKA(Metric):
    """Minibatch-unbiased CKA between every two of L named layers, with 95 % intervals; memory L^2 x `groups`.

    Two models: give the layers of both, `[*first, *second]`, and read the off-diagonal block.

    Rows are dealt into minibatches with at most one row of each text window (see `deal_batches` for why), so an update
    must hold at least four windows. Four are unbiased but too few for a good interval; of 64 windows of 64 tokens, the
    intervals were 1.5 times as wide with eight windows an update as with all at once, and 1.2 times with 16. The deal
    depends on the seed and on the windows of the update only, so shards of equal updates give what one pass gives.
    Rows that cannot be dealt are counted in `left_out`.

    The interval is over windows, not tokens: windows are taken together in `groups` groups by their number, each
    group's first-order influence on CKA is computed from its rows' sums, and their spread is its standard error
    (a cluster-robust jackknife; Student's t). Near 0 it is up to 1.4 times too wide, since HSIC_u is degenerate there.
    """

    full_state_update = False
    hsics: Tensor
    rows: Tensor
    left_out: Tensor

    def __init__(self, names: Sequence[str], *, batch: int = 256, groups: int = 64, seed: int = 0) -> None:
        super().__init__()
        if batch < LEAST:
            raise InputError(f"batch: unbiased CKA needs at least {LEAST} rows a batch, got {batch}")
        self.names, self.batch, self.groups, self.seed = tuple(names), batch, groups, seed
        size = (groups, len(self.names), len(self.names))
        self.add_state("hsics", torch.zeros(size, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("rows", torch.zeros(groups, dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("left_out", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, layers: Sequence[Float[Tensor, "_ _"]], windows: Int[Tensor, " _"] | None = None) -> None:
        """Add rows: one (n, d_l) tensor a layer, the same n stimuli in each.

        windows: (n,) number of the text window of each row, counted on from update to update; None when the rows are
        independent of each other. Raises InputError for another number of layers or of rows, and for values that are
        not finite, naming the layer.
        """
        count = self._check(layers)
        if windows is not None and len(windows) != count:
            raise InputError(f"CKA map: {len(windows)} window numbers for {count} rows; give one a row")
        numbers = torch.arange(count) if windows is None else windows.cpu()
        dealt = torch.zeros(count, dtype=torch.bool)
        for batches in deal_batches(count, windows, self.batch, self.seed):
            for rows in batches.split(max(1, CHUNK // batches.shape[1])):
                flat = rows.flatten()
                shares = row_hsics(
                    [layer.detach().index_select(0, flat.to(layer.device)) for layer in layers], len(rows)
                )
                if not bool(shares.isfinite().all()):
                    raise InputError(self._not_finite(shares))
                groups = (numbers[flat] % self.groups).to(self.hsics.device)
                self.hsics.index_add_(0, groups, shares.to(self.hsics.device))
                dealt[flat] = True
        self.rows += torch.bincount(numbers[dealt] % self.groups, minlength=self.groups).to(self.rows.device)
        self.left_out += int((~dealt).sum())

    def compute(self) -> Float[Tensor, "l l"]:
        """Return the matrix of CKA; 0 for a layer without variance (see `notes`), NaN when no row could be used."""
        return _ratios(self.hsics.sum(0))[0] if int(self.rows.sum()) else self.hsics[0] * torch.nan

    def interval(self) -> tuple[Float[Tensor, "l l"], Float[Tensor, "l l"]]:
        """Return the lower and upper ends of the 95 % intervals; NaN when all rows came from one group of windows."""
        cka, influence = self._influences()
        half = self._half_widths(influence)
        return (cka - half).clamp(min=-1), (cka + half).clamp(max=1)

    def as_near(self, row: int, candidates: Sequence[int]) -> list[int]:
        """Return the candidates that cannot be told from the nearest of them to layer `row`, the nearest among them.

        A candidate is told apart when the 95 % interval of the difference of the two CKA, on the same windows, is above
        0. All candidates where all rows came from one group of windows.
        """
        cka, influence = self._influences()
        near, moved = cka[row, list(candidates)], influence[:, row, list(candidates)]
        best = int(near.argmax())
        half = self._half_widths(moved[:, best, None] - moved)
        apart = near[best] - near > half
        return [one for one, other in zip(candidates, apart.tolist(), strict=True) if not other]

    def _influences(self) -> tuple[Tensor, Tensor]:
        """Return CKA (l, l) and by how much each group of windows moves it, (g, l, l)."""
        total = self.hsics.sum(0)
        cka, scale = _ratios(total)
        own = total.diagonal().clamp(min=0)
        relative = self.hsics.diagonal(dim1=1, dim2=2) / own.where(own > 0, 1.0)
        return cka, 2 * (self.hsics * scale - cka / 2 * (relative[:, :, None] + relative[:, None, :]))

    def _half_widths(self, influence: Tensor) -> Tensor:
        """Return half the 95 % interval of what the groups move by `influence` (g, ...); NaN for a single group."""
        count = int((self.rows > 0).sum())
        if count < 2:
            return torch.full_like(influence[0], torch.nan)
        error = (influence.square().sum(0) * count / (count - 1)).sqrt()
        return float(stdtrit(count - 1, 0.975)) * error

    def notes(self) -> tuple[str, ...]:
        """Return one line for each layer that cannot be compared, and one for rows left out."""
        lines: list[str] = []
        if int(self.rows.sum()):
            own = self.hsics.sum(0).diagonal().tolist()
            constant = [name for name, value in zip(self.names, own, strict=True) if value <= 0]
            lines = [f"{name}: does not vary over the rows, so its CKA with any layer is 0" for name in constant]
        if int(self.left_out):
            lines.append(
                f"CKA map: {int(self.left_out)} rows are left out, because fewer than {LEAST} windows of their update "
                "still had a row to compare"
            )
        return tuple(lines)

    def _check(self, layers: Sequence[Tensor]) -> int:
        if len(layers) != len(self.names):
            raise InputError(f"CKA map: made for {len(self.names)} layers, got {len(layers)}")
        count = len(layers[0])
        for name, layer in zip(self.names, layers, strict=True):
            if len(layer) != count:
                raise InputError(f"{name}: {len(layer)} rows, but {self.names[0]} has {count}; give the same stimuli")
        return count

    def _not_finite(self, shares: Tensor) -> str:
        own = shares.diagonal(dim1=1, dim2=2).isfinite().all(0)
        name = self.names[int(own.long().argmin())]
        return f"{name}: NaN or infinite values (or too large for {shares.dtype}); leave these rows out"


def row_hsics(layers: Sequence[Float[Tensor, "n _"]], batches: int) -> Float[Tensor, "n l l"]:
    """Return each row's part of b x HSIC_u for every two layers, in `batches` minibatches of b rows, one after another.

    Sums over the rows of a minibatch are b x HSIC_u, (l, l). HSIC_u is the sum of products of two U-centred Gram
    matrices over b(b-3) (Szekely and Rizzo 2014): zero diagonal, less r_i/(b-2) and r_j/(b-2), plus r/((b-1)(b-2)),
    with r_i the sum of row i and r of all.
    """
    count = len(layers[0]) // batches
    exact = any(layer.dtype == torch.float64 for layer in layers)
    shape = (batches, count, len(layers), count)
    grams = torch.empty(shape, dtype=torch.float64 if exact else torch.float32, device=layers[0].device)
    traces = grams.new_empty(batches, len(layers))
    for place, layer in enumerate(layers):
        rows = layer.to(grams.dtype)
        mean = rows.mean(0)
        gram = grams[:, :, place]
        _multiply((rows - mean).unflatten(0, (batches, count)), gram)
        lengths = gram.diagonal(dim1=1, dim2=2)
        trace = lengths.sum(1)
        constant = trace <= ROUNDING * count * mean.square().sum()
        # Each Gram matrix is brought to trace 1, so that its squares neither overflow nor underflow single precision.
        gram *= torch.where(constant, 0.0, 1 / trace)[:, None, None]
        traces[:, place] = torch.where(constant, 0.0, trace)
        lengths.zero_()
        sums = gram.sum(2) / (count - 2)
        gram -= sums[:, :, None] + (sums - sums.sum(1, keepdim=True) / (count - 1))[:, None]
        lengths.zero_()
    products = torch.bmm(*(side.flatten(0, 1) for side in (grams, grams.mT))).double().unflatten(0, (batches, count))
    own = products.sum(1).diagonal(dim1=1, dim2=2)
    weight = torch.where(own <= ROUNDING, 0.0, traces.double())
    return (products * (weight[:, :, None] * weight[:, None, :])[:, None] / (count - 3)).flatten(0, 1)


def _multiply(rows: Tensor, out: Tensor) -> None:
    """Write X X^T of each batch (k, b, d) into `out` (k, b, b), multiplying only on and below the diagonal.

    In four strips this takes 0.7 of the time of the whole product.
    """
    count = rows.shape[1]
    step = -(-count // 4) if count >= 64 else count
    for start in range(0, count, step):
        own = slice(start, start + step)
        out[:, own, : start + step] = torch.bmm(rows[:, own], rows[:, : start + step].mT)
        out[:, :start, own] = out[:, own, :start].mT


def _ratios(total: Tensor) -> tuple[Tensor, Tensor]:
    """Return CKA and the factors 1 / sqrt(own x own), both (l, l); 0 where a layer has no variance of its own."""
    total = (total + total.T) / 2  # the two halves differ by rounding only
    own = total.diagonal()
    root = torch.where(own > 0, own.clamp(min=0).where(own > 0, 1.0).rsqrt(), 0.0)
    scale = torch.outer(root, root)
    return total * scale, scale
