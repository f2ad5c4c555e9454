from __future__ import annotations

from geomem.probing.findings import Probed, findings
from geomem.probing.plan_pictures import plan_pictures, plans_of
from geomem.report.figures import draw
from geomem.runs.exhibits import Bars, Table
from tests.probing.test_findings import result


def _probed() -> Probed:
    numbers = {}
    for count, cost in ((2, 0.05), (4, 0.4)):
        numbers |= {f"plan/skip{count}_loss_increase": cost, f"plan/skip{count}_contiguous_loss_increase": 2 * cost,
                    f"plan/skip{count}_random_loss_increase": 3 * cost, f"plan/skip{count}_retention": 0.9,
                    f"plan/skip{count}_flops_saved": count / 10, f"plan/skip{count}_random_share": 1.0}  # fmt: skip
    chosen = {"plan/skip2_chosen": [0, 1, 0, 1, 0, 0, 0, 0, 0, 0], "plan/skip4_chosen": [0, 1, 0, 1, 0, 1, 0, 1, 0, 0]}
    profiles = {**{name: [float(v) for v in values] for name, values in chosen.items()},
                "updates/stream_cosine": [0.5] + [0.97] * 9}  # fmt: skip
    return Probed(result(profiles, numbers))


def test_plans_are_drawn_beside_their_controls() -> None:
    assert plans_of(_probed()) == [2, 4]
    bars, table = plan_pictures([_probed()])
    assert isinstance(bars, Bars)
    assert [one.name for one in bars.panels[0].series] == ["the plan", "neighbouring blocks", "random blocks"]
    assert bars.panels[0].series[0].values == (0.05, 0.4)
    draw(bars)
    assert isinstance(table, Table)
    assert table.rows[0][1] == "1, 3"
    assert plan_pictures([Probed(result({}))]) == []


def test_the_first_screen_says_what_the_largest_plan_costs() -> None:
    said = " ".join(one.text for one in findings(_probed()))
    assert "Running without blocks 1, 3, 5, 7 adds 0.4 nats to the loss (as many neighbouring ones: 0.8)." in said
