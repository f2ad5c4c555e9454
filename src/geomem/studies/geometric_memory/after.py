"""What is worked out from a trained model beyond the registered measurements."""

from __future__ import annotations

from typing import Any

import torch

from geomem.training.evidence import gather
from geomem.training.loop import Trained
from geomem.training.spec import TrainSpec
from geomem.training.work import Extra


def keep_embeddings(trained: Trained, _spec: TrainSpec) -> Extra:
    """Keep the node embeddings (N, m), and the paths with their split where the task has some."""
    model: Any = trained.model
    found = gather(trained.task, model, set())
    kept = {name: found[name] for name in ("embeddings", "edges", "paths", "held_out") if name in found}
    return Extra(
        arrays={name: value.to(torch.uint8) if value.dtype == torch.bool else value for name, value in kept.items()}
    )
