"""With a graph: whether the names of its nodes lie in the model as the graph, or the true map, says."""

from __future__ import annotations

import torch

from geomem.geometry.procrustes import held_out_map, latitude_longitude, true_coordinates
from geomem.probing.extra import Extra, Task, Tell
from geomem.probing.knowledge import ask, measure_states, node_states
from geomem.probing.rows import Rows
from geomem.texts.reading import find_text, read_text

LAYERS = 9
"""Layers measured by default, spread evenly: each costs a bootstrap over nodes."""


class Knowledge(Extra):
    """Hop distance, graph eigen-energy and map recovery of the states of a graph's names, as in arXiv 2510.26745.

    The state of a name is the mean over template sentences of the stream at its last token, all names centred.
    `knowledge/names/...` are the same of the mean input embedding of the name's tokens. The untrained twin says how
    much the spelling of the names alone gives.
    """

    name = "knowledge"
    conditions = ("", "untrained")

    def measure(self, task: Task, rows: Rows, tell: Tell) -> None:
        """Read the names and measure at several layers; keep the best layer's map."""
        spec, subject = task.spec, task.subject
        assert spec.graph is not None
        question = ask(spec.graph, spec.templates, lambda: "".join(read_text(find_text(spec.text))), spec.seed)
        states, names = node_states(subject.adapter, subject.tokenizer, question,
                                    lambda done, total: tell("names", done, total))  # fmt: skip
        last = len(states) - 1
        layers = spec.layers or tuple(sorted({round(place * last / (LAYERS - 1)) for place in range(LAYERS)}))
        tell("geometry of names", 0, 1)
        measure_states(question, states, names, [layer for layer in layers if layer <= last], rows)
        rows.lines.append(f"knowledge: {question.graph.num_nodes} names of {question.graph.name}, {question.source}")
        graph = question.graph
        if graph.coordinates is None or task.condition:
            return
        known = torch.from_numpy(graph.coordinates).isfinite().all(1)
        best = max(layers, key=lambda layer: rows.value("knowledge/ridge_r2", layer))
        table = states[best][known]
        targets = true_coordinates(torch.from_numpy(graph.coordinates)[known], graph.coordinate_kind)
        fit = held_out_map(table - table.mean(0), targets)
        plain = latitude_longitude(fit.predicted) if graph.coordinate_kind == "sphere" else fit.predicted
        nodes = torch.tensor(question.nodes)[known]
        rows.keep({"knowledge/placed": plain, "knowledge/nodes": nodes, "knowledge/layer": torch.tensor([best])})
