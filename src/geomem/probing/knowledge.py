"""Does a model hold a graph as a map? Names of nodes, their states at every layer, and how those follow the graph.

A node's state at a layer is the mean, over sentences, of the stream at the last token of its name; the states of all
nodes are centred, since a large common vector would hide every distance. The measurements are those that geomem takes
of models it trained itself: hop distance, energy on the graph's eigenvectors, recovery of the true map.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.measurement import measure
from geomem.graphs.graph import Graph
from geomem.graphs.parse import graph_from_text
from geomem.graphs.subgraph import subgraph
from geomem.probing.rows import Rows
from geomem.probing.templates import mentions, name_tokens, placed, read_templates, shipped_templates

FROM_TEXT = "text"
"""Value of --templates that reads names where they stand in the text, instead of in sentences of their own."""
FEWEST_NAMES = 8
NOT_SHOWN = ("pairs", "sampled", "nodes", "trivial")
"""Keys of the measurements that say how they were taken."""
_AROUND = 400
"""Characters of text before a mention that are read with it: enough context, and short enough for any model."""
_BATCH = 32


@dataclass(frozen=True)
class Question:
    """A graph with names, and the places where each name is read: (node, sentence, start, end).

    nodes: ids of its nodes in the whole graph, of which names that are not in the text were left out.
    """

    graph: Graph
    nodes: tuple[int, ...]
    places: tuple[tuple[int, str, int, int], ...]
    source: str
    left_out: tuple[str, ...] = ()


def question_graph(graph_text: str, seed: int) -> Graph:
    """Build the graph that `--graph` names. Raises InputError when it has no names, or is no graph."""
    graph: Graph = cast(Any, graph_from_text(graph_text)).build(seed)
    if graph.labels is None:
        raise InputError(f"--graph {graph_text}: its nodes have no names, so a language model cannot be asked about it")
    return graph


def ask(graph_text: str, templates: str | None, text: Callable[[], str], seed: int) -> Question:
    """Prepare a question about a graph (a kind or a file).

    `text` is called only when the names are to be looked up in it. Raises InputError for a graph without names, bad
    sentences, or too few names in the text.
    """
    graph = question_graph(graph_text, seed)
    if templates == FROM_TEXT:
        return _from_text(graph, graph_text, text())
    sentences = shipped_templates(graph.name) if templates is None else read_templates(Path(templates))
    names = graph.labels or ()
    places = tuple((node, *placed(sentence, name)) for node, name in enumerate(names) for sentence in sentences)
    return Question(graph, tuple(range(graph.num_nodes)), places, f"{len(sentences)} sentences a name")


def _from_text(graph: Graph, graph_text: str, text: str) -> Question:
    labels = graph.labels or ()
    found = mentions(labels, text)
    known = [node for node, name in enumerate(labels) if found[name]]
    lacking = tuple(name for name in labels if not found[name])
    if len(known) < FEWEST_NAMES:
        example = f", such as '{lacking[0]}'" if lacking else ""
        raise InputError(
            f"--graph {graph_text}: the text holds {len(known)} of its {len(labels)} names, at least {FEWEST_NAMES} "
            f"are needed; it lacks {len(lacking)}{example}; leave out --templates text to use sentences instead"
        )
    kept = subgraph(graph, np.array(known))
    places: list[tuple[int, str, int, int]] = []
    for new, node in enumerate(known):
        for start, end in found[labels[node]]:
            begin = max(0, start - _AROUND)
            places.append((new, text[begin:end], start - begin, end - begin))
    return Question(kept, tuple(known), tuple(places), "mentions in the text", lacking)


def node_states(adapter: Any, tokenizer: Any, question: Question, progress: Callable[[int, int], None] | None = None
                ) -> tuple[list[Tensor], Tensor]:  # fmt: skip
    """Return the states (L + 1 tensors of (N, d), float32) and the mean input embedding of each name (N, d).

    Raises InputError for a name or sentence that the tokenizer or the model cannot take.
    """
    prepared = [(node, *name_tokens(tokenizer, sentence, start, end)) for node, sentence, start, end in question.places]
    limit = adapter.context
    longest = max(len(ids) for _, ids, _ in prepared)
    if limit is not None and longest > limit:
        raise InputError(f"a sentence of {longest} tokens is longer than the model's context of {limit}")
    order = sorted(range(len(prepared)), key=lambda index: len(prepared[index][1]))
    table = adapter.embedding.detach().float().cpu()
    count = question.graph.num_nodes
    names, times = torch.zeros(count, table.shape[1]), torch.zeros(count)
    sums: list[Tensor] = []
    for start in range(0, len(order), _BATCH):
        rows = [prepared[index] for index in order[start : start + _BATCH]]
        for layer, read in enumerate(_read_batch(adapter, [(ids, inside[-1]) for _, ids, inside in rows])):
            if len(sums) == layer:
                sums.append(torch.zeros(count, read.shape[1]))
            sums[layer].index_add_(0, torch.tensor([node for node, _, _ in rows]), read)
        for node, ids, inside in rows:
            names[node] += table[[ids[place] for place in inside]].mean(0)
            times[node] += 1
        if progress is not None:
            progress(min(start + _BATCH, len(order)), len(order))
    return [total / times[:, None] for total in sums], names / times[:, None]


def _read_batch(adapter: Any, rows: Sequence[tuple[list[int], int]]) -> list[Tensor]:
    """Return L + 1 tensors (B, d): the streams at the wanted place of each sentence, padded on the right."""
    width = max(len(ids) for ids, _ in rows)
    tokens = torch.zeros(len(rows), width, dtype=torch.int64)
    mask = torch.zeros_like(tokens)
    for row, (ids, _) in enumerate(rows):
        tokens[row, : len(ids)] = torch.tensor(ids)
        mask[row, : len(ids)] = 1
    places = torch.tensor([place for _, place in rows])
    with adapter.record(streams=True, parts=False) as record:
        adapter.run(tokens, attention_mask=mask)
    index = torch.arange(len(rows))
    return [stream[index, places.to(stream.device)].float().cpu() for stream in record.streams]


def measure_states(
    question: Question, states: Sequence[Tensor], names: Tensor, layers: Sequence[int], rows: Rows
) -> None:
    """Add rows `knowledge/...` at the given layers, and of the mean input embedding of each name (layer None)."""
    evidence = _evidence(question.graph)
    wanted = ["hop-distance", "eigen-energy"] + (["map-recovery"] if "coordinates" in evidence else [])
    for layer, table in [(None, names), *((layer, states[layer]) for layer in layers)]:
        centred = (table - table.mean(0)).double()
        found = measure(wanted, {**evidence, "embeddings": centred})
        prefix = "knowledge/names" if layer is None else "knowledge"
        _add(rows, prefix, layer, found)
    rows.add("knowledge/nodes", float(question.graph.num_nodes))
    if question.left_out:
        rows.lines.append(f"{len(question.left_out)} names of the graph do not stand in the text and were left out, "
                          f"such as '{question.left_out[0]}'")  # fmt: skip


def _add(rows: Rows, prefix: str, layer: int | None, found: dict[str, float]) -> None:
    """Turn NAME, NAME_low, NAME_high, NAME_control, NAME_chance keys into rows with intervals and chance levels."""
    found = {key.partition("/")[2]: value for key, value in found.items()}
    for key, value in found.items():
        if key in NOT_SHOWN or key.endswith(("_low", "_high", "_control", "_chance")):
            continue
        low, high = found.get(f"{key}_low"), found.get(f"{key}_high")
        interval = None if low is None or high is None else (low, high)
        rows.add(f"{prefix}/{key}", value, layer=layer, interval=interval)
        chance = found.get(f"{key}_chance", found.get(f"{key}_control"))
        if chance is not None:
            rows.chance(f"{prefix}/{key}", chance, layer=layer)
        if f"{key}_control_high" in found:
            rows.chance(f"{prefix}/{key}_highest_shuffle", found[f"{key}_control_high"], layer=layer)


def _evidence(graph: Graph) -> dict[str, Any]:
    evidence: dict[str, Any] = {
        "edges": torch.from_numpy(graph.directed_edges("both").copy()),
        "graph_edges": torch.from_numpy(graph.edges.copy()),
        "num_nodes": graph.num_nodes,
    }
    if graph.coordinates is not None:
        evidence |= {
            "coordinates": torch.from_numpy(graph.coordinates.copy()),
            "coordinate_kind": graph.coordinate_kind,
        }
    return evidence
