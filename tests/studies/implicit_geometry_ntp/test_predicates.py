"""Every claim can fail: each is given numbers that meet it, and the same with one of them wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from geomem.runs.tables import Measurement
from geomem.studies.claim import Verdict, combine
from geomem.studies.implicit_geometry_ntp import predicates
from geomem.studies.implicit_geometry_ntp.predicates import FIXED, GROUPS, SUPPORTS, TEXT, TRANSFORMER
from geomem.studies.implicit_geometry_ntp.settings import LAPTOP
from geomem.studies.implicit_geometry_ntp.symmetric import FREQUENCIES, SHARES, UNIFORM
from tests.studies.written import Written, row

NORM, SLOPE = 4.0, 4.0 * math.log(10)
STEPS = LAPTOP.symmetric.steps


def course(metric: str, *values: float) -> list[Measurement]:
    """A hundredth of the steps, a tenth, all of them."""
    return [
        row(metric, value, step=step) for value, step in zip(values, (STEPS // 100, STEPS // 10, STEPS), strict=True)
    ]


def path(metric: str, *values: float) -> list[Measurement]:
    """From a ridge of 1e-3 on."""
    return [row(metric, value, layer=3 + place) for place, value in enumerate(values)]


def descent(**changes: float) -> list[Measurement]:
    numbers = {"cosine_directional": 0.9999, "cosine_words": 0.9999, "cosine_contexts": 0.9999, "gap": 1e-5,
               "cosine_rest": 0.9999, "cosine_logits": 0.9985, "finite_error": 1e-5} | changes  # fmt: skip
    return [
        one for name, value in numbers.items() for one in course(f"descent/{name}", 0.5 * value, 0.7 * value, value)
    ]


def laws(**changes: Any) -> list[Measurement]:
    gaps = changes.get("gaps", (4.2, 4.01, 4.0))
    sizes = changes.get("sizes", (20.0, 30.0, 30.0 + SLOPE))
    return [row("target/nuclear_norm", NORM), *path("path/gap_per_ridge", *gaps), *path("path/nuclear_norm", *sizes),
            *path("path/cosine_logits", *changes.get("cosines", (1.0, 1.0, 1.0)))]  # fmt: skip


def everywhere(rows: list[Measurement], **conditions: list[Measurement]) -> dict[str, list[Measurement]]:
    return {name: conditions.get(name.replace("-", "_"), rows) for name in (UNIFORM, FREQUENCIES, SHARES)}


def fixed(at_mark: float, *errors: float) -> dict[str, list[Measurement]]:
    steps = (100, 1000, 10_000, 100_000)
    return {FIXED: [row("descent/cosine_directional", at_mark, step=10_000), *(
        row("descent/finite_error", error, step=step) for step, error in zip(steps, errors, strict=True))]}  # fmt: skip


def transformer(gap: float, errors: tuple[float, float], rest: float, between: float) -> dict[str, list[Measurement]]:
    steps = LAPTOP.transformer.steps
    return {TRANSFORMER: [
        row("training/gap", gap, step=steps), row("training/cosine_rest", rest, step=steps),
        row("training/finite_error", errors[0], step=steps // 10), row("training/finite_error", errors[1], step=steps),
        row("embeddings/within", 0.9, step=steps), row("embeddings/between", between, step=steps),
    ]}  # fmt: skip


def groups(within: tuple[float, ...], ratios: tuple[float, ...]) -> dict[str, list[Measurement]]:
    return {GROUPS: [*path("embeddings/within", *within), *path("embeddings/scatter_ratio", *ratios)]}


def end(condition: str, *values: float) -> dict[str, list[Measurement]]:
    return {condition: path("path/cosine_directional", *values)}


def text_groups(within: float, between: float) -> dict[str, list[Measurement]]:
    return {TEXT: [*path("embeddings/within", within), *path("embeddings/between", between)]}


CASES: list[tuple[Callable[..., Any], Any, list[Any]]] = [
    (predicates.descent_uniform, {UNIFORM: descent()}, [
        {UNIFORM: descent(cosine_directional=0.998)}, {UNIFORM: descent(cosine_words=0.99)},
        {UNIFORM: descent(cosine_contexts=0.99)}, {UNIFORM: descent(gap=1e-4)}]),
    (predicates.descent_frequencies, {FREQUENCIES: descent()}, [
        {FREQUENCIES: descent(cosine_rest=0.998)}, {FREQUENCIES: descent(finite_error=2e-3)},
        {FREQUENCIES: descent(cosine_logits=0.99995)}]),
    (predicates.descent_contexts, {SHARES: course("descent/cosine_directional", 0.9, 0.95, 0.99)}, [
        {SHARES: course("descent/cosine_directional", 0.9, 0.95, 0.97)},
        {SHARES: course("descent/cosine_directional", 0.9, 0.995, 0.99)}]),
    (predicates.ridge_laws, everywhere(laws()), [
        everywhere(laws(), uneven_contexts=laws(gaps=(4.0, 4.1, 4.0))),
        everywhere(laws(), uneven_frequencies=laws(sizes=(20.0, 30.0, 31.0 + SLOPE))),
        everywhere(laws(), uniform=laws(cosines=(0.999, 1.0, 1.0)))]),
    (predicates.outside, {UNIFORM: [row("path/outside_error", 1e-4)]}, [{UNIFORM: [row("path/outside_error", 2e-3)]}]),
    (predicates.invariant, everywhere([row("descent/column_sum_drift", 1e-12)]), [
        everywhere([row("descent/column_sum_drift", 1e-12)], uneven_contexts=[row("descent/column_sum_drift", 1e-8)])]),
    (predicates.proxy, {SUPPORTS: [row("worst/ratio_largest", 1.003), row("worst/ratio_least", 1.0)]}, [
        {SUPPORTS: [row("worst/ratio_largest", 1.03), row("worst/ratio_least", 1.0)]},
        {SUPPORTS: [row("worst/ratio_largest", 1.003), row("worst/ratio_least", 0.999)]}]),
    (predicates.trained_supports, end(SUPPORTS, 0.9, 0.98), [end(SUPPORTS, 0.98, 0.96)]),
    (predicates.collapse, groups((0.9, 0.99, 0.995), (0.1, 0.01, 0.001)), [
        groups((0.9, 0.97, 0.995), (0.1, 0.01, 0.001)), groups((0.9, 0.99, 0.995), (0.1, 0.03, 0.001)),
        groups((0.9, 0.995, 0.99), (0.1, 0.01, 0.001))]),
    (predicates.fixed, fixed(0.985, 0.5, 0.1, 0.01, 0.001), [
        fixed(0.97, 0.5, 0.1, 0.01, 0.001), fixed(0.985, 0.5, 0.1, 0.2, 0.001)]),
    (predicates.transformer, transformer(1e-3, (0.1, 0.01), 0.9, 0.1), [
        transformer(0.02, (0.1, 0.01), 0.9, 0.1), transformer(1e-3, (0.1, 0.2), 0.9, 0.1),
        transformer(1e-3, (0.1, 0.01), 0.7, 0.1), transformer(1e-3, (0.1, 0.01), 0.9, 0.7)]),
    (predicates.text_direction, end(TEXT, 0.9, 0.98), [end(TEXT, 0.98, 0.96)]),
    (predicates.text_proxy, {TEXT: [row("proxy/ratio", 1.01)]}, [
        {TEXT: [row("proxy/ratio", 1.03)]}, {TEXT: [row("proxy/ratio", 0.99)]}]),
    (predicates.text_collapse, text_groups(0.99, 0.1), [text_groups(0.97, 0.1), text_groups(0.99, 0.8)]),
]  # fmt: skip


def verdict(judge: Callable[..., Any], cells: dict[str, list[Measurement]]) -> Verdict:
    made = Written("x", {(name, seed): rows for name, rows in cells.items() for seed in (0, 1)}, LAPTOP)
    return combine([test.verdict() for test in judge(made)])


@pytest.mark.parametrize(("judge", "good", "bad"), CASES, ids=[case[0].__name__ for case in CASES])
def test_a_claim_is_met_and_can_fail(judge: Callable[..., Any], good: Any, bad: list[Any]) -> None:
    assert verdict(judge, good) == "supported"
    for cells in bad:
        assert verdict(judge, cells) == "contradicted"


def test_every_claim_is_here() -> None:
    from geomem.studies.implicit_geometry_ntp.claims import CLAIMS

    assert [claim.judge for claim in CLAIMS] == [case[0] for case in CASES]
