"""A graph's edges as sentences: "Mongolia borders China"."""

from __future__ import annotations

import string

from geomem.errors import InputError
from geomem.graphs.graph import Direction, Graph


def facts(graph: Graph, template: str = "{u} borders {v}", direction: Direction = "both") -> list[str]:
    """Return one sentence for each directed edge, in the order of `Graph.directed_edges`.

    Raises InputError when the template does not hold `{u}` and `{v}`, or holds anything else in braces.
    """
    try:
        fields = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
    except ValueError as error:
        raise InputError(f"template {template!r}: {error}; use {{u}} and {{v}} for the two nodes") from None
    if fields != {"u", "v"}:
        raise InputError(f"template {template!r}: must name {{u}} and {{v}} and nothing else in braces")
    return [template.format(u=graph.label(u), v=graph.label(v)) for u, v in graph.directed_edges(direction).tolist()]
