"""Examples of the tasks made one at a time in plain Python, as a script would: the peer of geomem's generators."""

from __future__ import annotations

import random
from itertools import pairwise

Row = list[int]


def path_star(generator: random.Random, arms: int, length: int, names: int) -> Row:
    """Return the prompt of a fresh path-star with its answer (see `tasks.in_context`)."""
    nodes = generator.sample(range(names), arms * (length - 1) + 1)
    root, rest = nodes[0], nodes[1:]
    paths = [[root, *rest[k : k + length - 1]] for k in range(0, len(rest), length - 1)]
    edges = [pair for path in paths for pair in pairwise(path)]
    generator.shuffle(edges)
    bar, slash = names, names + 2
    row = [token for one, two in edges for token in (one, two, bar)]
    row[-1] = slash
    return [*row, root, paths[0][-1], *paths[0]]


def siblings(generator: random.Random, parents: int, children: int) -> Row:
    """Return a triple (see `tasks.siblings`)."""
    each, parent = parents * children, generator.randrange(parents)
    one = parents + parent * children + generator.randrange(children)
    two = parents + each + parent * children + generator.randrange(children)
    return [one, two, parent, parents + 2 * each + 2]


def edge_list(generator: random.Random, entities: int, nodes: int, edges: int) -> Row:
    """Return a circle or a line (see `tasks.edge_lists`)."""
    path = generator.sample(range(entities), nodes)
    pairs = [(path[k], path[(k + 1) % nodes]) for k in range(edges)]
    generator.shuffle(pairs)
    separator = entities + 1
    row = [token for one, two in pairs for token in (one, two, separator)]
    row[-1] = separator + 1
    return row


def triangle(generator: random.Random, neighbours: list[list[int]], joined: list[set[int]]) -> Row:
    """Return a triangle: a random node and two neighbours, again until they are joined (see `tasks.triangles`)."""
    while True:
        u = generator.randrange(len(neighbours))
        if len(neighbours[u]) >= 2:
            v, w = generator.sample(neighbours[u], 2)
            if w in joined[v]:
                separator = len(neighbours) + 2
                return [u, v, separator, v, w, separator, w, u, separator + 1]


def neighbour_lists(edges: list[list[int]], nodes: int) -> tuple[list[list[int]], list[set[int]]]:
    """Return the neighbours of each node, as lists and as sets."""
    found: list[list[int]] = [[] for _ in range(nodes)]
    for one, two in edges:
        found[one].append(two)
        found[two].append(one)
    return found, [set(each) for each in found]
