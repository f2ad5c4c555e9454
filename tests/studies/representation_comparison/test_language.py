from __future__ import annotations

import math

import pytest
import torch

from geomem.geometry.cka import unbiased_cka
from geomem.geometry.stimuli import Level, Sizing
from geomem.studies.language_model import MODEL, SMOKE_LM
from geomem.studies.representation_comparison.language import (
    SHUFFLED,
    compare_models,
    needed_rows,
    place_layers,
    read_systems,
    smallest_related,
    tried_sizes,
)
from geomem.studies.representation_comparison.passages import cut_passages, held_out_text
from geomem.studies.representation_comparison.settings import Words
from geomem.studies.representation_comparison.systems import OTHER, UNTRAINED
from geomem.training.progress import silent
from geomem.training.work import Extra, Work
from tests.geometry.samples import normal
from tests.probing import tiny

WORDS = Words(stimuli=60, words=5, sizes=((60, 8), (20, 4)), units=(16, 4), draws=3, resamples=20, responses=4)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    folder = tmp_path_factory.mktemp("models")
    lm = SMOKE_LM.model_copy(update={"text": str(tiny.text_file(folder))})
    told = {
        "words": WORDS.model_dump(mode="json"),
        "lm": lm.model_dump(mode="json"),
        "model": str(tiny.saved(tiny.gpt2(), folder / "one")),
        "other": str(tiny.saved(tiny.gpt2(seed=1), folder / "two")),
    }
    return Work(function="x:y", settings=told, device="cpu")


@pytest.fixture(scope="module")
def extra(work: Work) -> Extra:
    return compare_models(work, None, silent)  # type: ignore[arg-type]


def layers(count: int = 120) -> list[torch.Tensor]:
    """Five layers, each the one before plus something new."""
    found = [normal(count, 12)]
    for seed in range(1, 5):
        found.append(found[-1] + normal(count, 12, seed=seed))
    return found


def test_every_system_reads_the_same_words(work: Work) -> None:
    stimuli = cut_passages(held_out_text(work), 5, 10)
    found = read_systems(work, stimuli)
    assert list(found) == [MODEL, UNTRAINED, OTHER]
    for streams in found.values():
        assert [layer.shape for layer in streams] == [(10, tiny.WIDTH)] * (tiny.LAYERS + 1)
    assert not torch.equal(found[MODEL][1], found[UNTRAINED][1])


def test_a_model_finds_its_own_layers_and_a_sibling_sits_in_between() -> None:
    model = layers()
    rows = place_layers("self", model, model, WORDS, 0)
    assert [row.value for row in rows if row.metric == "self/set"] == [1.0] * 5
    assert [row.value for row in rows if row.metric == "self/trusted"] == [1.0] * 5
    depths = [row for row in rows if row.metric == "self/depth"]
    assert [row.low for row in depths] == [row.high for row in depths] == [0, 0.25, 0.5, 0.75, 1]
    assert [row.value for row in depths] == pytest.approx([0, 0.25, 0.5, 0.75, 1], abs=0.06)
    assert [row.value for row in rows if row.metric == "self/rsa"] == pytest.approx([1.0] * 5)
    sibling = [row.value for row in place_layers("s", model[::2], model, WORDS, 0) if row.metric == "s/depth"]
    assert sibling == pytest.approx([0, 0.5, 1], abs=0.06)


def test_the_words_that_a_verdict_needs_are_counted_for_every_number_of_units() -> None:
    model = layers(400)
    rows = {(row.metric, row.step): row.value for row in needed_rows("self", model, model, WORDS, 0)}
    assert rows["self/needed_named", 16] <= 100
    assert rows["self/needed_related", 16] <= rows["self/needed_named", 16]
    assert rows["self/identified", 16] >= rows["self/identified", 4]
    alike = [layer + 1e-3 * normal(*layer.shape, seed=9) for layer in [model[0]] * 3]
    same = {(row.metric, row.step): row.value for row in needed_rows("x", alike, alike, WORDS, 0)}
    assert math.isinf(same["x/needed_named", 16])
    assert math.isfinite(same["x/needed_related", 16])


def test_half_of_the_words_are_the_most_that_is_tried() -> None:
    assert tried_sizes(500) == [16, 32, 64, 128, 250]
    assert tried_sizes(64) == [16, 32]
    assert tried_sizes(40) == [16, 20]
    assert tried_sizes(20) == [10]


def test_related_means_at_every_larger_size_too() -> None:
    def tried(stimuli: int, related: bool) -> Sizing:
        same = Level(0.5, 0.4, 0.6)
        return Sizing(stimuli, None, Level(0.0, -0.1, 0.1 if related else 0.5), same, None, 1.0)

    assert smallest_related([tried(16, True), tried(32, False), tried(64, True), tried(128, True)]) == 64
    assert smallest_related([tried(16, True), tried(32, False)]) == math.inf


def test_everything_is_measured_for_every_system(extra: Extra) -> None:
    metrics = {row.metric for row in extra.rows}
    for name in (OTHER, UNTRAINED):
        assert metrics >= {f"{name}/{key}" for key in (
            "depth", "set", "gap", "trusted", "similarity", "rsa", "encoding", "identified", "needed_named",
        )}  # fmt: skip
        assert extra.arrays[f"{name}-cka"].shape == (4, 4)
        scores = [row for row in extra.rows if row.metric == f"{name}/encoding"]
        assert [row.layer for row in scores if row.condition == ""] == [0, 1, 2, 3]
        assert [row.layer for row in scores if row.condition == SHUFFLED] == [0, 1, 2, 3]
    assert extra.numbers == {"words/stimuli": 60, "words/width": tiny.WIDTH}


def test_the_map_has_the_other_model_in_its_rows(extra: Extra, work: Work) -> None:
    stimuli = cut_passages(held_out_text(work), WORDS.words, WORDS.stimuli)
    found = read_systems(work, stimuli)
    expected = unbiased_cka(found[OTHER][1], found[MODEL][3])
    assert float(extra.arrays[f"{OTHER}-cka"][1, 3]) == pytest.approx(float(expected), abs=1e-6)
