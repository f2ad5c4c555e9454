"""The study put together: its experiments, claims, scales and the sentence on its first screen."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from geomem.errors import RunError
from geomem.studies.evidence import Evidence
from geomem.studies.implicit_geometry_ntp import pictures
from geomem.studies.implicit_geometry_ntp.claims import CLAIMS
from geomem.studies.implicit_geometry_ntp.predicates import FIXED, GROUPS, SUPPORTS, TEXT, TRANSFORMER
from geomem.studies.implicit_geometry_ntp.settings import LAPTOP, PAPER, SMOKE, Settings
from geomem.studies.implicit_geometry_ntp.symmetric import CONDITIONS, FREQUENCIES
from geomem.studies.implicit_geometry_ntp.text import check_text
from geomem.studies.study import Cell, Experiment, ScaleName, Study
from geomem.training.work import Work

HERE = "geomem.studies.implicit_geometry_ntp"
THREE: dict[ScaleName, int] = {"smoke": 1, "laptop": 3, "paper": 3}
ONE: dict[ScaleName, int] = {"smoke": 1, "laptop": 1, "paper": 1}


def _cells(
    function: str, conditions: Sequence[str], settings: Settings, seeds: Sequence[int], cost: float
) -> list[Cell]:
    told = settings.model_dump(mode="json")
    return [
        Cell(condition, seed, Work(seed=seed, function=f"{HERE}.{function}:run",
                                   settings={"settings": told, "condition": condition}), cost=cost)
        for condition in conditions
        for seed in seeds
    ]  # fmt: skip


def symmetric(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return a cell for each kind of unevenness and seed."""
    return _cells("symmetric", CONDITIONS, settings, seeds, 1 + 1.2e-5 * settings.symmetric.steps)


def random_supports(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return a cell a seed: all instances and the trained one."""
    return _cells("supports", [SUPPORTS], settings, seeds, 3.0)


def collapse(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return a cell a seed."""
    return _cells("collapse", [GROUPS], settings, seeds, 3.0)


def fixed(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return a cell a seed."""
    return _cells("fixed", [FIXED], settings, seeds, 1 + 1e-5 * settings.fixed_embeddings.steps)


def transformer(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return a cell a seed; a step of the default size takes 2.5 ms."""
    own = settings.transformer
    return _cells("transformer", [TRANSFORMER], settings, seeds, 2 + own.steps * own.layers * 1.3e-3)


def text(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return a cell a seed; seeds differ in the first vectors alone, and the minimum is one.

    Raises InputError where there is no text of that name, or it is empty.
    """
    check_text(settings.text)
    return _cells("text", [TEXT], settings, seeds, 5 + 0.15 * settings.reading.contexts)


def finding(evidence: dict[str, Evidence]) -> str:
    """Return the first screen's sentences, from what was measured alone; "" lets the report compose one."""
    said: list[str] = []
    try:
        if "symmetric" in evidence:
            found = evidence["symmetric"]
            ends = [found.series(FREQUENCIES, seed, "descent/cosine_rest")[1][-1] for seed in found.seeds(FREQUENCIES)]
            said.append("Trained long, logits less the log-odds of the frequencies have a cosine of "
                        f"{statistics.fmean(ends):.4f} with a matrix made from 0/1 supports.")  # fmt: skip
        if "text" in evidence:
            found = evidence["text"]
            ends = [found.profile(TEXT, seed, "path/cosine_directional")[1][-1] for seed in found.seeds(TEXT)]
            size = next(iter(found.measured(TEXT, "problem/contexts").values()))
            said.append(f"On {size:.0f} contexts of a real text the growing part has a cosine of "
                        f"{statistics.fmean(ends):.3f} with the NTP-SVM solution.")  # fmt: skip
    except RunError:
        return ""
    return " ".join(said)


CITATION = """@inproceedings{zhao2024implicit,
  title     = {Implicit Geometry of Next-token Prediction: From Language Sparsity Patterns to Model Representations},
  author    = {Zhao, Yize and Behnia, Tina and Vakilian, Vala and Thrampoulidis, Christos},
  booktitle = {Conference on Language Modeling},
  year      = {2024},
  eprint    = {2408.15417},
  archivePrefix = {arXiv}
}"""

STUDY = Study(
    name="implicit-geometry-ntp",
    title="What may follow a context decides where its vector points",
    paper="Zhao, Behnia, Vakilian, Thrampoulidis; arXiv 2408.15417, COLM 2024",
    citation=CITATION,
    summary="Trained on next tokens, logits become a finite part that holds the frequencies and a growing part that "
    "depends only on which token may follow which context. The study compares both with what the supports predict: in "
    "closed form, for random supports, a small Transformer and a real text.",
    scales={"smoke": SMOKE, "laptop": LAPTOP, "paper": PAPER},
    experiments=(
        Experiment("symmetric", "all subsets of a vocabulary",
                   "Gradient descent and the ridge path, beside the closed form.", symmetric, pictures.symmetric,
                   THREE, headline=True),
        Experiment("random-supports", "random supports",
                   "The NTP-SVM solution with its certificate, the centred support, and a trained instance.",
                   random_supports, pictures.random_supports, THREE, headline=True),
        Experiment("collapse", "contexts that share a support",
                   "Cosines and scatter of context vectors by support along the ridge path.", collapse,
                   pictures.collapse, THREE, headline=True),
        Experiment("fixed-embeddings", "the decoder alone",
                   "Gradient descent over fixed context vectors, beside the Frobenius-norm margin solution.", fixed,
                   pictures.fixed, THREE, headline=True),
        Experiment("transformer", "a small Transformer",
                   "Sixteen written contexts of five words, trained far beyond the fit.", transformer,
                   pictures.transformer, THREE, headline=True),
        Experiment("text", "a real text",
                   "The most frequent contexts of a text (or of a saved context matrix: --set text=FILE), free vectors "
                   "along the ridge path.", text, pictures.text, ONE, headline=True),
    ),
    claims=CLAIMS,
    finding=finding,
)  # fmt: skip
