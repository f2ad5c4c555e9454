from __future__ import annotations

import pytest
import torch

from geomem.geometry.cka import minibatch_cka
from geomem.probing.families.comparison import Comparison
from geomem.probing.rows import Rows
from tests.probing import tiny


def test_the_map_is_the_exact_formula_for_every_pair_of_layers() -> None:
    reader = tiny.read(tiny.reader())
    assert any(isinstance(one, Comparison) for one in reader.families)
    rows = Rows("tiny")
    reader.results(rows)
    cka, sample = rows.arrays["comparison/cka"], reader.store.sample()
    for one in range(tiny.LAYERS + 1):
        for two in range(one, tiny.LAYERS + 1):
            exact = float(minibatch_cka(sample.streams[one], sample.streams[two], sample.windows))
            assert float(cka[one, two]) == pytest.approx(exact, rel=1e-4, abs=1e-5)
    assert torch.equal(cka, cka.T)
    assert rows.value("comparison/cka_last", tiny.LAYERS) == pytest.approx(1)


def test_few_windows_are_compared_within_and_the_reader_is_told() -> None:
    reader = tiny.read(tiny.reader(settings=tiny.spec(max_tokens=128, batch_tokens=64)))
    rows = Rows("tiny")
    reader.results(rows)
    assert any("fewer than 8 windows" in line for line in rows.lines)
    assert torch.isfinite(rows.arrays["comparison/cka"]).all()
