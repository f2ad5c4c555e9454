"""Probing from Python: a model in memory or on disk, a text, and a tidy table back; nothing is written."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.probing.conclude import group, lead, remarks, sentences
from geomem.probing.contexts import check_asked, open_matching
from geomem.probing.extras import left_out, measure_extras
from geomem.probing.findings import Probed
from geomem.probing.keep import PassResult, keep_pass, read_pass_result
from geomem.probing.passes import measured, read_pass, tokens_of
from geomem.probing.pictures import overview
from geomem.probing.reader import Reader
from geomem.probing.spec import ProbeSpec
from geomem.probing.subject import Subject, open_subject
from geomem.runs.tables import Measurement
from geomem.spec import validate

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class ProbeResult:
    """What a probe has found. rows: the long table. notes: the sentences of the first screen."""

    rows: tuple[Measurement, ...]
    notes: tuple[str, ...]
    finding: str
    _model: Probed

    def to_frame(self) -> pd.DataFrame:
        """Return the long table as a pandas DataFrame: model, condition, layer, step, seed, metric, value, low, high.

        `polars.from_pandas` takes it as it is. Raises InputError when pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise InputError("to_frame: pandas is not installed; pip install pandas") from None
        return pd.DataFrame([row.model_dump() for row in self.rows])

    def profile(self, metric: str, condition: str = "") -> dict[int, float]:
        """Return a metric such as "spectrum/rankme" by layer; condition: "", "untrained" or "shuffled"."""
        return {row.layer: row.value for row in self.rows
                if row.metric == metric and row.condition == condition and row.layer is not None}  # fmt: skip

    def plot(self) -> Figure:
        """Draw the depth profiles as a matplotlib figure. Raises InputError when nothing has a depth."""
        from geomem.report.figures import draw

        exhibit = overview([self._model])
        if exhibit is None:
            raise InputError("plot: nothing that was measured has a depth profile")
        return draw(exhibit)

    def _repr_html_(self) -> str:
        from html import escape

        from geomem.report.figures import page_svg

        said = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        exhibit = overview([self._model])
        picture = "" if exhibit is None else page_svg(exhibit, "wide")
        return f"<p>{escape(self.finding)}</p><ul>{said}</ul>{picture}"


def probe(
    model: str | Path | PreTrainedModel,
    text: str | Path | Tensor,
    *,
    tokenizer: str | Path | PreTrainedTokenizerBase | None = None,
    measure: Sequence[str] | None = None,
    controls: Sequence[str] = ("untrained", "shuffled"),
    **settings: Any,
) -> ProbeResult:
    """Probe one model and return what was found, in memory; `geomem probe` keeps a run with a page instead.

    model: a checkpoint folder, run or fetched name, or a model that is already open (it is put in eval mode and left
    so). text: a file, the name of a shipped or fetched text, or token ids (n,) for a model without a tokenizer.
    measure: families (see `geomem list probe`). settings: further fields of `ProbeSpec`, such as max_tokens, context or
    contexts (the folder of a saved context matrix).
    Raises InputError, one line, for whatever does not fit.
    """
    place = str(model) if isinstance(model, str | Path) else type(model).__name__
    data: dict[str, Any] = {"models": (place,), "text": "tokens" if isinstance(text, Tensor) else str(text),
                            "controls": tuple(controls), **settings}  # fmt: skip
    if measure is not None:
        data["measure"] = tuple(measure)
        check_asked(measure, settings.get("contexts"))
    spec = validate(ProbeSpec, data, "probe")
    subject = _subject(model, place, tokenizer, spec)
    if spec.workers > 1:
        raise InputError("probe: workers are processes that open the model from disk; use `geomem probe --workers N`")
    open_matching(spec, subject)
    tokens = text.to(torch.int32) if isinstance(text, Tensor) else tokens_of(subject, spec)
    with tempfile.TemporaryDirectory(prefix="geomem-probe-") as folder:
        results = [_pass(subject, condition, spec, tokens, Path(folder)) for condition in ("", *spec.controls)]
        (found,) = group(results)
        rows = tuple(row for one in results for row in one.rows)
        return ProbeResult(rows, (*sentences([found]), *remarks([found])), lead(found, 1), found)


def _subject(
    model: str | Path | PreTrainedModel, name: str, tokenizer: str | Path | PreTrainedTokenizerBase | None,
    spec: ProbeSpec,
) -> Subject:  # fmt: skip
    if isinstance(model, str | Path):
        words = str(tokenizer) if isinstance(tokenizer, str | Path) else None
        subject = open_subject(Path(model).name, str(model), spec.device, spec.dtype, words)
        return subject if words is not None or tokenizer is None else replace(subject, tokenizer=tokenizer)
    from geomem.models.adapters import adapt
    from geomem.models.tokenizers import check_vocabulary, open_tokenizer
    from geomem.models.weights import check_finite

    check_finite(model)
    words = open_tokenizer(tokenizer) if isinstance(tokenizer, str | Path) else tokenizer
    if words is not None:
        check_vocabulary(words, model)
    adapter = adapt(model.eval())
    return Subject(name, None, model, adapter, words, notes=tuple(adapter.missing))


def _pass(subject: Subject, condition: str, spec: ProbeSpec, tokens: Tensor, root: Path) -> PassResult:
    reader: Reader = read_pass(subject, condition, spec, tokens)
    rows = measured(reader, subject, condition)
    own = replace(subject, model=reader.adapter.model, adapter=reader.adapter)
    measure_extras(own, condition, spec, reader.plan, rows, lambda _name, _done, _total: None)
    rows.only(spec.layers)
    if not condition:
        rows.lines += [*subject.notes, *left_out(subject, spec)]
    folder = root / (condition or "measured")
    keep_pass(folder, rows, reader, 0.0)
    found = read_pass_result(folder)
    assert found is not None
    return found.held()
