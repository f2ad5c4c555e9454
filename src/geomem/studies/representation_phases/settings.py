"""Sizes and hyper-parameters of the study at its three scales."""

from __future__ import annotations

from pydantic import Field

from geomem.spec import Spec
from geomem.studies.language_model import LAPTOP_LM, PAPER_LM, SMOKE_LM, SmallLM


class Toy(Spec):
    """The linear toy: free features f (samples x width) and a linear layer W (width x classes), gradient descent.

    Two frequent classes start as clusters with aligned columns of W, all rare ones together at the origin.
    """

    counts: tuple[int, ...] = Field(default=(2, 2, 1, 1), description="samples of every class, the frequent two first")
    width: int = Field(default=2, ge=2)
    tilts: tuple[float, ...] = Field(
        default=(0.0, 0.2, 0.3),
        description="radians by which the frequent classes stand further apart than a right angle",
    )
    control_tilt: float = Field(default=0.2, description="tilt of the controls")
    radius: float = Field(default=0.6, gt=0, description="norm of the frequent classes' features and columns")
    jitter: float = Field(default=1e-3, gt=0, description="standard deviation of what is added to every number")
    plain: float = Field(default=0.3, gt=0, description="standard deviation of the plain start, a control")
    lr: float = Field(default=0.3, gt=0)
    steps: int = Field(default=400, ge=100)
    runs: int = Field(default=4, ge=1, description="runs of a seed, each with another jitter")


class Planted(Spec):
    """Data whose spectrum is known."""

    samples: int = Field(default=20_000, description="rows of the isotropic Gaussian")
    width: int = Field(default=64, description="its width")
    exponents: tuple[float, ...] = (0.5, 1.0, 1.5)
    widths: tuple[int, ...] = Field(default=(96, 256), description="ranks of the planted power laws")


class Probe(Spec):
    """What of the text is read at every checkpoint."""

    context: int = Field(default=32, ge=2, description="tokens of a window, the last of which is a sample")
    sequences: int = Field(default=2048, ge=2, description="windows whose last token is a sample of the spectrum")
    held_out_tokens: int = Field(default=16_384, ge=64, description="tokens for loss and n-gram alignment")
    order: int = Field(default=5, ge=2, description="largest n of the n-grams")
    batch_tokens: int = Field(default=4096, ge=64)


class Truncation(Spec):
    """Keeping or removing principal directions of what the output layer reads."""

    ranks: tuple[int, ...] = Field(
        default=(1, 2, 5, 10, 20, 50), description="numbers of directions, as far as below d"
    )
    fit_tokens: int = Field(default=65_536, ge=64, description="training tokens that give the directions")
    held_out_tokens: int = Field(default=16_384, ge=64, description="tokens of the loss")


class Settings(Spec):
    """All settings of the study at one scale."""

    lm: SmallLM = LAPTOP_LM
    model: str | None = Field(
        default=None, description="a checkpoint, a run or a fetched name in place of the small language model"
    )
    from_step: int = Field(default=100, ge=0, description="where the rise of n-gram alignment is counted from")
    toy: Toy = Toy()
    planted: Planted = Planted()
    probe: Probe = Probe()
    truncation: Truncation = Truncation()


LAPTOP = Settings()

SMOKE = Settings(
    lm=SMOKE_LM,
    from_step=5,
    planted=Planted(exponents=(1.0,), widths=(96,)),
    probe=Probe(context=16, sequences=256, held_out_tokens=1024, order=3),
    truncation=Truncation(ranks=(2, 8), fit_tokens=2048, held_out_tokens=1024),
)

# 15 000 sequences of at most 512 tokens; the language model is the largest that studies share.
PAPER = Settings(
    lm=PAPER_LM,
    from_step=100,
    probe=Probe(context=512, sequences=15_000, held_out_tokens=262_144, batch_tokens=32_768),
    truncation=Truncation(ranks=(1, 2, 5, 10, 20, 50, 100, 200, 400), fit_tokens=1_048_576, held_out_tokens=262_144),
)
