"""Sizes of the study at its three scales."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from geomem.errors import InputError
from geomem.spec import Spec

S_FIELD = "singular values of the data, falling"


def check_falling(name: str, values: tuple[float, ...]) -> None:
    """Raise InputError unless the values are positive and fall."""
    if not values or values[-1] <= 0 or list(values) != sorted(set(values), reverse=True):
        raise InputError(f"{name}: positive and falling, got {values}")


class Modes(Spec):
    """A network with one hidden layer, decoupled and small random starts."""

    inputs: int = Field(default=6, ge=1)
    hidden: int = Field(default=5, ge=1)
    outputs: int = Field(default=8, ge=1)
    singular_values: tuple[float, ...] = Field(default=(4.0, 3.0, 2.0, 1.0), description=S_FIELD)
    start: float = Field(default=1e-3, gt=0, description="strength of every mode at the start")
    step: float = Field(default=1e-3, gt=0, description="learning rate")
    time: float = Field(default=8.0, gt=0, description="steps times learning rate")
    random_hidden: int = Field(default=32, ge=1, description="hidden units of the small random starts")
    stds: tuple[float, ...] = Field(default=(1e-2, 1e-3, 1e-4), description="sizes of random weights, falling")
    random_time: float = Field(default=12.0, gt=0)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_falling("singular_values", self.singular_values)
        check_falling("stds", self.stds)
        room = min(self.inputs, self.outputs, self.hidden)
        if len(self.singular_values) > room:
            raise InputError(f"singular_values: {len(self.singular_values)} modes, but room for {room}")
        return self


class Unbalanced(Spec):
    """One mode whose two factors differ at the start."""

    singular_value: float = Field(default=2.0, gt=0)
    first: float = Field(default=0.3, gt=0, description="factor in the first matrix")
    second: float = Field(default=0.05, gt=0, description="factor in the second")
    reach: float = Field(default=1.8, gt=0, description="strength to be reached")
    step: float = Field(default=1e-4, gt=0)


class Depths(Spec):
    """One mode in networks of many depths, and full matrices of one depth."""

    depths: tuple[int, ...] = Field(default=(1, 2, 3, 4, 6, 10, 30, 100), description="numbers of matrices, rising")
    singular_value: float = Field(default=2.0, gt=0)
    start: float = Field(default=0.1, gt=0, description="strength of the product at the start, the same for all depths")
    reach: float = Field(default=1.9, gt=0)
    steps: int = Field(default=1000, ge=10, description="Runge-Kutta steps of a course")
    matrices: int = Field(default=4, ge=2, description="depth of the network of full matrices")
    spectrum: tuple[float, ...] = Field(default=(3.0, 2.0, 1.0, 0.5), description="its singular values, falling")
    small: float = Field(default=0.05, gt=0, description="strength of its modes at the start")
    step: float = Field(default=2e-4, gt=0, description="its learning rate")
    time: float = Field(default=8.0, gt=0)


class Starts(Spec):
    """Orthogonal, scaled Gaussian and decoupled starts of deep networks, at one size of the product."""

    width: int = Field(default=16, ge=2)
    spectrum: tuple[float, ...] = Field(default=(2.0, 1.6, 1.3, 1.0), description=S_FIELD)
    depths: tuple[int, ...] = Field(default=(2, 4, 8, 16, 32, 64), description="numbers of matrices, rising")
    start: float = Field(default=0.1, gt=0, description="size of the product: its Frobenius norm / sqrt(width)")
    rates: tuple[float, ...] = Field(
        default=tuple(round(0.02 * 1.5**place, 5) for place in range(12)),
        description="learning rates that are tried, times the depth",
    )
    goal: float = Field(default=0.01, gt=0, lt=1, description="share of the initial loss to be reached")
    budget: int = Field(default=3000, ge=1, description="most iterations")


class Hierarchy(Spec):
    """Items with the features of a tree."""

    branching: tuple[int, ...] = Field(default=(2, 2, 2, 2, 2), description="children of a node at each level")
    flip: float = Field(default=0.1, gt=0, lt=0.5, description="probability that an edge flips a feature")
    features: int = Field(default=1000, ge=2)
    draws: int = Field(default=10, ge=1, description="tables of features whose spectra are averaged")
    hidden: int = Field(default=32, ge=1)
    std: float = Field(default=1e-3, gt=0, description="size of the initial weights")
    step: float = Field(default=5e-4, gt=0, description="learning rate, of the loss summed over items")
    time: float = Field(default=0.8, gt=0)


class Control(Spec):
    """One matrix beside two."""

    step: float = Field(default=1e-3, gt=0)
    time: float = Field(default=6.0, gt=0)


class Own(Spec):
    """Data of one's own: how much of it is followed. Times are in units of 1 / (largest singular value)."""

    words: int = Field(default=500, ge=3, description="words told apart where the data is a text, the most frequent")
    contexts: int = Field(default=1000, ge=1, description="contexts kept of a text or context matrix")
    modes: int = Field(default=8, ge=1, description="modes to follow, the strongest ones")
    hidden: int = Field(default=64, ge=1)
    std: float = Field(
        default=1e-3, gt=0, description="size of the initial weights, times sqrt(largest singular value)"
    )
    step: float = Field(default=0.02, gt=0)
    most_steps: int = Field(default=20_000, ge=1)


class NextToken(Spec):
    """Next tokens whose supports come from a tree; the loss is the cross-entropy summed over contexts."""

    branching: tuple[int, ...] = Field(default=(2, 2, 2, 2), description="tree whose leaves are the tokens")
    flip: float = Field(default=0.1, gt=0, lt=0.5, description="probability that an edge flips a feature")
    contexts: int = Field(default=200, ge=2, description="features, each the support of a context")
    width: int = Field(default=32, ge=1, description="width of token and context vectors")
    std: float = Field(default=1e-3, gt=0, description="size of the initial vectors")
    step: float = Field(default=0.02, gt=0, description="learning rate")
    time: float = Field(default=100.0, gt=0)


class Settings(Spec):
    """All settings of the study at one scale."""

    data: str = Field(
        default="novels",
        description="data of your own: a .csv or .npy table of items by features, a saved context matrix, a text",
    )
    modes: Modes = Modes()
    unbalanced: Unbalanced = Unbalanced()
    depths: Depths = Depths()
    starts: Starts = Starts()
    hierarchy: Hierarchy = Hierarchy()
    control: Control = Control()
    next_token: NextToken = NextToken()
    own: Own = Own()


LAPTOP = Settings()

SMOKE = Settings(
    modes=Modes(stds=(1e-2, 1e-3), step=4e-3),
    unbalanced=Unbalanced(step=1e-3),
    depths=Depths(depths=(1, 2, 4, 8), steps=100, step=4e-3),
    starts=Starts(width=6, spectrum=(2.0, 1.0), depths=(2, 8), rates=(0.1, 0.3, 0.9), budget=200),
    hierarchy=Hierarchy(branching=(2, 2, 2), features=200, hidden=8, draws=3, step=2e-3, time=2.0),
    control=Control(step=1e-2),
    next_token=NextToken(branching=(2, 2, 2), contexts=60, width=12, step=0.05, time=60.0),
    own=Own(words=100, modes=3, hidden=8, step=0.1),
)

PAPER = Settings(
    modes=Modes(step=1e-4),
    depths=Depths(depths=(1, 2, 3, 4, 6, 10, 30, 100, 300), step=5e-5),
    starts=Starts(
        width=64, spectrum=tuple(2 - place / 9 for place in range(10)), depths=(2, 4, 8, 16, 32, 64, 100), budget=20_000
    ),
    hierarchy=Hierarchy(draws=100, step=1e-4),
    own=Own(words=4000, contexts=4000, modes=16, hidden=256),
)
