"""Train a path-star from nothing and say when it finds half of the held-out first hops, and what happens afterwards."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.settings import loop_of, star_task, transformer
from benchmarks.timing import Row, peak_mib
from geomem.spec import validate
from geomem.training.spec import TrainSpec

FIELDS = ("graph", "nodes", "threads", "path_share", "chance", "half_step", "half_s", "half_cpu_s", "steps", "seconds",
          "cpu_seconds", "best", "last", "curve", "peak_mib")  # fmt: skip
METRIC = "paths/held_out/first_hop"
HALF = 0.5


def recipe(arms: int, length: int, *, width: int = 128, edges: dict[str, Any], joint: dict[str, Any], share: float,
           every: int, threads: int = 1, seed: int = 0, stop: bool = False) -> TrainSpec:  # fmt: skip
    """Return the two stages that generalise: edges alone, then edges and paths together, slower.

    edges, joint: settings of each stage. share: of the path loss in the second. every: steps between evaluations.
    """
    stages = [{"name": "edges", "mix": {"edges": 1.0}, **edges},
              {"name": "edges and paths", "mix": {"edges": 1 - share, "paths": share}, **joint}]  # fmt: skip
    first, last = int(edges["steps"]), int(edges["steps"]) + int(joint["steps"])
    end = {"metric": METRIC, "at_least": HALF} if stop else None
    settings = {"name": f"star-{arms}-{length}", "task": star_task(arms, length), "model": transformer(width),
                "stages": stages, "evaluate_every": 1_000_000, "evaluate_at": tuple(range(first, last, every)),
                "stop": end, "threads": threads, "device": "cpu", "seed": seed}  # fmt: skip
    return validate(TrainSpec, settings)


def reach(spec: TrainSpec) -> Row:
    """Run a recipe as `geomem train` does, evaluations and checkpoints included, and tell its course.

    half_step, half_s, half_cpu_s: first evaluation at half or more, and the wall and processor seconds from nothing
    until then, with the building of graph and model in them. curve: step -> share of held-out first hops found.
    """
    began, cpu = time.perf_counter(), time.process_time()
    clock: dict[int, tuple[float, float]] = {}
    with loop_of(spec) as loop:
        score = loop.task.score

        def noted(*arguments: Any, **options: Any) -> dict[str, float]:
            found = score(*arguments, **options)
            clock[loop.state.step] = (time.perf_counter() - began, time.process_time() - cpu)
            return found

        loop.task.score = noted
        trained = loop.run()
        nodes = int(trained.task.evidence()["num_nodes"])  # pyright: ignore
        chance = trained.task.chance[METRIC]
    steps, values = trained.history.series(METRIC)
    half = next((step for step, value in zip(steps, values, strict=True) if value >= HALF), None)
    reached = (None, None) if half is None else clock[half]
    mix = spec.stages[-1].mix or {}
    return {
        "graph": spec.name, "nodes": nodes, "threads": spec.threads, "path_share": mix.get("paths", 0.0),
        "chance": chance, "half_step": half, "half_s": reached[0], "half_cpu_s": reached[1], "steps": steps[-1],
        "seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu, "best": max(values),
        "last": values[-1], "curve": {step: round(value, 3) for step, value in zip(steps, values, strict=True)},
        "peak_mib": round(peak_mib()),
    }  # fmt: skip
