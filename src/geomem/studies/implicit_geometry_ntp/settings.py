"""Sizes of the study at its three scales."""

from __future__ import annotations

from pydantic import Field

from geomem.spec import Spec


class Symmetric(Spec):
    """All subsets of a vocabulary as supports: the limit is known in closed form."""

    vocabulary: int = Field(default=4, ge=2)
    subset: int = Field(default=2, ge=1, description="tokens of every support")
    width: int = Field(default=8, ge=1)
    std: float = Field(default=0.05, gt=0, description="standard deviation of the first vectors")
    lr: float = Field(default=0.2, gt=0, description="step size; above about 1 descent oscillates at this size")
    steps: int = Field(default=100_000, ge=1000)
    decades: tuple[int, ...] = Field(default=(3, 4, 5, 6, 7, 8), description="the ridge is 10 to minus these")


class RandomSupports(Spec):
    """Random supports: the NTP-SVM solution beside the authors' stand-in for it."""

    sizes: tuple[tuple[int, int], ...] = Field(
        default=((6, 10), (8, 20), (10, 40), (14, 60), (20, 80)), description="vocabulary and contexts of each instance"
    )
    largest: int = Field(default=4, ge=1, description="supports have 1 to this many tokens")
    gap: float = Field(default=1e-6, gt=0, description="relative duality gap the solver stops at")
    vocabulary: int = Field(default=10, ge=2, description="of the trained instance")
    contexts: int = Field(default=40, ge=2)
    width: int = Field(default=12, ge=1)
    decades: tuple[int, ...] = (2, 3, 4, 5)


class Collapse(Spec):
    """Several contexts share every support, each with frequencies of its own."""

    vocabulary: int = Field(default=10, ge=2)
    supports: int = Field(default=12, ge=2)
    each: int = Field(default=4, ge=2, description="contexts with one support")
    largest: int = Field(default=4, ge=1)
    width: int = Field(default=16, ge=1)
    decades: tuple[int, ...] = (2, 3, 4, 5, 6)


class FixedEmbeddings(Spec):
    """The decoder alone is trained, over context vectors that stay as they were drawn."""

    vocabulary: int = Field(default=6, ge=3)
    contexts: int = Field(default=5, ge=2)
    subset: int = Field(default=3, ge=1)
    width: int = Field(default=8, ge=2, description="at least the number of contexts, so that all conditions hold")
    lr: float = Field(default=1.0, gt=0)
    steps: int = Field(default=100_000, ge=10_000)
    normalised_steps: int = Field(default=1000, ge=1)


class TinyTransformer(Spec):
    """A small Transformer on sixteen written contexts."""

    width: int = Field(default=64, ge=2)
    layers: int = Field(default=2, ge=1)
    heads: int = Field(default=4, ge=1)
    lr: float = Field(default=1e-3, gt=0, description="AdamW's, full batch; times 0.4 at each fifth of the steps")
    weight_decay: float = Field(default=1e-6, ge=0)
    steps: int = Field(default=6000, ge=1)
    marks: int = Field(default=25, ge=2, description="steps that are measured, evenly on a logarithmic axis")


class Text(Spec):
    """The context matrix of a real text."""

    max_tokens: int = Field(default=60_000, ge=100, description="how much of the text is read, from its beginning")
    tokens: int = Field(default=300, ge=2, description="size of the byte-pair vocabulary made from it")
    length: int = Field(default=4, ge=1, description="tokens of a context")
    contexts: int = Field(default=400, ge=2, description="most contexts that are kept, the most frequent ones")
    decades: tuple[int, ...] = (3, 4, 5, 6)
    gap: float = Field(default=1e-4, gt=0, description="relative duality gap the NTP-SVM solver stops at")
    max_iterations: int = Field(default=12_000, ge=1, description="of L-BFGS at each ridge")


class Settings(Spec):
    """All settings of the study at one scale."""

    symmetric: Symmetric = Symmetric()
    random_supports: RandomSupports = RandomSupports()
    collapse: Collapse = Collapse()
    fixed_embeddings: FixedEmbeddings = FixedEmbeddings()
    transformer: TinyTransformer = TinyTransformer()
    text: str = Field(default="novels", description="a text (file, shipped or fetched), or a saved context matrix")
    reading: Text = Text()


LAPTOP = Settings()

SMOKE = Settings(
    random_supports=RandomSupports(sizes=((6, 10), (8, 20))),
    collapse=Collapse(decades=(2, 4, 6)),
    fixed_embeddings=FixedEmbeddings(steps=10_000),
    transformer=TinyTransformer(width=16, layers=1, heads=2, steps=100, marks=6),
    reading=Text(max_tokens=5000, contexts=40, decades=(3, 4)),
)

# The authors train a Transformer of 4 layers and width 128 for 12 000 to 50 000 epochs on 403 contexts.
PAPER = Settings(
    symmetric=Symmetric(steps=1_000_000),
    random_supports=RandomSupports(sizes=((6, 10), (10, 40), (20, 80), (50, 200), (100, 400))),
    fixed_embeddings=FixedEmbeddings(steps=1_000_000),
    transformer=TinyTransformer(width=128, layers=4, heads=4, steps=25_000, marks=40),
    reading=Text(max_tokens=500_000, contexts=1600, max_iterations=20_000),
)
