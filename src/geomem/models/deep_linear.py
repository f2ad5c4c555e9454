"""Deep linear networks: y = W_D ... W_1 x, with no sequence axis (arXiv 1312.6120).

The map is linear in the input and the learning is not: that is what they are studied for. They learn the correlation
of outputs with inputs, by `solvers.gradient_flow` or by any optimiser of torch on `forward`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from geomem.errors import InputError
from geomem.models.saved_vectors import open_vectors, save_vectors
from geomem.seeding import torch_generator

if TYPE_CHECKING:
    from geomem.models.specs import DeepLinearSpec

MODEL_TYPE = "geomem-deep-linear"


class DeepLinear(nn.Module):
    """matrices: W_1 (N_2, N_1), ..., W_D (N_(D+1), N_D), from the input to the output.

    Raises InputError where they do not follow each other.
    """

    def __init__(self, matrices: Sequence[Tensor]) -> None:
        super().__init__()
        if not matrices or any(matrix.ndim != 2 for matrix in matrices):
            raise InputError("matrices: at least one, each with two axes")
        for place, (one, two) in enumerate(pairwise(matrices)):
            if one.shape[0] != two.shape[1]:
                raise InputError(f"matrices: number {place} gives {one.shape[0]}, the next takes {two.shape[1]}")
        self.matrices = nn.ParameterList([nn.Parameter(matrix) for matrix in matrices])

    @property
    def weights(self) -> list[Tensor]:
        """The matrices from the input to the output, without gradients and sharing their storage."""
        return [matrix.detach() for matrix in self.matrices]

    @property
    def widths(self) -> tuple[int, ...]:
        """N_1, ..., N_(D+1)."""
        return (self.matrices[0].shape[1], *(matrix.shape[0] for matrix in self.matrices))

    def product(self) -> Tensor:
        """Return W_D ... W_1, (N_(D+1), N_1)."""
        whole: Tensor = self.matrices[0]
        for matrix in list(self.matrices)[1:]:
            whole = matrix @ whole
        return whole

    def forward(self, inputs: Tensor) -> Tensor:
        """Return outputs (B, N_(D+1)) for inputs (B, N_1), or for items (B,) int64 that stand for one-hot inputs.

        Raises InputError for sequences.
        """
        items = not inputs.is_floating_point()
        if inputs.ndim != (1 if items else 2):
            raise InputError(
                f"deep-linear has no sequence axis: expected items (B,) or inputs (B, {self.widths[0]}), got "
                f"{tuple(inputs.shape)}; use a transformer, mamba or tiny-nn for sequences"
            )
        first: Tensor = self.matrices[0]
        hidden = first.T[inputs] if items else inputs @ first.T
        for matrix in list(self.matrices)[1:]:
            hidden = hidden @ matrix.T
        return hidden

    @classmethod
    def from_spec(cls, spec: DeepLinearSpec, size: int, seed: int) -> DeepLinear:
        """Build a network from `size` inputs to `size` outputs, float32."""
        if size < 1:
            raise InputError(f"size: must be at least 1, got {size}")
        widths = (size, *[spec.width] * (spec.depth - 1), size)
        build = {"small-random": cls.small_random, "gaussian": cls.gaussian, "orthogonal": cls.orthogonal}[spec.init]
        return build(widths, spec.scale, seed, dtype=torch.float32)

    @classmethod
    def decoupled(cls, left: Tensor, right: Tensor, factors: Tensor, hidden: int, seed: int) -> DeepLinear:
        """Start every mode by itself: W_1 = R_1 diag V^T, W_l = R_l diag R_(l-1)^T, W_D = U diag R_(D-1)^T.

        left: U (N_out, r). right: V (N_in, r), both with orthonormal columns. factors: (D, r), what mode k has in each
        matrix; equal factors u0^(1/D) are the balanced start, see `balanced`. hidden: width of the hidden layers, at
        least r; their bases R (hidden, r) are drawn from `seed`. Source: arXiv 1312.6120, section 2.
        """
        modes = left.shape[1]
        if right.shape[1] != modes or factors.ndim != 2 or factors.shape[1] != modes or len(factors) < 1:
            raise InputError(
                f"left, right, factors: one column a mode, got {left.shape[1]}, {right.shape[1]}, {factors.shape[-1]}"
            )
        if hidden < modes and len(factors) > 1:
            raise InputError(f"hidden: {modes} modes need at least as many hidden units, got {hidden}")
        generator = torch_generator(seed, "init")
        inner = [_orthogonal(hidden, modes, generator, left.dtype) for _ in range(len(factors) - 1)]
        bases = [right, *inner, left]
        return cls([(bases[place + 1] * row) @ bases[place].T for place, row in enumerate(factors)])

    @classmethod
    def small_random(
        cls, widths: Sequence[int], std: float, seed: int, *, dtype: torch.dtype = torch.float64
    ) -> DeepLinear:
        """Draw every entry from N(0, std²). widths: N_1, ..., N_(D+1)."""
        return cls._drawn(widths, std, seed, dtype, lambda _fan_in: std)

    @classmethod
    def gaussian(
        cls, widths: Sequence[int], gain: float, seed: int, *, dtype: torch.dtype = torch.float64
    ) -> DeepLinear:
        """Draw every entry from N(0, gain² / inputs): with gain 1 vectors keep their length on average."""
        return cls._drawn(widths, gain, seed, dtype, lambda fan_in: gain / math.sqrt(fan_in))

    @classmethod
    def orthogonal(
        cls, widths: Sequence[int], gain: float, seed: int, *, dtype: torch.dtype = torch.float64
    ) -> DeepLinear:
        """Draw matrices with orthonormal columns (or rows), uniformly, times gain."""
        _check_widths(widths, gain)
        generator = torch_generator(seed, "init")
        return cls([gain * _orthogonal(rows, columns, generator, dtype) for columns, rows in pairwise(widths)])

    @classmethod
    def _drawn(
        cls, widths: Sequence[int], scale: float, seed: int, dtype: torch.dtype, std: Callable[[int], float]
    ) -> DeepLinear:
        _check_widths(widths, scale)
        generator = torch_generator(seed, "init")
        return cls([
            std(columns) * torch.randn(rows, columns, generator=generator, dtype=dtype)
            for columns, rows in pairwise(widths)
        ])  # fmt: skip

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json and model.safetensors into `folder`."""
        save_vectors(self, folder, {"model_type": MODEL_TYPE, "widths": list(self.widths)})

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> DeepLinear:
        """Open what `save_pretrained` wrote. Raises InputError when it is not there or is something else."""
        tensors = open_vectors(folder, MODEL_TYPE)
        return cls([tensors[f"matrices.{place}"] for place in range(len(tensors))])


def balanced(strengths: Tensor, depth: int) -> Tensor:
    """Return the factors (D, r) of modes of strengths (r,) > 0 that are spread evenly over `depth` matrices."""
    if depth < 1:
        raise InputError(f"depth: the number of weight matrices must be at least 1, got {depth}")
    if not bool((strengths > 0).all()):
        raise InputError("strengths: must be positive")
    return (strengths ** (1 / depth)).expand(depth, -1)


def _orthogonal(rows: int, columns: int, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
    """Return a uniformly drawn matrix with orthonormal columns, or rows where it is wider than high."""
    tall = torch.randn(max(rows, columns), min(rows, columns), generator=generator, dtype=dtype)
    basis, triangle = torch.linalg.qr(tall)
    # Without the signs of the diagonal the draw would not be uniform (Mezzadri 2007).
    basis = basis * triangle.diagonal().sign()
    return basis if rows >= columns else basis.T


def _check_widths(widths: Sequence[int], scale: float) -> None:
    if len(widths) < 2 or any(width < 1 for width in widths):
        raise InputError(f"widths: those of the input, of hidden layers and of the output; got {tuple(widths)}")
    if not scale > 0:
        raise InputError(f"scale: must be positive, got {scale}")
