"""Mamba's mixer: gated causal convolution and selective scan, in plain PyTorch (arXiv 2312.00752, algorithm 2).

The scan is a loop over time on separate tensors. `transformers`' fallback makes whole-sequence tensors and slices
them, and the gradient of each slice is a zero-filled copy of the whole, which makes it quadratic in time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import initialization as init

from geomem.models.configs import GeomemMambaConfig


@dataclass
class Memory:
    """What one mixer keeps of the tokens it has read: all that the next ones need of them.

    inputs: (B, <= conv_kernel - 1, I), the last inputs of the convolution. state: (B, I, N).
    """

    inputs: Tensor | None = None
    state: Tensor | None = None


def selective_scan(dt: Tensor, u: Tensor, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Return y (B, T, I) with y_t = h_t c_t and h_t = exp(dt_t a) h_{t-1} + dt_t u_t b_tᵀ, h before the start = 0.

    dt, u: (B, T, I); a: (I, N), negative; b, c: (B, T, N).
    """
    return scan_from(None, dt, u, a, b, c)[0]


def scan_from(
    state: Tensor | None, dt: Tensor, u: Tensor, a: Tensor, b: Tensor, c: Tensor
) -> tuple[Tensor, Tensor | None]:
    """Return y as `selective_scan` does, from h before the start = `state` (B, I, N), and h at the end."""
    outputs: list[Tensor] = []
    for step, drive, into, out in zip(dt.unbind(1), (dt * u).unbind(1), b.unbind(1), c.unbind(1), strict=True):
        added = drive[..., None] * into[:, None]
        state = added if state is None else torch.addcmul(added, torch.exp(step[..., None] * a), state)
        outputs.append((state * out[:, None]).sum(-1))
    return torch.stack(outputs, dim=1), state


class Mixer(nn.Module):
    """Map (B, T, m) to (B, T, m); parameters are named and shaped as in transformers' MambaMixer."""

    def __init__(self, config: GeomemMambaConfig) -> None:
        super().__init__()
        inner = config.expand * config.hidden_size
        self.config = config
        self.rank = config.time_step_rank or math.ceil(config.hidden_size / 16)
        self.in_proj = nn.Linear(config.hidden_size, 2 * inner, bias=False)
        self.conv1d = nn.Conv1d(inner, inner, config.conv_kernel, groups=inner)
        self.x_proj = nn.Linear(inner, self.rank + 2 * config.state_size, bias=False)
        self.dt_proj = nn.Linear(self.rank, inner)
        self.A_log = nn.Parameter(torch.empty(inner, config.state_size))
        self.D = nn.Parameter(torch.empty(inner))
        self.out_proj = nn.Linear(inner, config.hidden_size, bias=False)

    @torch.no_grad()
    def reset(self) -> None:
        """Draw initial weights as Mamba's authors do: S4D-real A, log-uniform time steps, torch's default elsewhere."""
        inner, states = self.A_log.shape
        device = self.A_log.device
        init.copy_(self.A_log, torch.arange(1.0, states + 1, device=device).log().expand(inner, -1))
        init.ones_(self.D)
        for layer in (self.in_proj, self.x_proj, self.out_proj, self.conv1d):
            init.kaiming_uniform_(layer.weight, a=math.sqrt(5))
        if self.conv1d.bias is not None:
            init.zeros_(self.conv1d.bias)
        init.uniform_(self.dt_proj.weight, -(self.rank**-0.5), self.rank**-0.5)
        low, high = math.log(self.config.time_step_min), math.log(self.config.time_step_max)
        dt = torch.exp(torch.rand(inner, device=device) * (high - low) + low).clamp(min=self.config.time_step_floor)
        # The bias whose softplus is dt.
        init.copy_(self.dt_proj.bias, dt + torch.log(-torch.expm1(-dt)))

    def forward(self, hidden: Tensor, mask: Tensor | None, memory: Memory | None = None) -> Tensor:
        """Map (B, T, m) to the same. mask: (B, T, 1), 0 where padded, or None. memory: gone on from and brought up."""
        if mask is not None:
            hidden = hidden * mask
        u, gate = self.in_proj(hidden).chunk(2, dim=-1)
        u = F.silu(self._convolve(u) if memory is None else self._convolve_after(u, memory))
        if mask is not None:
            u = u * mask
        states = self.config.state_size
        step, b, c = self.x_proj(u).split([self.rank, states, states], dim=-1)
        dt = F.softplus(self.dt_proj(step))
        before = None if memory is None else memory.state
        y, after = scan_from(before, dt, u, -torch.exp(self.A_log), b, c)
        if memory is not None:
            memory.state = after
        return self.out_proj((y + u * self.D) * F.silu(gate))

    def _convolve(self, u: Tensor) -> Tensor:
        """Causal depthwise convolution along time as a few products: no transposes, and fast on short sequences."""
        length = u.shape[1]
        taps = self.conv1d.weight[:, 0].unbind(-1)  # the last tap is the present
        out = torch.addcmul(self.conv1d.bias, u, taps[-1])  # pyright: ignore[reportArgumentType]
        for back in range(1, min(len(taps), length)):
            out = out + F.pad(u[:, : length - back] * taps[-1 - back], (0, 0, back, 0))
        return out

    def _convolve_after(self, u: Tensor, memory: Memory) -> Tensor:
        """Convolve what comes after the inputs in memory, and keep the last ones there."""
        past = 0 if memory.inputs is None else memory.inputs.shape[1]
        joined = u if memory.inputs is None else torch.cat([memory.inputs, u], dim=1)
        memory.inputs = joined[:, max(0, joined.shape[1] - self.config.conv_kernel + 1) :]
        return self._convolve(joined)[:, past:]
