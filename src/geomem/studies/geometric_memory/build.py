"""Training specs that several experiments share."""

from __future__ import annotations

from typing import Any

from geomem.spec import validate
from geomem.studies.geometric_memory.settings import PathStar
from geomem.training.spec import TrainSpec

KEEP = "geomem.studies.geometric_memory.after:keep_embeddings"
"""After training: keep the node embeddings, for pictures."""

FROZEN = {"frozen": True, "initialisation": "unit-normal"}
"""The look-up control. Unit-normal rows are near orthogonal and long enough for the softmax, so that the layers can
store every edge without the table moving (claim C9 checks that they do)."""


def star(path_star: PathStar) -> dict[str, Any]:
    """Return the path-star's graph."""
    return {"kind": "path-star", "arms": path_star.arms, "length": path_star.length}


def path_task(path_star: PathStar, **changes: Any) -> dict[str, Any]:
    """Return the in-weights path task with the first hop alone as target, with changes."""
    base = {"kind": "in-weights-path", "graph": star(path_star), "target": "hardest", "pauses": path_star.pauses}
    return {**base, **changes}


def transformer(path_star: PathStar, **changes: Any) -> dict[str, Any]:
    """Return the Transformer of the path-star, with changes."""
    base = {"kind": "transformer", "width": path_star.width, "layers": path_star.layers, "heads": path_star.heads}
    return {**base, **changes}


def stage(
    name: str, steps: int, lr: float, mix: dict[str, float], path_star: PathStar, **schedule: Any
) -> dict[str, Any]:
    """Return a stage of training on the path-star; cosine to a tenth unless `schedule` says otherwise."""
    sizes = {"edges": path_star.edge_batch, "paths": path_star.path_batch}
    return {
        "name": name,
        "steps": steps,
        "mix": mix,
        "batch": {stream: size for stream, size in sizes.items() if size is not None and stream in mix},
        "optimizer": {"lr": lr, "weight_decay": path_star.weight_decay},
        "schedule": {"warmup": path_star.warmup, **schedule},
    }


def edges_first(path_star: PathStar, *, path_steps: int | None = None, frozen: bool = False) -> list[dict[str, Any]]:
    """Return the recipe that generalises: edges alone at a constant rate, then edges and paths together, slower.

    When leaf and first hop are learned as a pair while the geometry is still forming, held-out leaves are never found
    (as pilots showed); the share of the path loss decides how fast that goes.
    """
    steps = path_star.frozen_edge_steps if frozen else path_star.edge_steps
    edge_lr, path_lr = (
        (path_star.frozen_edge_lr, path_star.frozen_path_lr) if frozen else (path_star.edge_lr, path_star.path_lr)
    )
    both = {"edges": 1 - path_star.path_share, "paths": path_star.path_share}
    return [
        stage("edges", steps, edge_lr, {"edges": 1.0}, path_star, kind="constant"),
        stage("edges and paths", path_steps or path_star.path_steps, path_lr, both, path_star),
    ]


def spec(
    task: dict[str, Any], model: dict[str, Any], stages: list[dict[str, Any]], seed: int, **changes: Any
) -> TrainSpec:
    """Validate a training spec; one thread, since the study runs one training a core."""
    base = {"task": task, "model": model, "stages": stages, "seed": seed, "threads": 1}
    return validate(TrainSpec, {**base, **changes})
