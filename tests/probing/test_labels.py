from __future__ import annotations

from geomem.probing.labels import LABELS, heroes, is_log, title_of
from geomem.probing.pictures import FAMILY_TITLES
from tests.probing import tiny


def test_titles_are_told_apart_and_every_family_has_one() -> None:
    titles = [label.title for label in LABELS.values()]
    assert len(set(titles)) == len(titles)
    assert {metric.partition("/")[0] for metric in LABELS} == set(FAMILY_TITLES)
    assert title_of("spectrum/rankme") == "Effective rank (RankMe)"
    assert title_of("new/some_thing") == "Some thing"
    assert not is_log("new/some_thing")


def test_the_labelled_metrics_of_a_pass_are_measured() -> None:
    found = {metric for metric, layer, _ in tiny.values(tiny.read(tiny.reader())) if layer is not None}
    streaming = {"spectrum", "collapse", "updates", "lens", "comparison", "recency"}
    labelled = {metric for metric in LABELS if metric.partition("/")[0] in streaming}
    assert labelled <= found
    assert set(heroes()) <= found | {"knowledge/cosine"}
