"""Mamba: blocks with a state-space mixer and nothing else."""

from __future__ import annotations

from geomem.models.adapters.adapter import Adapter


class MambaAdapter(Adapter):
    """Mamba and geomem's own Mamba; the mixer stands where attention stands elsewhere."""

    family = "mamba"
    attention_part = "mixer"
    mlp_part = attention_weights = None
    final_norm = "norm_f"
