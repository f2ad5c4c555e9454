"""Settings of the tasks; importing them does not import torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, SerializeAsAny, field_validator, model_validator

from geomem.errors import InputError
from geomem.spec import Spec, resolve

if TYPE_CHECKING:
    from geomem.tasks.cloze import ClozeTask
    from geomem.tasks.contexts import ContextsTask
    from geomem.tasks.easy_hard import EasyHardTask
    from geomem.tasks.in_context import InContextPath
    from geomem.tasks.in_weights import InWeightsEdges, InWeightsPath
    from geomem.tasks.lookup import LookupTask
    from geomem.tasks.markov import MarkovTask
    from geomem.tasks.text import TextTask

Direction = Literal["forward", "backward", "both"]
EdgeForm = Literal["contexts", "examples"]


def _path_star() -> Spec:
    from geomem.graphs import GRAPHS

    return resolve(GRAPHS, "path-star", "graph")


class _EdgeSettings(Spec):
    graph: SerializeAsAny[Spec] = Field(default_factory=_path_star, description="the graph to memorise")
    directions: Direction = Field("both", description="which way edges are stated")
    self_edges: bool = Field(False, description="also state 'u is followed by u' for every node")
    edge_form: EdgeForm = Field(
        "contexts", description="train on distinct contexts with soft labels, or on one example per edge (same loss)"
    )
    edge_token: bool = Field(True, description="start an edge example with [EDGE]")
    edge_pause: bool = Field(False, description="put one [PAUSE] after the source node of an edge")

    @field_validator("graph", mode="before")
    @classmethod
    def _graph(cls, value: object) -> Spec:
        from geomem.graphs import GRAPHS

        return resolve(GRAPHS, value, "graph")


class InWeightsEdgesSpec(_EdgeSettings):
    """Memorise the edges of one graph (arXiv 2510.26745)."""

    kind: Literal["in-weights-edges"] = "in-weights-edges"

    def build(self, seed: int) -> InWeightsEdges:
        """Build the task; `seed` decides the graph's node numbers."""
        from geomem.tasks.in_weights import InWeightsEdges

        return InWeightsEdges(self, seed)


class InWeightsPathSpec(_EdgeSettings):
    """Memorise the edges of one graph and find paths in it (arXiv 2510.26745)."""

    kind: Literal["in-weights-path"] = "in-weights-path"
    target: Literal["full", "hardest", "reversed"] = Field(
        "full", description="the path from the root, its first hop alone, or the path from the leaf"
    )
    pauses: int = Field(1, ge=0, description="[PAUSE] tokens between the leaf and the path")
    start_node: bool = Field(False, description="name the root before the leaf")
    split: Literal["leaf", "subtree"] = Field("leaf", description="hold out single paths, or all paths of some arms")
    train_share: float = Field(0.75, gt=0, le=1, description="share of the paths (or arms) trained on, rounded down")
    path_share: float = Field(0.25, gt=0, lt=1, description="default share of the path loss in the whole loss")
    teacherless: bool = Field(False, description="hide target inputs behind $ and decode in one shot")
    root: int | str | None = Field(None, description="node paths start from; default: the graph's root")
    path_length: int | None = Field(
        None, ge=2, description="nodes in a path: a shortest one to every node that far; default: the graph's own paths"
    )

    @model_validator(mode="after")
    def _root_needs_length(self) -> Self:
        if self.root is not None and self.path_length is None:
            raise InputError("root: needs path_length, the number of nodes in a path")
        return self

    def build(self, seed: int) -> InWeightsPath:
        """Build the task; `seed` decides the graph's node numbers and the split.

        Raises InputError when the graph has no paths and no root and path_length say where to find them, or when the
        training share leaves no path to train on.
        """
        from geomem.tasks.in_weights import InWeightsPath

        return InWeightsPath(self, seed)


class InContextPathSpec(Spec):
    """Find the path in a fresh path-star that the prompt itself lists (arXiv 2403.06963, section 4).

    With a finite training set it is scored on training prompts too, for the answers to those can be memorised.
    """

    kind: Literal["in-context-path"] = "in-context-path"
    arms: int = Field(2, ge=1, description="arms of the star")
    length: int = Field(5, ge=2, description="nodes in a path, root included")
    num_nodes: int | None = Field(None, ge=2, description="node names to draw from; default: 50 or what the star needs")
    target: Literal["full", "reversed"] = Field("full", description="the path from the root, or from the goal")
    teacherless: bool = Field(False, description="hide target inputs behind $ and decode in one shot")
    layout: Literal["prompt", "in-weights"] = Field(
        "prompt",
        description="prompt: 'edges / root goal =' in N + 4 tokens (arXiv 2403.06963); in-weights: without '=', in the "
        "tokens of the tasks that keep a graph in the weights (arXiv 2510.26745)",
    )
    train_size: int | None = Field(
        200_000, ge=1, description="distinct training prompts, made when asked for; null: fresh ones without end"
    )
    test_size: int = Field(1000, ge=1, description="held-out prompts to score on")

    @property
    def star_nodes(self) -> int:
        """Nodes of one star: arms * (length - 1) + 1."""
        return self.arms * (self.length - 1) + 1

    @property
    def names(self) -> int:
        """Node names there are."""
        return max(50, self.star_nodes) if self.num_nodes is None else self.num_nodes

    @model_validator(mode="after")
    def _enough_names(self) -> Self:
        if self.names < self.star_nodes:
            raise InputError(
                f"num_nodes: a star of {self.arms} arms of length {self.length} has {self.star_nodes} nodes, "
                f"got {self.names} names"
            )
        return self

    def build(self, seed: int) -> InContextPath:
        """Build the task; `seed` decides every prompt."""
        from geomem.tasks.in_context import InContextPath

        return InContextPath(self, seed)


class TextSpec(Spec):
    """Predict the next token of a text; its last part is held out.

    The tokenizer is trained on the part that is not, unless one is given.
    """

    kind: Literal["text"] = "text"
    text: str = Field("novels", description="a text file (UTF-8, also packed as .gz or .xz), or the name of a text")
    tokenizer: str | None = Field(
        None, description="folder of a Hugging Face tokenizer, or a run; default: train a byte-level BPE"
    )
    vocabulary: int = Field(1024, ge=257, description="tokens of the byte-level BPE, where one is trained")
    context: int = Field(64, ge=2, description="tokens of a window")
    held_out: float = Field(0.1, gt=0, lt=1, description="share of the characters held out, at the end of the text")
    score_tokens: int | None = Field(
        50_000, ge=1, description="most held-out tokens to score on, spread evenly over them; none: all"
    )

    def build(self, seed: int) -> TextTask:
        """Build the task; `seed` decides where the first training window begins.

        Raises InputError when the text or the tokenizer cannot be read, or the text is too short.
        """
        from geomem.tasks.text import TextTask

        return TextTask(self, seed)


class ClozeSpec(TextSpec):
    """Fill in masked tokens of a text from both sides, with a model that looks ahead; the text's last part is held out.

    Its objective is `masked-diffusion`. A tokenizer without a mask token gets one.
    """

    kind: Literal["cloze"] = "cloze"  # pyright: ignore[reportIncompatibleVariableOverride]
    share: float = Field(0.15, gt=0, le=1, description="share of a held-out window's tokens masked to score on")

    def build(self, seed: int) -> ClozeTask:
        """Build the task; see `TextSpec.build`."""
        from geomem.tasks.cloze import ClozeTask

        return ClozeTask(self, seed)


class ContextsSpec(Spec):
    """Learn what follows each distinct context of a text, from soft labels (arXiv 2408.15417).

    The loss is that over all samples of the contexts that are kept; its floor is their entropy.
    """

    kind: Literal["contexts"] = "contexts"
    text: str = Field("novels", description="a text file, the name of a text, or a folder that `geomem context` saved")
    context: int | None = Field(None, ge=1, description="tokens of a context; default: 5, or what was saved")
    tokenizer: str | None = Field(
        None, description="'words' (default) or 'bpe', made from the text, or a folder; not for saved counts"
    )
    vocabulary: int | None = Field(
        None, ge=3, description="tokens of the tokenizer that is made; default: every word, or 1024 for bpe"
    )
    max_tokens: int | None = Field(None, ge=1, description="tokens read, from the beginning of the text; default: all")
    least: int = Field(1, ge=1, description="contexts that occur less often are dropped")
    most: int | None = Field(1000, ge=1, description="most contexts kept, the most frequent ones; none: all")

    def build(self, seed: int) -> ContextsTask:
        """Build the task; nothing in it is random.

        Raises InputError when the text, the tokenizer or the saved counts cannot be read, or contexts are padded.
        """
        from geomem.tasks.contexts import ContextsTask

        return ContextsTask(self, seed)


class MarkovSpec(Spec):
    """Predict the next token of a Markov source of order 2 whose every probability is known."""

    kind: Literal["markov"] = "markov"
    vocabulary: int = Field(default=32, ge=2, description="tokens V")
    supports: tuple[int, ...] = Field(
        default=(2, 3, 4), description="how many tokens may follow a pair, drawn for each pair"
    )
    popularity: float = Field(default=1.0, ge=0, description="exponent s: token r is as popular as (r + 1)^-s")
    least: float = Field(default=0.05, ge=0, description="least probability of a token that may follow")
    floor: float = Field(
        default=0.0, ge=0, description="probability of every token after every pair; 0: most are forbidden"
    )
    length: int = Field(default=24, ge=3, description="tokens of a sequence")
    train_size: int = Field(default=20_000, ge=1, description="training sequences")
    held_out_size: int = Field(default=1000, ge=1, description="held-out sequences, drawn independently")

    def build(self, seed: int) -> MarkovTask:
        """Build the task; `seed` decides source and sequences. Raises InputError as `draw_source` does."""
        from geomem.tasks.markov import MarkovTask

        return MarkovTask(self, seed)


def _check_packing(pairs: int, packed: int) -> None:
    if pairs % packed:
        raise InputError(f"packed: {pairs} pairs cannot be packed by {packed} without some left over")


class LookupSpec(Spec):
    """Answer with the value of one key of a table that the prompt states in few positions (after arXiv 2310.02226).

    Streams to pre-train on: `text`, `pairs`, `copy`. One token states several keys, or their values.
    """

    kind: Literal["lookup"] = "lookup"
    keys: int = Field(6, ge=2, description="keys there are")
    values: int = Field(6, ge=2, description="values there are")
    pairs: int = Field(4, ge=1, description="pairs in a table, with different keys")
    packed: int = Field(2, ge=1, description="keys, or values, in one token")
    length: int = Field(32, ge=4, le=65_536, description="tokens of a sequence to pre-train on, even")
    train_size: int = Field(50_000, ge=1, description="training examples of each kind")
    test_size: int = Field(1000, ge=1, description="held-out examples of each kind")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _check_packing(self.pairs, self.packed)
        if self.pairs > self.keys:
            raise InputError(f"pairs: {self.pairs} pairs need as many different keys, got keys {self.keys}")
        if self.length % 2:
            raise InputError(f"length: must be even, got {self.length}")
        return self

    def build(self, seed: int) -> LookupTask:
        """Build the task; `seed` decides every example."""
        from geomem.tasks.lookup import LookupTask

        return LookupTask(self, seed)


class EasyHardSpec(Spec):
    """Predict targets that follow a rule, must be looked up far back, or are noise (after arXiv 2510.13879)."""

    kind: Literal["easy-hard"] = "easy-hard"
    keys: int = Field(4, ge=2, description="keys, each with a value in every table")
    values: int = Field(4, ge=2, description="values, which all targets are")
    packed: int = Field(2, ge=1, description="keys, or values, in one token of the table")
    cues: int = Field(8, ge=1, description="tokens after which the target is a fixed one")
    items: int = Field(12, ge=1, le=65_536, description="targets in a sequence")
    noise: float = Field(0.1, ge=0, lt=1, description="share of targets that are noise; half of the others are easy")
    train_size: int = Field(100_000, ge=1, description="training sequences")
    test_size: int = Field(500, ge=1, description="held-out sequences")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _check_packing(self.keys, self.packed)
        return self

    def build(self, seed: int) -> EasyHardTask:
        """Build the task; `seed` decides the rule and every sequence."""
        from geomem.tasks.easy_hard import EasyHardTask

        return EasyHardTask(self, seed)
