"""Settings of the objectives; importing them does not import torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, NonNegativeInt, SerializeAsAny, field_validator, model_validator

from geomem.errors import InputError
from geomem.spec import Spec, resolve

if TYPE_CHECKING:
    from geomem.batch import Alphabet
    from geomem.objectives.objective import Objective


class ObjectiveSpec(Spec):
    """Settings of an objective."""

    def build(self, alphabet: Alphabet) -> Objective:
        """Return the objective for a task with these tokens."""
        raise NotImplementedError


def _next_token() -> Spec:
    return NextTokenSpec()


class WrappingSpec(ObjectiveSpec):
    """Settings of an objective that changes a batch and hands it to another one."""

    of: SerializeAsAny[Spec] = Field(default_factory=_next_token, description="the objective the changed batch goes to")

    @field_validator("of", mode="before")
    @classmethod
    def _of(cls, value: object) -> Spec:
        from geomem.objectives import OBJECTIVES

        return resolve(OBJECTIVES, value, "of")

    def inner(self, alphabet: Alphabet) -> Objective:
        """Return the objective that the changed batch goes to."""
        assert isinstance(self.of, ObjectiveSpec)
        return self.of.build(alphabet)


class NextTokenSpec(ObjectiveSpec):
    """Next-token cross-entropy under teacher forcing, hard or soft labels."""

    kind: Literal["next-token"] = "next-token"

    def build(self, alphabet: Alphabet) -> Objective:
        """Return the objective."""
        from geomem.objectives.next_token import NextToken

        return NextToken(alphabet.size)


class MaskedDiffusionSpec(ObjectiveSpec):
    """Cross-entropy of masked tokens, their share drawn anew for each sequence (absorbing diffusion, arXiv 2502.09992).

    For a model that looks ahead (`causal: false`). Answers are filled in over some passes.
    """

    kind: Literal["masked-diffusion"] = "masked-diffusion"
    smallest: float = Field(0.05, gt=0, le=1, description="smallest share of a sequence masked; shares go up to 1")
    steps: int | None = Field(
        None, ge=1, description="passes that fill in an answer at test time; default: one a token"
    )

    def build(self, alphabet: Alphabet) -> Objective:
        """Return the objective."""
        from geomem.objectives.masked_diffusion import MaskedDiffusion

        return MaskedDiffusion(alphabet, self.smallest, self.steps)


class TeacherlessSpec(ObjectiveSpec):
    """Cross-entropy of all target tokens in one shot, none of them shown (arXiv 2403.06963, section 5).

    Answers are read in one shot, too.
    """

    kind: Literal["teacherless"] = "teacherless"

    def build(self, alphabet: Alphabet) -> Objective:
        """Return the objective."""
        from geomem.objectives.teacherless import Teacherless

        return Teacherless(alphabet)


class HybridSpec(ObjectiveSpec):
    """Next-token and teacherless loss of the same examples, read one token after another (arXiv 2504.15266).

    A step passes every sequence twice: compare methods at equal passes, not at equal steps.
    """

    kind: Literal["hybrid-teacherless"] = "hybrid-teacherless"
    share: float = Field(0.5, ge=0, le=1, description="share of the next-token loss in the whole")

    def build(self, alphabet: Alphabet) -> Objective:
        """Return the objective."""
        from geomem.objectives.hybrid import Hybrid

        return Hybrid(alphabet, self.share)


class ReversedSpec(WrappingSpec):
    """The answer's tokens from the last to the first, in training and when it is read (arXiv 2403.06963).

    Scores are in the task's own order of tokens.
    """

    kind: Literal["reversed"] = "reversed"

    def build(self, alphabet: Alphabet) -> Objective:
        """Return the objective."""
        from geomem.decoding.reader import Reversed, reverse_answers
        from geomem.objectives.wrapping import Wrapped

        return Wrapped(self.inner(alphabet), reverse_answers, Reversed)


class FirstTokenSpec(WrappingSpec):
    """One token of every answer and nothing else: the control of arXiv 2403.06963.

    By default the second one, the decision of a path whose first token is its start.
    """

    kind: Literal["first-token"] = "first-token"
    position: int = Field(2, ge=1, description="which token of the answer, counted from 1")

    def build(self, alphabet: Alphabet) -> Objective:
        """Return the objective."""
        from functools import partial

        from geomem.objectives.first_token import one_label
        from geomem.objectives.wrapping import Wrapped

        return Wrapped(self.inner(alphabet), partial(one_label, position=self.position), lambda reader: reader)


class SeedSpec(WrappingSpec):
    """A random string before every prompt: its own for each example, a fresh one at test time (arXiv 2504.15266)."""

    kind: Literal["seed"] = "seed"
    length: int = Field(4, ge=0, description="letters of a seed, one token each; 0: none")
    letters: int = Field(36, ge=2, description="letters there are")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.letters**self.length >= 2**62:
            raise InputError(f"length: {self.length} letters out of {self.letters} are more seeds than can be numbered")
        return self

    def build(self, alphabet: Alphabet) -> Objective:
        """Return the objective."""
        from functools import partial

        from geomem.objectives.seeds import Seeded, Seeds, seeded
        from geomem.objectives.wrapping import Wrapped

        inner = self.inner(alphabet)
        if self.length == 0:
            return inner
        seeds = Seeds(self.length, self.letters, alphabet.size + inner.extra_tokens)
        return Wrapped(inner, partial(seeded, seeds=seeds), partial(Seeded, seeds=seeds), self.letters)


class PauseSpec(WrappingSpec):
    """One token again and again between prompt and answer, to compute in; the answer is read at the last one.

    With mode `random`, for training before that: pauses strewn over the sequence (arXiv 2310.02226). The task's own
    token for it is used, else one more; a pause is never predicted.
    """

    kind: Literal["pause"] = "pause"
    mode: Literal["answer", "random"] = Field("answer", description="before the answer, or at random places")
    count: NonNegativeInt | tuple[NonNegativeInt, ...] = Field(
        10, description="pauses before the answer; several: one of them is drawn for each batch"
    )
    share: float = Field(0.1, gt=0, lt=1, description="mode random: pauses, as a share of the sequence's length")
    asked: int | None = Field(
        None, ge=0, description="pauses at test time; default: as in training, the most of several; none in mode random"
    )

    @field_validator("count")
    @classmethod
    def _some(cls, value: int | tuple[int, ...]) -> int | tuple[int, ...]:
        if value == ():
            raise InputError("count: name at least one number of pauses")
        return value

    @model_validator(mode="after")
    def _whole_answers(self) -> Self:
        inner: Spec = self.of
        while self.mode == "random" and isinstance(inner, WrappingSpec):
            if isinstance(inner, (ReversedSpec, FirstTokenSpec)):
                raise InputError(
                    f"of: {inner.kind} needs answers in one piece, and pauses at random places break them up; "
                    f"put pause inside it: {{kind: {inner.kind}, of: {{kind: pause, mode: random}}}}"
                )
            inner = inner.of
        return self

    def build(self, alphabet: Alphabet) -> Objective:
        """Return the objective. Without a pause in training and at test time it is `of` itself, bit for bit."""
        from functools import partial

        from geomem.decoding.paused import Paused
        from geomem.objectives.pause import pauses_before_answer, strew_pauses
        from geomem.objectives.wrapping import Wrapped

        inner = self.inner(alphabet)
        counts = self.count if isinstance(self.count, tuple) else (self.count,)
        usual = max(counts) if self.mode == "answer" else 0
        asked = usual if self.asked is None else self.asked
        if self.mode == "answer" and max(*counts, asked) == 0:
            return inner
        own = alphabet.pause is None
        pause = alphabet.size + inner.extra_tokens if alphabet.pause is None else alphabet.pause
        strewn = partial(strew_pauses, pause=pause, share=self.share)
        change = partial(pauses_before_answer, pause=pause, counts=counts) if self.mode == "answer" else strewn
        return Wrapped(inner, change, partial(Paused, pause=pause, count=asked), int(own))


class CatchYourBreathSpec(ObjectiveSpec):
    """The model answers or asks for another step on the same token, up to W steps (arXiv 2510.13879).

    Losses: `ap`, the expected discounted probability; `va`, a prescribed distribution of stopping times; `dp`, a
    price of time; partly reconstructed, see the reference. Baselines of equal length: `last`, `mean`.
    """

    kind: Literal["catch-your-breath"] = "catch-your-breath"
    loss: Literal["ap", "va", "dp", "last", "mean"] = Field(
        "ap", description="the loss, or a baseline without a choice"
    )
    slots: int = Field(3, ge=1, description="steps W at most for one token: the token itself and W - 1 pauses")
    gamma: float = Field(0.95, gt=0, le=1, description="ap: what an answer is worth one step later")
    beta: float = Field(1.0, gt=0, description="va: strength of the prescribed distribution")
    prior_mean: float = Field(
        1.4, gt=1, description="mean of the geometric distribution, before it is cut at W: of va, and of the warm-up"
    )
    penalty: float = Field(0.1, ge=0, description="dp: nats that a further step costs, at the beginning")
    budget: float | None = Field(None, ge=1, description="dp: mean steps the penalty is moved to; default: it is fixed")
    rate: float = Field(0.01, gt=0, description="dp: how fast the penalty moves, a batch")
    clock: float = Field(0.0, ge=0, lt=1, description="chance that the world insists on an answer at a step")
    warm_up: int = Field(
        200, ge=0, description="batches at the beginning that teach all steps to answer, and to stop as the prior does"
    )
    bias: float = Field(-2.0, description="added to the logit of don't-know, so that it starts rare")
    drop: float = Field(0.0, ge=0, le=1, description="chance that a predicted column lacks pauses in a batch")
    everywhere: bool = Field(False, description="pauses behind tokens that predict no label, too")
    threshold: float | None = Field(
        None, gt=0, le=1, description="answer when d is below it; default: when don't-know is not the likeliest output"
    )

    @model_validator(mode="after")
    def _budget_fits(self) -> Self:
        if self.budget is not None and self.loss != "dp":
            raise InputError(f"budget: belongs to loss dp, got loss {self.loss}")
        if self.budget is not None and self.budget > self.slots:
            raise InputError(f"budget: {self.budget} is more than the {self.slots} slots there are")
        return self

    def build(self, alphabet: Alphabet) -> Objective:
        """Return the objective."""
        from geomem.decoding.slots import Slots
        from geomem.objectives.catch_your_breath import CatchYourBreath, build_loss

        chooses = self.loss in ("ap", "va", "dp") and self.slots > 1
        wait = alphabet.size + self.slots - 1 if chooses else None
        slots = Slots(self.slots, alphabet.size, alphabet.size, wait, self.bias, self.everywhere)
        loss, price = build_loss(self)
        return CatchYourBreath(slots, loss, price, self.warm_up, self.drop, self.threshold, self.prior_mean)
