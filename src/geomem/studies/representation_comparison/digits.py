"""The measured table of the card: two perceptrons trained on pictures of digits, compared from ever smaller samples."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from geomem.geometry.stimuli import SIMILARITIES
from geomem.runs.directory import Run
from geomem.runs.tables import Measurement
from geomem.seeding import stream_seed, torch_generator
from geomem.spec import validate
from geomem.studies.representation_comparison.sampling import METRICS, find_layers, noise_rows, similarities
from geomem.studies.representation_comparison.settings import Digits
from geomem.training.progress import Event, Listener
from geomem.training.work import Extra, Work

DEPTH = 3
TRAIN, HELD_OUT = 1000, 500
"""Pictures that are trained on, and those that the networks are compared on."""


def load_pictures() -> tuple[Float[Tensor, "n 64"], Int[Tensor, " n"]]:
    """Return scikit-learn's digits: 1797 pictures of 8 x 8 pixels in 0..1, and what they show."""
    from sklearn.datasets import load_digits

    images, labels = cast("tuple[Any, Any]", load_digits(return_X_y=True))
    return torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels, dtype=torch.int64)


def train_network(settings: Digits, seed: int, name: str) -> nn.Sequential:
    """Train one perceptron on the first thousand pictures: Adam, cross-entropy, ReLU.

    name: tells the networks of one seed apart.
    """
    images, labels = load_pictures()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "digits", name))
        widths = (images.shape[1], *[settings.width] * DEPTH)
        hidden = [part for one, two in pairwise(widths) for part in (nn.Linear(one, two), nn.ReLU())]
        network = nn.Sequential(*hidden, nn.Linear(settings.width, 10))
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.lr)
    order = torch_generator(seed, "digits", name, "order")
    for _ in range(settings.epochs):
        for rows in torch.randperm(TRAIN, generator=order).split(settings.batch):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(images[rows]), labels[rows]).backward()
            optimizer.step()
    return network.eval()


@torch.no_grad()
def hidden_layers(network: nn.Sequential) -> list[Float[Tensor, "n _"]]:
    """Return the three hidden layers' activations on the held-out pictures, float64."""
    states = load_pictures()[0][TRAIN : TRAIN + HELD_OUT]
    found: list[Tensor] = []
    for part in network.children():
        states = part(states)
        if isinstance(part, nn.ReLU):
            found.append(states.double())
    return found


@torch.no_grad()
def accuracy(network: nn.Sequential) -> float:
    """Return the share of held-out pictures that are named right."""
    images, labels = (part[TRAIN : TRAIN + HELD_OUT] for part in load_pictures())
    return float((network(images).argmax(1) == labels).double().mean())


def compare_digits(work: Work, run: Run, listener: Listener) -> Extra:
    """Train two networks, and compare their layers by every similarity at every size; "step" is the stimuli."""
    settings = validate(Digits, work.settings["digits"])
    networks = [train_network(settings, work.seed, name) for name in ("first", "second")]
    first, second = map(hidden_layers, networks)
    maps = {name: similarities(first, second, SIMILARITIES[name]) for name in METRICS}
    rows = noise_rows(first, settings.sizes, settings.draws, work.seed)
    for place, name in enumerate(METRICS):
        listener(Event(work.name, place, len(METRICS)))
        for size in settings.sizes:
            found = find_layers(first, second, SIMILARITIES[name], size, settings.draws, work.seed)
            rows += [
                Measurement(metric=f"{key}/{name}", step=size[0], value=value) for key, value in vars(found).items()
            ]
    numbers = {"digits/accuracy": min(map(accuracy, networks))}
    return Extra(numbers, {f"map-{name}": values for name, values in maps.items()}, rows)
