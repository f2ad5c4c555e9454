"""Linear maps from every layer of the first model to every layer of this one, where both have the same tokenizer."""

from __future__ import annotations

from geomem.models.tokenizers import vocabulary_fingerprint
from geomem.probing.extra import Extra, Task, Tell
from geomem.probing.families.interventions import progress_of, some_windows
from geomem.probing.model_map import measure_model_map
from geomem.probing.rows import Rows
from geomem.probing.subject import open_subject, short_names

WINDOWS, LENGTH = 96, 64
HELD_OUT = 16


class Maps(Extra):
    """Closed-form linear maps between the streams of two models, judged on held-out windows (arXiv 2505.13898).

    From the first model named to each of the others; "layer" is the target's. Models with different tokenizers see
    different tokens and are not mapped; `comparison` compares those on words.
    """

    name = "maps"
    needs = ("blocks",)

    def measure(self, task: Task, rows: Rows, tell: Tell) -> None:
        """Open the first model beside this one and fit; the first itself, and a single model, have nothing to map."""
        spec, subject = task.spec, task.subject
        names = short_names(spec.models)
        if len(names) < 2 or spec.series:
            rows.lines.append("maps: linear maps between models need two models")
            return
        if subject.name == names[0]:
            return
        source = open_subject(names[0], spec.models[0], spec.device, spec.dtype, spec.tokenizer)
        if vocabulary_fingerprint(source.tokenizer) != vocabulary_fingerprint(subject.tokenizer):
            rows.lines.append(f"maps: {names[0]} has another tokenizer, so its layers cannot be mapped token by token")
            return
        tokens = some_windows(task, WINDOWS, LENGTH, pieces=True)
        held_out = max(1, len(tokens) * HELD_OUT // WINDOWS)
        rows.take(
            measure_model_map(
                source.adapter,
                subject.adapter,
                tokens[held_out:],
                tokens[:held_out],
                seed=spec.seed,
                batch_tokens=spec.batch_tokens,
                progress=progress_of(tell, self.name),
            )
        )
