"""What `geomem probe` calls: from the words of the command line to a probe, its page, and what is printed of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from geomem.errors import InputError
from geomem.probing import DEFAULT
from geomem.probing.spec import ProbeSpec
from geomem.runs.directory import Run
from geomem.runs.tables import Measurement, read_measurements
from geomem.spec import validate

if TYPE_CHECKING:
    from geomem.cli import Probe

SHOWN = {
    "spectrum/rankme": "RankMe",
    "spectrum/alpha": "alpha",
    "updates/update_ratio": "update",
    "updates/stream_cosine": "cos(h,h')",
    "lens/kl": "lens KL",
    "collapse/nc4": "NC4",
    "contexts/support_cka": "CKA(supports)",
}
"""Columns of the table that is printed, and their short heads."""


@dataclass(frozen=True)
class Outcome:
    """A finished probe."""

    run: Run
    rows: tuple[Measurement, ...]

    def data(self) -> Any:
        """Return finding, notes, and all rows as plain data."""
        return {"run": str(self.run.path), "report": str(self.run.path / "report.html"),
                "finding": self.run.info.finding, "notes": self.run.info.notes, "remarks": self.run.info.remarks,
                "seconds": self.run.info.seconds,
                "measurements": [row.model_dump(mode="json", exclude_none=True) for row in self.rows]}  # fmt: skip

    def renderables(self) -> list[Any]:
        """Return the sentences of the first screen, a table by layer for each model, and where the page is."""
        info = self.run.info
        shown: list[Any] = [
            "",
            escape(info.finding),
            *(f"  - {escape(note)}" for note in info.notes),
            *(f"  [dim]({escape(line)})[/]" for line in info.remarks),
            "",
        ]
        for model in dict.fromkeys(row.model for row in self.rows if row.condition == ""):
            shown += [f"[bold]{escape(model)}[/]", _layer_table([row for row in self.rows if row.model == model])]
        return [*shown, f"report: {escape(str(self.run.path / 'report.html'))}  ({info.seconds:.0f} s)"]


def run(words: Probe, console: Console) -> Outcome:
    """Run or resume a probe and write its page. Raises InputError, one line, for bad input."""
    from geomem.probing.run import resume_probe, start_probe
    from geomem.report.page import write_report

    done = resume_probe(words.resume, console) if words.resume is not None else start_probe(spec_of(words), words.out,
                                                                                          console)  # fmt: skip
    # The page shows the header, so the header says "finished" before the page is made.
    done.save_info(status="finished")
    write_report(done.path)
    done.finish("finished", done.info.seconds)
    return Outcome(done, tuple(read_measurements(done.path / "measurements.parquet")))


def spec_of(words: Probe) -> ProbeSpec:
    """Turn options into settings. Raises InputError naming the option at fault."""
    from geomem.probing.contexts import check_asked

    models, steps = _models(words)
    if words.text is None:
        raise InputError("--text FILE is missing: the text that the model reads, or a name such as novels")
    if words.templates is not None and words.graph is None:
        raise InputError("--templates needs --graph: sentences for the names of which graph?")
    check_asked(words.measure, words.contexts)
    return validate(ProbeSpec, {
        "models": models, "steps": steps, "series": words.series is not None, "text": words.text,
        "tokenizer": words.tokenizer, "measure": words.measure or DEFAULT, "layers": _layers(words.layers),
        "max_tokens": words.max_tokens, "batch_tokens": words.batch_tokens, "context": words.context,
        "attention": words.attention, "keep_sinks": words.keep_sinks,
        "controls": () if words.no_controls else ("untrained", "shuffled"),
        "graph": words.graph, "templates": words.templates, "contexts": words.contexts, "seed": words.seed,
        "device": words.device, "dtype": words.dtype, "workers": words.workers, "executor": words.executor,
    }, "probe")  # fmt: skip


def _models(words: Probe) -> tuple[tuple[str, ...], tuple[int, ...]]:
    from geomem.probing.subject import find_series

    if words.series is not None:
        if words.models:
            raise InputError("give either models or --series, not both")
        found = find_series(words.series)
        return tuple(place for _, place in found), tuple(step for step, _ in found)
    if not words.models:
        raise InputError("which model? for example: geomem probe path/to/model --text book.txt")
    return tuple(_place(model, words.download) for model in words.models), ()


def _place(model: str, download: bool) -> str:
    """Return where a model lies; a hub id is downloaded only when the user allowed it."""
    from geomem.fetch import ITEMS

    if not download or Path(model).exists() or model in ITEMS:
        return model
    from geomem.models.hub import download_checkpoint

    return str(download_checkpoint(model))


def _layers(text: str | None) -> tuple[int, ...]:
    if text is None:
        return ()
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--layers {text}: expected numbers with commas between them, such as 0,6,11") from None


def _layer_table(rows: list[Measurement]) -> Table:
    found = {(row.metric, row.layer): row.value for row in rows if row.condition == "" and row.layer is not None}
    columns = [metric for metric in SHOWN if any(name == metric for name, _ in found)]
    layers = sorted({layer for metric, layer in found if metric in columns})
    table = Table("layer", *(SHOWN[metric] for metric in columns), box=None, padding=(0, 2))
    for layer in layers:
        cells = [found.get((metric, layer)) for metric in columns]
        table.add_row(str(layer), *("" if cell is None else f"{cell:.3g}" for cell in cells))
    return table
