from __future__ import annotations

import pytest
import torch

from geomem.geometry.intrinsic_dimension import mle, nearest_distances, two_nn
from geomem.geometry.spectrum import Spectrum, table_spectrum
from geomem.probing.families.spectrum import Spectra
from geomem.probing.rows import Rows
from tests.probing import tiny


def test_every_layer_has_the_numbers_of_its_tokens_kept_whole() -> None:
    model = tiny.gpt2()
    reader = tiny.read(tiny.reader(model))
    assert isinstance(reader.families[0], Spectra)
    found, states = tiny.values(reader), tiny.states(model, reader)
    for layer in range(tiny.LAYERS):
        exact = Spectrum.of_matrix(states[layer].flatten(0, 1)).numbers()
        for name, value in exact.items():
            assert found[(f"spectrum/{name}", layer, "")] == pytest.approx(value, rel=1e-5, abs=1e-6), name
    sample = reader.store.sample()
    near = nearest_distances(sample.streams[1])
    assert found[("spectrum/two_nn", 1, "")] == two_nn(near, sample.windows).value
    assert found[("spectrum/mle_dimension", 1, "")] == mle(near, sample.windows).value


def test_tied_tables_are_measured_once_and_spectra_are_kept_for_pictures() -> None:
    model = tiny.gpt2()
    reader = tiny.read(tiny.reader(model))
    rows = Rows("tiny")
    reader.results(rows)
    exact = table_spectrum(model.transformer.wte.weight).numbers()
    assert rows.value("spectrum/embedding_rankme") == pytest.approx(exact["rankme"])
    assert not any("unembedding" in row.metric for row in rows.rows)
    kept = rows.arrays["spectrum/eigenvalues"]
    assert kept.shape == (tiny.LAYERS + 1, tiny.WIDTH)
    assert bool((kept.diff(dim=1) <= 0).all())
    untied = Rows("llama")
    tiny.read(tiny.reader(tiny.llama())).results(untied)
    assert untied.value("spectrum/unembedding_rankme") > 1
    assert torch.isfinite(untied.arrays["spectrum/unembedding_eigenvalues"]).all()
