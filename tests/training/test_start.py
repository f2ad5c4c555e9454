from __future__ import annotations

from pathlib import Path

from geomem.models.node2vec import Node2Vec
from geomem.training.start import train_any
from tests.training.settings import new_run, small
from tests.training.test_word_vectors import vectors


def test_the_model_decides_how_it_is_trained(tmp_path: Path) -> None:
    spec = vectors()
    assert isinstance(train_any(spec, new_run(tmp_path, spec)).model, Node2Vec)
    sequence = small()
    trained = train_any(sequence, new_run(tmp_path, sequence))
    assert len(trained.history.series("loss")[0]) == 30
