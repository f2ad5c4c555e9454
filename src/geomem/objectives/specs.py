"""Settings of the objectives; importing them does not import torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, SerializeAsAny, field_validator, model_validator

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
