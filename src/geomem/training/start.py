"""Train whatever a spec names: sequence models in the common loop, word-vector models in matrix form."""

from __future__ import annotations

from geomem.errors import clear_size_errors
from geomem.runs.directory import Run
from geomem.training.loop import Trained, train
from geomem.training.progress import Listener, silent
from geomem.training.spec import TrainSpec


def train_any(spec: TrainSpec, run: Run, listener: Listener = silent) -> Trained:
    """Train the model of `spec` in a locked run directory; see `loop.train` and `word_vectors.train_vectors`.

    Raises InputError, too, for sizes that do not fit into memory.
    """
    with clear_size_errors():
        if spec.sequence:
            return train(spec, run, listener)
        from geomem.training.word_vectors import train_vectors

        return train_vectors(spec, run, listener)
