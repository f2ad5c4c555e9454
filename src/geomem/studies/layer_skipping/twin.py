"""Three networks trained on one text: a causal one, its equal that fills in masks, and a bag of words as a control.

The causal network and the masked-diffusion one differ in what a position sees and in what the loss asks, and in nothing
else: layers, widths, rotary positions, initial weights, optimiser, batch. They are geomem's own Transformer, with a
switch for causality. Of GPT-2's recipe, learned positions and weights of N(0, 0.02²) had to go: with them a masked
network of this size stays at the unigram for thousands of steps. The bag has one layer that sees all tokens and no
positions.
"""

from __future__ import annotations

from typing import Any

from geomem.spec import validate
from geomem.studies.language_model import SmallLM
from geomem.studies.layer_skipping.settings import Twin
from geomem.studies.study import Shared
from geomem.training.spec import TrainSpec

CAUSAL, DIFFUSION, BAG, UNIGRAM = "causal", "diffusion", "bag", "unigram"
"""Names under which a work knows the three networks, and what the frequencies of tokens alone give."""


def trainings(lm: SmallLM, twin: Twin, seed: int) -> dict[str, Shared]:
    """Return the three trainings by name."""
    bag = {"layers": 1, "heads": 1, "positions": "none"}
    return {
        CAUSAL: _training(CAUSAL, lm, twin, seed, lm.steps, {"causal": True}),
        DIFFUSION: _training(DIFFUSION, lm, twin, seed, lm.steps * twin.ratio, {"causal": False}),
        BAG: _training(BAG, lm, twin, seed, lm.steps, {"causal": False, **bag}),
    }


def _training(name: str, lm: SmallLM, twin: Twin, seed: int, steps: int, changes: dict[str, Any]) -> Shared:
    model: dict[str, Any] = {
        "kind": "transformer",
        "width": lm.width,
        "layers": lm.layers,
        "heads": lm.heads,
        "positions": "rotary",
        "initialisation": "fan-in",
        "scaled": True,
        **changes,
    }
    task, objective = ("text", "next-token") if model["causal"] else ("cloze", "masked-diffusion")
    stage = {
        "steps": steps,
        "batch": {"text": lm.batch},
        "optimizer": {"lr": twin.lr, "weight_decay": lm.weight_decay, "clip": 1.0},
        "schedule": {"warmup": lm.warmup},
    }
    spec = validate(
        TrainSpec,
        {
            "name": f"{name}-{lm.layers}-layers-seed-{seed}",
            "seed": seed,
            "task": {"kind": task, "text": lm.text, "vocabulary": lm.vocabulary, "context": lm.context},
            "model": model,
            "objective": objective,
            "stages": [stage],
            "keep_at": sorted({-(-steps * part // twin.keep) for part in range(1, twin.keep + 1)}),
            "evaluate_every": steps,
            "threads": 1,
        },
    )
    return Shared(spec, 1.0 + (lm.seconds - 1.0) * steps / lm.steps * model["layers"] / lm.layers)
