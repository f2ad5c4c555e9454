"""A make-believe study run of realistic size, written with the package's own writers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from geomem.runs.directory import Run
from geomem.runs.examples import Example, Examples
from geomem.runs.exhibits import (
    BarPanel,
    Bars,
    BarSeries,
    Curves,
    Heatmap,
    HeatmapPanel,
    Map,
    MapPanel,
    Measured,
    Reference,
    Series,
    Table,
    Verdict,
    VerdictWord,
    write_exhibit,
    write_verdicts,
)
from geomem.runs.tables import History, Measurement, write_measurements

EVIL = "<script>window.pwned=1</script>"
CONTINENTS = ("Africa", "Asia", "Europe", "North America", "South America", "Oceania")


def star_map(arms: int = 250, length: int = 4) -> Map:
    """A path-star of `arms` arms as a geometric model would place it, beside a look-up table's random cloud."""
    random = np.random.default_rng(0)
    count = arms * (length - 1) + 1
    labels, groups, marks, edges, paths = ["root"], [""], ["root"], [], []
    positions = np.zeros((count, 2))
    for arm in range(arms):
        first = 1 + arm * (length - 1)
        paths.append((0, *range(first, first + length - 1)))
        edges += [(0, first), *((node, node + 1) for node in range(first, first + length - 2))]
        angle = 2 * np.pi * arm / arms
        for hop in range(length - 1):
            labels.append(f"{first + hop}")
            groups.append(f"arm {arm}")
            marks.append("leaf" if hop == length - 2 else "first hop" if hop == 0 else "inner")
            radius = 0.45 + 0.28 * hop
            positions[first + hop] = (radius * np.cos(angle), radius * np.sin(angle))
    positions += random.normal(0, 0.025, positions.shape)
    return Map(
        id="star-map",
        title="What the model drew, and what a look-up table looks like",
        caption="Every dot is a node, placed by its token embedding (first two principal components); colours are arms "
        "of the star. Both models know every edge. Only the left one may change its embeddings.",
        experiment="edges alone",
        hero=True,
        panels=(
            MapPanel(title="Transformer trained on edges", positions=positions),
            MapPanel(title="Same model, frozen embeddings (look-up table)", positions=random.normal(0, 1, (count, 2))),
        ),
        labels=tuple(labels),
        groups=tuple(groups),
        marks=tuple(marks),
        edges=tuple(edges),
        paths=tuple(paths),
        emphasis=(0,),
        x_label="principal component 1",
        y_label="principal component 2",
    )


def country_map(count: int = 160) -> Map:
    random = np.random.default_rng(1)
    syllables = ["Al", "Ber", "Can", "Dor", "Es", "Fin", "Gal", "Hon", "Ist", "Jor", "Kal", "Lim", "Mon", "Nor", "Ost"]
    names = ["Bosnia and Herzegovina", "Côte d'Ivoire", "Österreich", "$x_1$ & Co", EVIL, "日本",
             "Saint Vincent and the Grenadines"]  # fmt: skip
    while len(names) < count:
        name = "".join(random.choice(syllables, random.integers(1, 4))).capitalize() + random.choice(["ia", "land", ""])
        if name not in names:
            names.append(name)
    centres = random.uniform(-1, 1, (len(CONTINENTS), 2))
    continent = random.integers(0, len(CONTINENTS), count)
    truth = centres[continent] + random.normal(0, 0.25, (count, 2))
    learned = truth + random.normal(0, 0.09, truth.shape)
    distance = np.linalg.norm(truth[:, None] - truth[None], axis=-1)
    edges = sorted({tuple(sorted((i, int(j)))) for i in range(count) for j in np.argsort(distance[i])[1:4]})
    return Map(
        id="country-map",
        title="A map of the world from “A borders B” alone",
        caption="Countries placed by a model that saw only who borders whom, turned to lie on the true map.",
        experiment="country borders",
        panels=(MapPanel(title="Embedding, after Procrustes", positions=learned, truth=truth, note="disparity 0.21"),),
        labels=tuple(names),
        groups=tuple(CONTINENTS[index] for index in continent),
        edges=tuple((int(a), int(b)) for a, b in edges),
    )


def accuracy_curves() -> Curves:
    steps = np.arange(0, 1001, 20)

    def grown(start: float, top: float) -> dict[str, Any]:
        middle = top / (1 + np.exp(-(steps - start) / 60))
        spread = 0.12 * np.sqrt(np.clip(middle * (1.02 - middle), 0, None))
        return {"x": steps, "y": middle, "low": np.clip(middle - spread, 0, 1), "high": np.clip(middle + spread, 0, 1)}

    return Curves(
        id="path-accuracy",
        title="Finding the first hop of paths never shown",
        caption="Lines are means over three seeds, bands the range.",
        experiment="path finding",
        series=(
            Series(name="held-out leaves", **grown(420, 0.86)),
            Series(name="training leaves", dashed=True, **grown(380, 0.99)),
            Series(name="held-out, frozen embeddings", **grown(400, 0.006)),
        ),
        references=(Reference(name="chance", value=0.004),),
        y_label="exact first hop",
        percent=True,
    )


def loss_curves() -> Curves:
    steps = np.geomspace(1, 1000, 40)
    series = tuple(
        Series(name=f"{name} loss", x=steps, y=6 * np.exp(-steps / scale) + floor)
        for name, scale, floor in (("edge", 90, 0.9), ("path", 300, 0.02))
    )
    return Curves(id="losses", title="Losses", experiment="path finding", order=5, series=series, log_x=True,
                  log_y=True, y_label="loss (nats)")  # fmt: skip


def leaf_heatmap(size: int = 63) -> Heatmap:
    random = np.random.default_rng(2)
    noise = random.normal(0, 0.12, (2, size, size))
    groups = tuple("held out" if index >= 47 else "training" for index in range(size))
    return Heatmap(
        id="leaf-first-hop",
        title="Leaves lie beside the first hop of their own path",
        caption="Cosine between the embedding of leaf i (rows) and first hop j (columns).",
        experiment="path finding",
        order=2,
        panels=(
            HeatmapPanel(title="Transformer", matrix=noise[0] + 0.75 * np.eye(size)),
            HeatmapPanel(title="Frozen embeddings", matrix=noise[1]),
        ),
        row_groups=groups,
        col_groups=groups,
        x_label="first hop of path j",
        y_label="leaf of path i",
        value_label="cosine",
        vmin=-1,
        vmax=1,
        diverging=True,
    )


def eigen_bars() -> Bars:
    values = np.linspace(0, 1, 16)[::-1]
    panels = []
    for index, name in enumerate(("Node2Vec", "TinyNN", "TinyGPT", "Associative memory")):
        kept = np.exp(-np.arange(16) * (0.9, 0.5, 0.35, 0.02)[index])
        panels.append(
            BarPanel(
                title=name,
                categories=tuple(str(rank) for rank in range(16)),
                series=(
                    BarSeries(name="λ / λ_max of the graph", values=values, colour=5),
                    BarSeries(
                        name="p / p_max of the embeddings", values=kept, low=kept * 0.9, high=kept * 1.05, colour=1
                    ),
                ),
            )
        )
    return Bars(
        id="eigen-projections",
        title="Which directions of the graph the embeddings keep",
        caption="Eigenvectors of −L from the smoothest on; a geometric memory keeps the first few.",
        experiment="tiny graphs",
        panels=tuple(panels),
        x_label="eigenvector, smoothest first",
        y_label="share of the largest",
    )


def direction_bars() -> Bars:
    names = ("forward edges only", "backward edges only", "both directions")
    series = (
        BarSeries(name="root to leaf", values=(0.004, 0.01, 0.93), low=(0.0, 0.0, 0.9), high=(0.01, 0.02, 0.96)),
        BarSeries(name="leaf to root", values=(0.004, 0.9, 0.97), low=(0.0, 0.8, 0.95), high=(0.01, 0.95, 0.99)),
    )
    return Bars(id="directions", title="Which edge directions are needed", experiment="directions",
                panels=(BarPanel(title="all", categories=names, series=series),), percent=True,
                references=(Reference(name="chance", value=0.004),), y_label="exact path")  # fmt: skip


def storage_table() -> Table:
    rows = (("path-star G(250,4)", 751, 1.31e5, 1.8, None), ("cycle of 15", 15, 812.0, 1.02, "closed form"))
    return Table(id="storage", title="Bits and norm of both memories", experiment="tiny graphs", order=7,
                 columns=("graph", "nodes", "bits", "norm ratio", "note"), rows=rows)  # fmt: skip


def walks() -> Examples:
    """Answers to a star of two arms: down the wrong arm and then to the goal, right, and broken."""
    positions = ((0, 0), (1, 0.5), (2, 0.5), (3, 0.5), (1, -0.5), (2, -0.5), (3, -0.5))
    base = Example(
        title="prompt 1",
        verdict="wrong arm",
        right=False,
        prompt=(
            "4",
            "9",
            "|",
            "4",
            "7",
            "|",
            "9",
            "1",
            "|",
            "7",
            "5",
            "|",
            "1",
            "3",
            "|",
            "5",
            "2",
            "/",
            "4",
            "3",
            "=",
        ),
        answer=("4", "7", "5", "3"),
        expected=("4", "9", "1", "3"),
        wrong=1,
        labels=("4", "9", "1", "3", "7", "5", "2"),
        positions=positions,
        edges=((0, 1), (0, 4), (1, 2), (4, 5), (2, 3), (5, 6)),
        true_path=(0, 1, 2, 3),
        path=(0, 4, 5, 3),
        marked=(0, 3),
    )
    right = {"title": "prompt 2", "verdict": "right", "right": True, "answer": base.expected, "wrong": None}
    names = ("Mongolia", "China", "Nepal", EVIL, "Lao", "Chad", "Oman")
    far = ((0, 0), (1, 2), (2, 2), (3, 2), (1, -2), (2, -2), (3, -2))
    broken = {"title": "prompt 3", "verdict": EVIL, "labels": names, "positions": far, "path": (0, -1, -1, 3),
              "answer": ("Mongolia", EVIL, "=", "Chad"), "expected": ()}  # fmt: skip
    return Examples(id="walks", title="What it answered, prompt by prompt", caption="The green band is the right path.",
                    experiment="path finding", order=20,
                    examples=(base, base.model_copy(update={**right, "path": base.true_path}),
                              base.model_copy(update=broken)))  # fmt: skip


def claims() -> list[Verdict]:
    words: list[VerdictWord] = ["supported"] * 9 + ["contradicted", "inconclusive"] + ["not-run"] * 9
    statements = [
        "Paths from root to leaf are found for leaves never shown",
        "The same model fails when the graph stands in the prompt",
        "Path tokens are not learned from the end backwards",
        "The hardest token, the first hop, is learned when it alone has a loss",
        "A leaf lies closer to the first hop of its own path than to others",
    ]
    experiments = ("path finding", "edges alone", "tiny graphs", "country borders", "directions")
    found: list[Verdict] = []
    for index, word in enumerate(words):
        percent = index % 2 == 0
        centre = 0.82 if percent else 1.374
        values = tuple(centre + shift for shift in (-0.06, 0.01, 0.05))
        measured = Measured(name="held-out first hop" if percent else "diagonal against off-diagonal", value=centre,
                            low=values[0], high=values[2], seeds=3, values=values, percent=percent)  # fmt: skip
        found.append(
            Verdict(
                claim=f"C{index + 1}",
                statement=statements[index % 5],
                source="arXiv 2510.26745, Fig. 4 left",
                reported="up to 100 % exact match" if percent else "curves only",
                threshold="above 50 % in every seed" if percent else "lower end above 1",
                verdict=word,
                measured=None if word == "not-run" else measured,
                experiment=experiments[index % 5] if word != "not-run" else "reverse paths",
                note="Two of three seeds agree." if word == "inconclusive" else "",
            )
        )
    return found


def make_study(path: Path, *, name: str = "geometric-memory", finding: str = "", evil: bool = False) -> Path:
    """Write a finished study run at `path` and return it."""
    title = f"{name} {EVIL}" if evil else name
    spec = {"scale": "laptop", "experiments": ["headline"], "note": EVIL}
    choices = {"device": "cpu, because no CUDA device was found", "threads": "2, the cores there are"}
    run = Run.create_at(path, title, "study", spec, [0, 1, 2], choices)
    exhibits = [star_map(), country_map(), accuracy_curves(), loss_curves(), leaf_heatmap(), eigen_bars(),
                direction_bars(), storage_table(), walks()]  # fmt: skip
    for exhibit in exhibits:
        changes = {"title": f"{exhibit.title} {EVIL}", "caption": EVIL} if evil else {}
        write_exhibit(path / "exhibits", exhibit.model_copy(update=changes))
    write_verdicts(path / "verdicts.json", claims())
    rows = [Measurement(study=name, experiment="path finding", metric="first_hop", seed=seed, value=0.8 + seed / 100)
            for seed in range(3)]  # fmt: skip
    write_measurements(path / "measurements.parquet", rows)
    for experiment, condition in (("path finding", "mixed"), ("path finding", "frozen"), ("tiny graphs", "cycle")):
        for seed in range(3):
            make_train(path / "cells" / experiment / condition / f"seed-{seed}", seed=seed)
    run.save_info(finding=finding)
    run.finish("finished", 214.0)
    return path


def make_train(path: Path, *, seed: int = 0) -> Path:
    """Write a finished training run at `path` and return it."""
    run = Run.create_at(path, "path-star", "train", {"task": {"kind": "path", "arms": 50}, "seed": seed}, [seed])
    history = History()
    for step in range(0, 200, 10):
        grown = step / 200
        history.add(
            step, {"loss": 5 * (1 - grown) + 0.1 + 0.05 * seed, "paths/first_hop": grown, "edges/top_degree": 1.0}
        )
    history.write(path / "history.parquet")
    write_measurements(path / "measurements.parquet", [Measurement(metric="chance/paths/first_hop", value=0.02)])
    run.finish("finished", 21.5 + seed)
    return path
