"""The study put together: its experiments, claims, scales and the sentence on its first screen."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from geomem.errors import RunError
from geomem.numbers import number
from geomem.studies.evidence import Evidence
from geomem.studies.language_model import lm_cells
from geomem.studies.softmax_bottleneck import pictures
from geomem.studies.softmax_bottleneck.claims import CLAIMS
from geomem.studies.softmax_bottleneck.predicates import FLOOR, MIXTURES, MODEL, SAMPLING
from geomem.studies.softmax_bottleneck.settings import LAPTOP, PAPER, SMOKE, Settings
from geomem.studies.study import Cell, Experiment, ScaleName, Study
from geomem.training.work import Work

HERE = "geomem.studies.softmax_bottleneck"
THREE: dict[ScaleName, int] = {"smoke": 1, "laptop": 3, "paper": 3}


def floor_cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return a cell a seed: the floor under every rank."""
    own = settings.floor
    fits = len(own.ranks) * (own.below + 1) * (own.starts + 1) * own.iterations
    return _cells(FLOOR, "run_floor", {"floor": own.model_dump(mode="json")}, seeds,
                  1.0 + fits * own.contexts * own.vocabulary * 5e-8)  # fmt: skip


def sampling_cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return a cell a seed: negative sampling at every dimension."""
    own = settings.sampling
    return _cells(SAMPLING, "run_sampling", {"sampling": own.model_dump(mode="json")}, seeds,
                  1.0 + len(own.widths) * own.steps * 2e-5)  # fmt: skip


def mixture_cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return a cell a seed: three output layers on one target."""
    own = settings.mixtures
    size = own.contexts * own.vocabulary * (own.components + 2)
    return _cells(MIXTURES, "run_mixtures", {"mixtures": own.model_dump(mode="json")}, seeds,
                  1.0 + own.steps * size * 5e-8)  # fmt: skip


def model_cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return a cell a seed of the language model, or one of the user's."""
    cost = 3.0 + 1e-10 * settings.contexts**2 * settings.lm.vocabulary
    return lm_cells(MODEL, f"{HERE}.language:run_language", seeds, settings.lm, model=settings.model,
                    own={"contexts": settings.contexts}, cost=cost)  # fmt: skip


def _cells(condition: str, function: str, told: dict[str, object], seeds: Sequence[int], cost: float) -> list[Cell]:
    return [
        Cell(condition, seed, Work(seed=seed, function=f"{HERE}.work:{function}", settings=told), cost=cost)
        for seed in seeds
    ]


def finding(evidence: dict[str, Evidence]) -> str:
    """Return the first screen's sentences, from what was measured alone; "" lets the report compose one."""
    said: list[str] = []
    try:
        own = evidence[MIXTURES]
        values = {
            name: number(statistics.fmean(own.measured(MIXTURES, name).values()))
            for name in ("softmax/kl", "contexts/kl", "softmaxes/kl", "softmax/rank", "softmaxes/rank")
        }
        said.append(
            f"One softmax of dimension {own.settings.mixtures.dimension} stays {values['softmax/kl']} nats from a "
            f"target of higher rank, a mixture of softmaxes {values['softmaxes/kl']}, a mixture of contexts "
            f"{values['contexts/kl']}; the ranks of what they say are {values['softmax/rank']} and "
            f"{values['softmaxes/rank']} for the first two."
        )
    except (KeyError, RunError):
        pass
    try:
        own = evidence[MODEL]
        rank, most = (statistics.fmean(own.measured(MODEL, f"model/{name}").values()) for name in ("rank", "most"))
        said.append(
            f"The log-probabilities of a language model have rank {number(rank)}; its output layer allows "
            f"{number(most)}."
        )
    except (KeyError, RunError):
        pass
    return " ".join(said)


CITATION = """@inproceedings{yang2018breaking,
  title     = {Breaking the Softmax Bottleneck: A High-Rank {RNN} Language Model},
  author    = {Yang, Zhilin and Dai, Zihang and Salakhutdinov, Ruslan and Cohen, William W.},
  booktitle = {International Conference on Learning Representations},
  year      = {2018},
  eprint    = {1711.03953},
  archivePrefix = {arXiv}
}

@inproceedings{levy2014neural,
  title     = {Neural Word Embedding as Implicit Matrix Factorization},
  author    = {Levy, Omer and Goldberg, Yoav},
  booktitle = {Advances in Neural Information Processing Systems},
  year      = {2014}
}"""

STUDY = Study(
    name="softmax-bottleneck",
    title="What a softmax over few dimensions cannot say",
    paper="Yang, Dai, Salakhutdinov, Cohen; arXiv 1711.03953, ICLR 2018. Levy, Goldberg; NeurIPS 2014",
    citation=CITATION,
    summary="The log-probabilities that an output layer gives have the rank of its dimension, whatever network is "
    "below. How much is lost where the truth has a higher rank, what mixes out of it, and what negative sampling "
    "factorises.",
    scales={"smoke": SMOKE, "laptop": LAPTOP, "paper": PAPER},
    experiments=(
        Experiment(FLOOR, "the floor under the rank", "Distributions of known rank, and the least KL of softmax models "
                   "of every dimension below it.", floor_cells, pictures.floor, THREE, headline=True),
        Experiment(SAMPLING, "negative sampling", "Gradient ascent on the expected objective of word2vec, beside the "
                   "pointwise mutual information.", sampling_cells, pictures.sampling, THREE, headline=True),
        Experiment(MIXTURES, "three output layers", "One softmax, a mixture of contexts and a mixture of softmaxes on "
                   "one target of higher rank, with free context vectors.", mixture_cells, pictures.mixtures, THREE,
                   headline=True),
        Experiment(MODEL, "a language model", "The log-probabilities of a trained language model over held-out "
                   "contexts, beside an untrained twin.", model_cells, pictures.language, THREE, headline=True),
    ),
    claims=CLAIMS,
    finding=finding,
)  # fmt: skip
