from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomem.graphs.tables import edge_pairs, node_table, read_csv, read_edge_list
from tests.graphs.checks import fails

NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=6).filter(lambda s: s == s.strip())


@given(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=20))
def test_csv_reads_what_the_standard_writer_writes(edges: list[tuple[str, str]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([("source", "weight", "target"), *((u, 1, v) for u, v in edges)])
    pairs = edge_pairs(read_csv(text.getvalue(), "f.csv"), "source", "target")
    assert list(zip(pairs.sources, pairs.targets, strict=True)) == edges


def test_csv_lines_count_blank_lines_and_quoted_line_breaks() -> None:
    table = read_csv('source,target\n\n"a\nb",c\n d , e \n', "f.csv")
    assert table.rows == [["a\nb", "c"], ["d", "e"]]
    assert table.lines == [3, 5]


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("", ("f.csv", "empty", "name the columns")),
        ("\n\n", ("f.csv", "empty")),
        ("source;target\na;b\n", ("line 1", "semicolons", "commas")),
        ("source\ttarget\na\tb\n", ("line 1", "tabs", "commas")),
        ("source,target\na,b\na,b,c\n", ("f.csv line 3", "3 columns", "header names 2")),
        ("source,target\na,b\nc\n", ("f.csv line 3", "1 columns", "header names 2")),
        ('source,target\na,"b\n', ("f.csv line 2", "broken CSV")),
        ('source,target\na,"b"c\n', ("f.csv line 2", "broken CSV")),
    ],
)
def test_broken_csv(text: str, facts: tuple[str, ...]) -> None:
    fails(lambda: read_csv(text, "f.csv"), *facts)


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("sauce,target\na,b\n", ("f.csv", "no column 'source'", "did you mean 'sauce'", "sauce, target")),
        ("one,two\na,b\n", ("f.csv", "no column 'source'", "columns: one, two")),
        ("source,target\n", ("f.csv", "no edges")),
        ("source,target\na,b\n,c\n", ("f.csv line 3", "two names", "'c'")),
    ],
)
def test_csv_without_edges(text: str, facts: tuple[str, ...]) -> None:
    fails(lambda: edge_pairs(read_csv(text, "f.csv"), "source", "target"), *facts)


def test_edge_list_with_comments_weights_and_windows_line_ends() -> None:
    pairs = read_edge_list("# SNAP\r\n% KONECT\r\n\r\n0 1 0.5\r\n1\t2\t7\r\n", "f.txt", "source", "target")
    assert (list(pairs.sources), list(pairs.targets)) == (["0", "1"], ["1", "2"])
    assert list(pairs.lines or []) == [4, 5]


def test_tsv_names_may_hold_spaces() -> None:
    pairs = read_edge_list("New York\tLos Angeles\nOslo\tRome\n", "f.TSV", "source", "target")
    assert list(pairs.sources) == ["New York", "Oslo"]
    assert list(read_edge_list("a b\n", "f.tsv", "source", "target").targets) == ["b"]


def test_edge_list_with_a_header_goes_by_its_columns() -> None:
    pairs = read_edge_list("weight target source\n1 b a\n", "f.txt", "source", "target")
    assert (pairs.sources, pairs.targets, pairs.lines) == (["a"], ["b"], [2])


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("", ("f.txt", "no edges")),
        ("# only a comment\n", ("f.txt", "no edges")),
        ("a\n", ("f.txt line 1", "two names", "'a'")),
        ("a b\n# c\nc\n", ("f.txt line 3", "1 columns", "line 1 has 2")),
        ("a b\nc d e\n", ("f.txt line 2", "3 columns", "line 1 has 2")),
        ("source target\n", ("f.txt", "no edges")),
    ],
)
def test_broken_edge_lists(text: str, facts: tuple[str, ...]) -> None:
    fails(lambda: read_edge_list(text, "f.txt", "source", "target"), *facts)


def test_nodes_with_group_and_coordinates() -> None:
    nodes = node_table(read_csv("lon,label,other,group,lat\n2,a,-,g,1\n4,b,-,h,3\n", "n.csv"))
    assert (nodes.labels, nodes.groups, nodes.coordinate_kind) == (["a", "b"], ["g", "h"], "sphere")
    assert nodes.coordinates is not None
    assert nodes.coordinates.tolist() == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("name\na\n", ("n.csv", "no column 'label'", "columns: name")),
        ("label\n", ("n.csv", "no nodes")),
        ("label,group\na,1\n,2\n", ("n.csv line 3", "empty label")),
        ("label\na\nb\na\n", ("n.csv line 4", "'a'", "repeats line 2")),
        ("label,x,y\na,1,2\nb,1,oops\n", ("n.csv line 3", "y 'oops'", "finite number")),
        ("label,x,y\na,NaN,2\n", ("n.csv line 2", "x 'NaN'", "finite number")),
        ("label,lat\na,1\n", ("n.csv", "no 'lon'")),
    ],
)
def test_broken_nodes(text: str, facts: tuple[str, ...]) -> None:
    fails(lambda: node_table(read_csv(text, "n.csv")), *facts)
