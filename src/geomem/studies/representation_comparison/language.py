"""Language models in the place of brain areas: where the layers of one sit in another, and how many words that takes.

The model's layers are what a measured system is compared with; the systems are the same model from another seed, its
shallower sibling, an untrained twin (the level that architecture and words alone give), or any second checkpoint.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import torch
from jaxtyping import Float
from torch import Tensor

from geomem.geometry.pseudo_depth import identify_layer
from geomem.geometry.rsa import rsa
from geomem.geometry.stimuli import SIMILARITIES, Sizing, needed_stimuli
from geomem.hardware import choose_device
from geomem.models.adapters import adapt
from geomem.models.hub import open_checkpoint
from geomem.models.tokenizers import open_tokenizer
from geomem.probing.conditions import untrained_twin
from geomem.runs.directory import Run
from geomem.runs.tables import Measurement
from geomem.seeding import torch_generator
from geomem.spec import validate
from geomem.studies.language_model import MODEL
from geomem.studies.representation_comparison.encoding import encoding_score
from geomem.studies.representation_comparison.passages import (
    at_same_depth,
    cut_passages,
    held_out_text,
    relative,
    states_of,
)
from geomem.studies.representation_comparison.sampling import noise_rows, similarities
from geomem.studies.representation_comparison.settings import Words
from geomem.studies.representation_comparison.systems import UNTRAINED, folders
from geomem.training.progress import Event, Listener
from geomem.training.work import Extra, Work

if TYPE_CHECKING:
    from geomem.probing.word_states import Stimuli

Streams = list[Float[Tensor, "n _"]]
MEASURE = "cka-unbiased"
"""The similarity by which layers are placed: the one that needs no null."""
SHUFFLED = "shuffled"


def compare_models(work: Work, run: Run, listener: Listener) -> Extra:
    """Place the layers of other systems in the model, count the words it takes, and score encoding and noise."""
    settings = validate(Words, work.settings["words"])
    stimuli = cut_passages(held_out_text(work), settings.words, settings.stimuli)
    systems = read_systems(work, stimuli)
    model = systems.pop(MODEL)
    numbers = {"words/stimuli": float(settings.stimuli), "words/width": float(model[-1].shape[1])}
    arrays: dict[str, Tensor] = {}
    rows = noise_rows(model, settings.sizes, settings.draws, work.seed)
    responses = _some_units(model[-1], settings.responses, work.seed)
    for place, (name, layers) in enumerate(systems.items()):
        listener(Event(work.name, place, len(systems)))
        arrays[f"{name}-cka"] = similarities(layers, model, SIMILARITIES[MEASURE])
        rows += place_layers(name, layers, model, settings, work.seed)
        rows += needed_rows(name, layers, model, settings, work.seed)
        for layer, features in enumerate(layers):
            score, control = encoding_score(features, responses, seed=work.seed)
            rows += [
                Measurement(metric=f"{name}/encoding", layer=layer, condition=condition, value=value)
                for condition, value in (("", score), (SHUFFLED, control))
            ]
    return Extra(numbers, arrays, rows)


def read_systems(work: Work, stimuli: Stimuli) -> dict[str, Streams]:
    """Return the streams of every system at the stimuli, L + 1 tensors (n, d) each: the model's and the others'."""
    found: dict[str, Streams] = {}
    device = torch.device(choose_device(work.device).value)
    for name, folder in folders(work).items():
        opened, tokenizer = open_checkpoint(folder), open_tokenizer(folder)
        cast(Any, opened).to(device)
        found[name] = states_of(adapt(opened), tokenizer, stimuli)
        if name == MODEL:
            found[UNTRAINED] = states_of(adapt(untrained_twin(opened, work.seed)), tokenizer, stimuli)
    return found


def place_layers(name: str, layers: Streams, model: Streams, settings: Words, seed: int) -> list[Measurement]:
    """Return, for every layer of a system, where in the model it sits.

    depth: relative depth of the most similar layer (top of the parabola), low and high those of the confidence set.
    set: number of layers in that set. gap: most similar layer less its neighbour. trusted: 1 where one layer may be
    named. similarity: with the most similar layer. rsa: with the layer at the same relative depth.
    """
    rows: list[Measurement] = []
    last = max(1, len(model) - 1)
    for layer, (target, depth) in enumerate(zip(layers, relative(layers), strict=True)):
        found = identify_layer(target, model, SIMILARITIES[MEASURE], resamples=settings.resamples, seed=seed)
        best = found.best
        values: dict[str, tuple[float, float | None, float | None]] = {
            "depth": (found.depth / last, min(found.confidence) / last, max(found.confidence) / last),
            "set": (float(len(found.confidence)), None, None),
            "gap": (found.gap, None, None),
            "trusted": (float(found.trusted), None, None),
            "similarity": (float(found.scores[best]), float(found.low[best]), float(found.high[best])),
            "rsa": (float(rsa(target, model[round(depth * last)])), None, None),
        }
        rows += [
            Measurement(metric=f"{name}/{key}", layer=layer, value=value, low=low, high=high)
            for key, (value, low, high) in values.items()
        ]
    return rows


def needed_rows(name: str, layers: Streams, model: Streams, settings: Words, seed: int) -> list[Measurement]:
    """Return how many stimuli a verdict needs; "step" is the number of units read of every layer.

    related: to tell layers at one relative depth from shuffled words. named: to tell them from their neighbours too.
    identified: share of layers found again at the most stimuli tried. A number that no size reaches is infinite.
    """
    ones, others = at_same_depth(layers, model)
    rows: list[Measurement] = []
    sizes = tried_sizes(settings.stimuli)
    for units in settings.units:
        named, tried = needed_stimuli(
            ones, others, SIMILARITIES[MEASURE], units=units, sizes=sizes, draws=settings.draws, seed=seed
        )
        values = {
            "needed_related": smallest_related(tried),
            "needed_named": math.inf if named is None else float(named),
            "identified": tried[-1].identified,
        }
        rows += [Measurement(metric=f"{name}/{key}", step=units, value=value) for key, value in values.items()]
    return rows


def tried_sizes(stimuli: int) -> list[int]:
    """Return the numbers of stimuli that are tried: 16, 32, ... and half of those there are."""
    half = stimuli // 2
    return [*(2**power for power in range(4, half.bit_length()) if 2**power < half), half]


def smallest_related(tried: Sequence[Sizing]) -> float:
    """Return the fewest stimuli from which on every size tried tells the same layer from chance; infinity for none."""
    answer = math.inf
    for one in reversed(tried):
        if not one.related:
            break
        answer = float(one.stimuli)
    return answer


def _some_units(layer: Tensor, count: int, seed: int) -> Tensor:
    return layer[:, torch.randperm(layer.shape[1], generator=torch_generator(seed, "responses"))[:count]]
