"""The families that run the model for themselves, one after the other, once the pass over the text has ended."""

from __future__ import annotations

from collections.abc import Callable

from geomem.errors import InputError
from geomem.probing import ORDER, PROBES, STREAMING
from geomem.probing.cross import STATES
from geomem.probing.extra import Extra, Task, Tell
from geomem.probing.families import lacking
from geomem.probing.plan import Plan
from geomem.probing.rows import Rows
from geomem.probing.spec import ProbeSpec
from geomem.probing.subject import Subject
from geomem.probing.word_states import choose_stimuli, word_states
from geomem.texts.reading import find_text, read_text


def measure_extras(
    subject: Subject, condition: str, spec: ProbeSpec, plan: Plan, rows: Rows, tell: Tell,
    stop: Callable[[], bool] = lambda: False,
) -> None:  # fmt: skip
    """Measure every such family that was asked for; one that the model cannot give is left out with a line.

    Raises KeyboardInterrupt between two families when `stop` says so.
    """
    task = Task(subject, condition, spec, plan)
    for name in ORDER:
        if name in STREAMING or name not in spec.measure or not _asked(name, spec):
            continue
        kind: type[Extra] = PROBES.get(name)
        if condition not in kind.conditions or lacking(name, subject.shape):
            continue
        if stop():
            raise KeyboardInterrupt
        if not task.layers and name in ("skips", "erasure", "decomposition"):
            rows.lines.append(f"{name} was left out: none of --layers {', '.join(map(str, spec.layers))} is a block")
            continue
        tell(name, 0, 1)
        kind().measure(task, rows, tell)
    if not condition and len(spec.models) > 1 and not spec.series and "comparison" in spec.measure:
        tell("shared words", 0, 1)
        _shared_words(task, rows)


def _asked(name: str, spec: ProbeSpec) -> bool:
    """Return whether there is what a family compares the model with: a graph, or a context matrix."""
    beside = {"knowledge": spec.graph, "contexts": spec.contexts}
    return name not in beside or beside[name] is not None


def left_out(subject: Subject, spec: ProbeSpec) -> list[str]:
    """Return a line for every family asked for that this model cannot give, and why."""
    lines: list[str] = []
    for name in spec.measure:
        lack = lacking(name, subject.shape)
        if lack and _asked(name, spec):
            lines.append(f"{name} was left out: it needs {lack}")
    if not subject.shape.blocks:
        lines.append("its blocks cannot be told apart, so the last layer is the hidden state after the final norm")
    return lines


def _shared_words(task: Task, rows: Rows) -> None:
    """Keep the states at words that all models of the probe read, for comparing them."""
    try:
        stimuli = choose_stimuli(read_text(find_text(task.spec.text)))
        states = word_states(task.subject.adapter, task.subject.tokenizer, stimuli)
    except InputError as error:
        rows.lines.append(f"not compared with the other models: {error}")
        return
    import torch

    rows.keep({STATES: torch.stack(states), "words/groups": stimuli.groups})


__all__ = ["left_out", "measure_extras"]
