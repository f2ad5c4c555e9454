"""Settings of every model. Only settings: torch and transformers are imported when a model is built."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from geomem.errors import InputError
from geomem.seeding import stream_seed
from geomem.spec import Spec

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from geomem.models.deep_linear import DeepLinear
    from geomem.models.node2vec import Node2Vec

Positions = Literal["none", "learned", "sinusoidal", "rotary"]
Initialisation = Literal["normal-0.02", "unit-normal", "scaled-residual", "fan-in"]


@contextmanager
def initial_seed(seed: int) -> Generator[None]:
    """Draw initial weights from the stream "init" of `seed`, and leave torch's global generator as it was."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "init"))
        yield


class SequenceSpec(Spec):
    """Base of the models that read token sequences."""

    sequence: ClassVar[bool] = True

    def build(self, vocab_size: int, seed: int) -> PreTrainedModel:
        """Build the causal language model, float32 on the CPU, with weights that depend on `seed` alone."""
        if vocab_size < 1:
            raise InputError(f"vocab_size: must be at least 1, got {vocab_size}")
        with initial_seed(seed):
            return self.make(vocab_size)

    @abstractmethod
    def make(self, vocab_size: int) -> PreTrainedModel:
        """Make the model with weights drawn from torch's global generator."""


class TransformerSpec(SequenceSpec):
    """Pre-LayerNorm Transformer, decoder-only unless told otherwise (arXiv 2510.26745, "GPT-mid")."""

    kind: Literal["transformer"] = "transformer"
    width: int = Field(64, ge=1, description="width of token vectors; must divide by heads")
    layers: int = Field(2, ge=0, description="number of blocks")
    heads: int = Field(4, ge=1, description="attention heads")
    mlp_width: int | None = Field(None, ge=1, description="hidden width of the MLP; 4 * width if not given")
    max_positions: int = Field(64, ge=1, description="longest sequence, where positions are learned")
    positions: Positions = Field(
        "learned", description="position vectors added to token vectors, or (rotary) rotations of queries and keys"
    )
    attention: bool = Field(True, description="off: blocks hold only the MLP, and positions do not see each other")
    causal: bool = Field(True, description="off: every position sees all others, to fill in what is masked")
    residual: bool = Field(True, description="off: a block's output replaces its input instead of being added to it")
    norm: bool = Field(True, description="LayerNorm before each part and at the end")
    biases: bool = Field(True, description="biases of the linear layers inside blocks")
    tied: bool = Field(True, description="output matrix = token table")
    scaled: bool = Field(False, description="token vectors enter times sqrt(width), as in arXiv 1706.03762")
    frozen: bool = Field(False, description="token table, output matrix and positions keep their initial values")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout on embeddings, attention and each part's output")
    initialisation: Initialisation = Field(
        "normal-0.02",
        description="normal-0.02: all weights N(0, 0.02²); unit-normal: token and output tables N(0, 1); "
        "scaled-residual: last layer of each part divided by sqrt(2 * layers), as GPT-2; fan-in: N(0, 1/inputs), "
        "N(0, 1/width) for tables, which narrow networks need for attention to be more than a mean",
    )
    position_std: float = Field(
        0.02, ge=0, description="standard deviation of learned positions; the paper's release has 1"
    )

    @model_validator(mode="after")
    def _heads_divide(self) -> TransformerSpec:
        if self.width % self.heads:
            raise InputError(f"width {self.width} does not divide by heads {self.heads}; try heads: 1, 2, 4 or 8")
        if self.positions == "rotary" and self.width // self.heads % 2:
            raise InputError(f"positions: rotary needs heads of even width, got {self.width // self.heads}")
        return self

    def make(self, vocab_size: int) -> PreTrainedModel:
        """Make the model with weights drawn from torch's global generator."""
        from geomem.models.transformer import GeomemTransformerConfig, GeomemTransformerForCausalLM

        config = GeomemTransformerConfig(
            vocab_size=vocab_size,
            hidden_size=self.width,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            intermediate_size=self.mlp_width,
            max_position_embeddings=self.max_positions,
            positions=self.positions,
            use_attention=self.attention,
            use_residual=self.residual,
            use_norm=self.norm,
            use_bias=self.biases,
            is_causal=self.causal,
            scale_embedding=self.scaled,
            tie_word_embeddings=self.tied,
            frozen_tables=self.frozen,
            dropout=self.dropout,
            initialisation=self.initialisation,
            position_std=self.position_std,
        )
        return GeomemTransformerForCausalLM(config)


class LinearSpec(SequenceSpec):
    """Base of the models made of a token table and one linear layer (arXiv 2510.26745)."""

    width: int = Field(32, ge=1, description="width of token vectors")
    tied: bool = Field(True, description="output matrix = token table")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout after the linear layer")
    initialisation: Literal["normal-0.02", "unit-normal"] = Field(
        "normal-0.02",
        description="token table N(0, 0.02²), or N(0, 1) which favours associative storage; W is N(0, 0.02²) in both",
    )
    positions: Literal["none", "learned"] = Field("none", description="position vectors added to token vectors")
    max_positions: int = Field(64, ge=1, description="longest sequence, where positions are learned")
    position_std: float = Field(1.0, ge=0, description="standard deviation of learned positions")

    @property
    def tables_frozen(self) -> bool:
        """Whether the token table keeps its initial values."""
        return False

    def make(self, vocab_size: int) -> PreTrainedModel:
        """Make the model with weights drawn from torch's global generator."""
        from geomem.models.linear import GeomemLinearConfig, GeomemLinearForCausalLM

        config = GeomemLinearConfig(
            vocab_size=vocab_size,
            hidden_size=self.width,
            max_position_embeddings=self.max_positions,
            positions=self.positions,
            tie_word_embeddings=self.tied,
            frozen_tables=self.tables_frozen,
            dropout=self.dropout,
            initialisation=self.initialisation,
            position_std=self.position_std,
        )
        return GeomemLinearForCausalLM(config)


class TinyNNSpec(LinearSpec):
    """TinyNN: logits(u) = E (W E_u + b), everything trained (arXiv 2510.26745)."""

    kind: Literal["tiny-nn"] = "tiny-nn"
    width: int = Field(512, ge=1, description="width of token vectors")
    frozen: bool = Field(False, description="the token table keeps its initial values (this is `associative`)")

    @property
    def tables_frozen(self) -> bool:
        """Whether the token table keeps its initial values."""
        return self.frozen


class AssociativeSpec(LinearSpec):
    """TinyNN with its table frozen at random values: edges can only be stored in W (arXiv 2510.26745)."""

    kind: Literal["associative"] = "associative"

    @property
    def tables_frozen(self) -> bool:
        """Whether the token table keeps its initial values."""
        return True


class AssociativeFastSpec(LinearSpec):
    """The associative model at width 512: at rate 0.1 it stores a small graph in a few steps (arXiv 2510.26745)."""

    kind: Literal["associative-fast"] = "associative-fast"
    width: int = Field(512, ge=1, description="width of token vectors")

    @property
    def tables_frozen(self) -> bool:
        """Whether the token table keeps its initial values."""
        return True


class MambaSpec(SequenceSpec):
    """Selective state-space model (arXiv 2312.00752)."""

    kind: Literal["mamba"] = "mamba"
    width: int = Field(64, ge=1, description="width of token vectors")
    layers: int = Field(2, ge=0, description="number of blocks")
    state: int = Field(16, ge=1, description="size of the state of each channel")
    convolution: int = Field(4, ge=1, description="length of the causal convolution")
    expand: int = Field(2, ge=1, description="inner width as a multiple of width")
    residual: bool = Field(True, description="off, as in the paper's release: a block's output replaces its input")
    final_norm: bool = Field(True, description="norm before the output layer; the paper's release has none")
    norm: Literal["rms", "layer"] = Field("rms", description="RMSNorm as in Mamba, or LayerNorm as in the release")
    tied: bool = Field(True, description="output matrix = token table")
    frozen: bool = Field(False, description="token table and output matrix keep their initial values")
    embedding_std: float = Field(0.02, gt=0, description="standard deviation of the initial token table")

    def make(self, vocab_size: int) -> PreTrainedModel:
        """Make the model with weights drawn from torch's global generator."""
        from geomem.models.mamba import build_mamba

        return build_mamba(self, vocab_size)


class Node2VecSpec(Spec):
    """One vector a node; logits V Vᵀ (tied) or V1 V2ᵀ (untied). No sequence axis (arXiv 2510.26745)."""

    kind: Literal["node2vec"] = "node2vec"
    sequence: ClassVar[bool] = False
    width: int = Field(100, ge=1, description="width m of the vectors")
    tied: bool = Field(True, description="one table for both roles of a node, or one for each")
    init: Literal["normal", "release"] = Field(
        "normal",
        description="normal: N(0, std²) from geomem's stream; release: torch seeded with the bare seed, N(0, 1)",
    )
    std: float = Field(1.0, gt=0, description="standard deviation of the initial vectors")
    optimiser: Literal["gradient-flow", "momentum", "adam"] = Field(
        "gradient-flow",
        description="gradient-flow: V <- V + lr C V, exactly; the others reach edges of large graphs sooner",
    )
    lr: float = Field(0.01, gt=0, description="step size")
    steps: int = Field(10_000, ge=0, description="number of full-batch steps")
    negatives: int = Field(0, ge=0, description="sampled non-neighbours per edge; 0 = the full softmax, exactly")

    @model_validator(mode="after")
    def _release_is_unit(self) -> Node2VecSpec:
        if self.init == "release" and (self.std != 1.0 or not self.tied):
            raise InputError("init: release means one table with N(0, 1) entries; drop std and tied")
        return self

    def build(self, vocab_size: int, seed: int) -> Node2Vec:
        """Build the vectors of `vocab_size` nodes, float32 on the CPU."""
        from geomem.models.node2vec import Node2Vec

        return Node2Vec.from_spec(self, vocab_size, seed)


class DeepLinearSpec(Spec):
    """y = W_D ... W_1 x: a linear map learned in stages. No sequence axis (arXiv 1312.6120)."""

    kind: Literal["deep-linear"] = "deep-linear"
    sequence: ClassVar[bool] = False
    elsewhere: ClassVar[str] = "it learns correlations of outputs with inputs: use geomem.solvers.gradient_flow.follow"
    width: int = Field(32, ge=1, description="width of the hidden layers")
    depth: int = Field(2, ge=1, description="number of weight matrices D; one is the control without stages")
    init: Literal["small-random", "gaussian", "orthogonal"] = Field(
        "small-random",
        description="small-random: N(0, scale²); gaussian: N(0, scale² / inputs); orthogonal: random, times scale",
    )
    scale: float = Field(1e-2, gt=0, description="size of the initial weights, as `init` says")

    def build(self, vocab_size: int, seed: int) -> DeepLinear:
        """Build a network from `vocab_size` one-hot items to as many outputs, float32 on the CPU."""
        from geomem.models.deep_linear import DeepLinear

        return DeepLinear.from_spec(self, vocab_size, seed)


class ArchitectureSpec(SequenceSpec):
    """Any causal architecture of `transformers` by its model type, with a small configuration."""

    kind: Literal["hf"] = "hf"
    architecture: str = Field(
        "gpt2", description="model type in transformers: gpt2, gpt_neox, llama, qwen2, olmo, mamba"
    )
    width: int = Field(64, ge=1, description="width of token vectors")
    layers: int = Field(2, ge=1, description="number of blocks")
    heads: int = Field(4, ge=1, description="attention heads (and key-value heads, where they can differ)")
    mlp_width: int | None = Field(None, ge=1, description="hidden width of the MLP; 4 * width if not given")
    max_positions: int = Field(64, ge=1, description="longest sequence")
    tied: bool = Field(True, description="output matrix = token table")
    dropout: float = Field(0.0, ge=0, lt=1, description="every dropout the architecture has")
    config: dict[str, Any] = Field(default_factory=dict, description="more settings, by the architecture's own names")

    @field_validator("architecture")
    @classmethod
    def _known(cls, value: str) -> str:
        from geomem.models.architectures import check_architecture

        return check_architecture(value)

    def make(self, vocab_size: int) -> PreTrainedModel:
        """Make the model with weights drawn from torch's global generator."""
        from geomem.models.architectures import build_architecture

        return build_architecture(self, vocab_size)
