"""The study's exhibits: accuracy node by node over training, cheat beside decision, arms followed, answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from geomem.runs.examples import Examples
from geomem.runs.exhibits import (
    Curves,
    Exhibit,
    Heatmap,
    HeatmapPanel,
    ProfilePanel,
    Profiles,
    Reference,
    Series,
    Table,
)
from geomem.studies.bands import band
from geomem.studies.evidence import Evidence
from geomem.studies.over_training import course, first_above
from geomem.studies.pitfalls_ntp.predicates import ARM, CHEAT, DECISION, EXACT, FINITE, HELD_OUT, TWO_ARMS
from geomem.studies.pitfalls_ntp.settings import Settings, Star
from geomem.studies.pitfalls_ntp.walks import walks

NAMES = {"forward": "next token", "reversed": "reversed", "teacherless": "teacherless", "first-token": "decision alone"}

LEARNED = 0.9
"""A node counts as learned at the first evaluation at which its accuracy exceeds this."""

ENDED = "A run that has met its mark ends, and keeps its last values here."


def exhibits(experiment: str, star: str) -> Callable[[Evidence], Sequence[Exhibit]]:
    """Return the function that draws an experiment whose star is that setting."""

    def draw(evidence: Evidence) -> Sequence[Exhibit]:
        own: Star = getattr(evidence.settings, star)
        made = [_accuracy(evidence, experiment, own), *_nodes(evidence, experiment, own)]
        made += [_cheat(evidence, experiment, own), _confusion(evidence, experiment), _numbers(evidence, experiment)]
        made += _cascade(evidence, experiment, own)
        return [*made, *_answers(evidence, experiment, own)]

    return draw


def finite(evidence: Evidence) -> Sequence[Exhibit]:
    """Draw what a model knows of its training prompts beside fresh ones."""
    star: Star = evidence.settings.star
    splits = {"train": "training prompts", "held_out": "fresh prompts"}
    lines = [
        _line(evidence, "forward", f"paths/{split}/{metric}", f"{what}, {where}", dashed=metric == "decision",
              colour=slot)
        for slot, (split, where) in enumerate(splits.items())
        for metric, what in (("exact", "path"), ("decision", "decision"))
    ]  # fmt: skip
    return [
        Curves(id=f"{FINITE}-memory", title="A fixed set of prompts: what is memorised", experiment=FINITE,
               series=tuple(lines), y_label="accuracy", percent=True, references=(_chance(star),),
               caption=f"{evidence.settings.finite.prompts} training prompts, passed again and again; mean over seeds "
               "with their range. A decision that is memorised rises on training prompts alone."),
        _numbers(evidence, FINITE),
        *_answers(evidence, FINITE, star),
    ]  # fmt: skip


def _accuracy(evidence: Evidence, experiment: str, star: Star) -> Exhibit:
    lines = [_line(evidence, name, EXACT, NAMES[name]) for name in _conditions(evidence) if name != "first-token"]
    return Curves(id=f"{experiment}-path", title="Finding the whole path", experiment=experiment,
                  y_label="path accuracy", series=tuple(lines), percent=True, hero=experiment == TWO_ARMS,
                  references=(_chance(star),),
                  caption="Every node right, decoded freely, on fresh stars; mean over seeds with their range. "
                  f"{ENDED}")  # fmt: skip


def _nodes(evidence: Evidence, experiment: str, star: Star) -> list[Exhibit]:
    """Draw the accuracy of every node over training, in a frame for each way of training."""
    views = {"position": "decoded freely", "forced": "true nodes shown"}
    panels = [
        ProfilePanel(
            title=f"{NAMES[name]}, {words}",
            series=tuple(
                _line(evidence, name, f"{HELD_OUT}/{view}_{node}", f"node {node + 1}", colour=node)
                for node in range(star.length)
            ),
            references=(_chance(star),),
        )
        for name in _conditions(evidence)
        for view, words in views.items()
        if name != "first-token" and not (name == "teacherless" and view == "forced")
    ]
    return [Profiles(id=f"{experiment}-nodes", title="Node by node", experiment=experiment, order=1, x_label="step",
                     panels=tuple(panels),
                     caption="Accuracy of each node of the path, counted from the start, over training. Learned from "
                     "the goal back, the nodes would rise from the last to the second. Teacherless training shows no "
                     f"nodes. {ENDED}")] if panels else []  # fmt: skip


def _cheat(evidence: Evidence, experiment: str, star: Star) -> Exhibit:
    shown = {CHEAT: "cheat index", DECISION: "decision", ARM: "answers that are an arm",
             f"{HELD_OUT}/arm_but_last": "the same, last node aside",
             f"{HELD_OUT}/gap": "lost in free decoding"}  # fmt: skip
    if star.length <= 3:  # no node between the decision and the goal
        shown = {DECISION: "decision", ARM: "answers that are an arm"}
    name = "forward" if "forward" in _conditions(evidence) else _conditions(evidence)[0]
    lines = [_line(evidence, name, metric, words) for metric, words in shown.items()]
    return Curves(id=f"{experiment}-cheat", title=f"The cheat and the decision ({NAMES[name]})", experiment=experiment,
                  series=tuple(lines), y_label="share", percent=True, order=2, references=(_chance(star),),
                  caption="Cheat index: mean accuracy of the nodes between decision and goal, each shown the true node "
                  "before it. The decision is the first node after the start. Mean over seeds with their "
                  f"range. {ENDED}")  # fmt: skip


def _confusion(evidence: Evidence, experiment: str) -> Exhibit:
    panels: list[HeatmapPanel] = []
    for name in _conditions(evidence):
        counts = sum(evidence.arrays(name, seed)["confusion"] for seed in evidence.seeds(name))
        shares = np.asarray(counts, dtype=float)
        panels.append(HeatmapPanel(title=NAMES[name], matrix=shares / shares.sum(1, keepdims=True)))
    arms = len(panels[0].matrix)
    order = tuple(f"{arm + 1}" for arm in range(arms))
    return Heatmap(id=f"{experiment}-arms", title="Which arm is followed", experiment=experiment, order=3,
                   panels=tuple(panels), row_names=order, col_names=(*order, "none"), vmin=0, vmax=1,
                   x_label="arm followed", y_label="arm asked for", value_label="share of answers",
                   caption="By the first node after the start, at the end of training. Arms are numbered by the place "
                   "of their first edge in the prompt; 'none' leaves the start by no edge of the star. All "
                   "seeds together.")  # fmt: skip


def _numbers(evidence: Evidence, experiment: str) -> Exhibit:
    metrics = {"exact": "path", "decision": "decision", "cheat": "cheat index", "gap": "gap", "arm": "arm validity",
               "arm_but_last": "last node aside", "loss": "loss, nats"}  # fmt: skip
    rows: list[tuple[str | float | None, ...]] = []
    for name in _conditions(evidence):
        for seed in evidence.seeds(name):
            columns = evidence.history(name, seed).columns
            values = [
                course(evidence, name, seed, f"{HELD_OUT}/{metric}") if f"{HELD_OUT}/{metric}" in columns else {}
                for metric in metrics
            ]
            last = max(values[0])
            rows.append((NAMES[name], seed, last, *(value.get(last) for value in values)))
    return Table(id=f"{experiment}-numbers", title="Where training ended", experiment=experiment, order=4,
                 columns=("trained with", "seed", "step", *metrics.values()), rows=tuple(rows), sortable=True,
                 caption="On fresh stars. Gap: what the cheat index loses when nodes are decoded freely.")  # fmt: skip


def _cascade(evidence: Evidence, experiment: str, star: Star) -> list[Exhibit]:
    """Table the step at which each node is learned, for teacherless runs: from the goal back, or not at all."""
    if "teacherless" not in _conditions(evidence):
        return []
    rows: list[tuple[str | float, ...]] = []
    for seed in evidence.seeds("teacherless"):
        learned = cascade({node: course(evidence, "teacherless", seed, f"{HELD_OUT}/position_{node}")
                           for node in range(star.length)})  # fmt: skip
        rows.append((seed, *(str(round(step)) if step < float("inf") else "not learned" for step in learned.values())))
    columns = ("seed", *(f"node {node + 1}" for node in range(star.length)))
    return [Table(id=f"{experiment}-cascade", title="Teacherless: when each node is learned", experiment=experiment,
                  order=5, columns=columns, rows=tuple(rows),
                  caption=f"First evaluated step at which its accuracy exceeds {LEARNED:g}. A cascade runs from right "
                  "to left; the first and the last node stand in the prompt.")]  # fmt: skip


def cascade(courses: Mapping[int, Mapping[int, float]], level: float = LEARNED) -> dict[int, float]:
    """Return the step at which each node first exceeds `level`, infinity if never.

    courses: for each node, its accuracy by step, in the order of training.
    """
    return {node: first_above(found, level) for node, found in courses.items()}


def _answers(evidence: Evidence, experiment: str, star: Star) -> list[Exhibit]:
    settings: Settings = evidence.settings
    names = star.names if experiment != "cascade" else max(settings.cascade.names, star.arms * (star.length - 1) + 1)
    made: list[Exhibit] = []
    for name in _conditions(evidence):
        if name == "first-token":  # it never learned to begin an answer
            continue
        seed = evidence.seeds(name)[0]
        made.append(
            Examples(id=f"{experiment}-answers-{name}", title=f"Answers, one by one ({NAMES[name]})", order=6,
                     experiment=experiment,
                     examples=tuple(walks(evidence.arrays(name, seed), names, settings.examples)),
                     caption=f"Fresh stars, seed {seed}, at the end of training. The band is the path asked for, "
                     "arrows are the model's; start and goal have a dark rim. A dashed arrow joins two nodes that no "
                     "edge joins.")
        )  # fmt: skip
    return made


def _conditions(evidence: Evidence) -> list[str]:
    return [name for name in NAMES if name in evidence.conditions]


def _chance(star: Star) -> Reference:
    return Reference(name="chance", value=1 / star.arms)


def _line(
    evidence: Evidence, condition: str, metric: str, name: str, *, dashed: bool = False, colour: int | None = None
) -> Series:
    """Return the mean over seeds with their range; seeds that ended earlier keep their last value."""
    courses = {seed: course(evidence, condition, seed, metric) for seed in evidence.seeds(condition)}
    steps = sorted({step for found in courses.values() for step in found})
    filled = {
        seed: [found[max(known for known in found if known <= step)] for step in steps]
        for seed, found in courses.items()
    }
    return band(name, steps, filled, dashed=dashed).model_copy(update={"colour": colour})
