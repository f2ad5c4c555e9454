from __future__ import annotations

import math

import pytest
import torch

from geomem.probing.rows import Rows
from geomem.studies.joint_vs_conditional.arithmetic import draw_sums
from geomem.studies.joint_vs_conditional.sequences import Reading, add_consistency, add_levels, training
from geomem.studies.joint_vs_conditional.settings import SMOKE, Arithmetic
from geomem.tasks.markov import MarkovTask
from geomem.tasks.specs import MarkovSpec


def _task() -> MarkovTask:
    return MarkovSpec(vocabulary=8, supports=(2, 3), length=8, train_size=10, held_out_size=300).build(0)


def _reading(task: MarkovTask, *, joint: bool) -> Reading:
    """Logits of a model that knows the source: log-joint probabilities of prefix and token, or conditional ones."""
    tokens = task.tokens["held_out"]
    true = task.source.conditionals(tokens)
    if joint:
        level = task.source.prefix_log_probs(tokens)[..., None]
        logits = torch.where(true > 0, true.clamp(min=1e-300).log() + level, math.log(1e-30))
    else:
        logits = torch.where(true > 0, true.clamp(min=1e-300).log(), math.log(1e-30))
    return Reading(tokens, logits, torch.eye(8, dtype=torch.float64))


def test_the_joint_reading_is_told_from_the_conditional_one() -> None:
    task = _task()
    found = {}
    for joint in (True, False):
        rows = Rows("")
        add_levels(rows, task, _reading(task, joint=joint))
        add_consistency(rows, task, _reading(task, joint=joint))
        found[joint] = rows
    assert found[True].value("prefix/raw/slope") == pytest.approx(1.0, abs=1e-3)
    assert found[True].value("prefix/raw/correlation") > 0.999
    assert found[True].value("prefix/centred/correlation") > 0.95
    assert 0.5 < found[True].value("prefix/centred/slope") < 0.8  # (V - k) / V, k of 2 or 3
    assert abs(found[False].value("prefix/centred/slope")) < 0.05
    assert found[True].value("spill/consistency/correlation") > 0.9
    for rows in found.values():
        assert rows.value("identity_error") < 1e-12


def test_a_shift_of_the_output_layer_changes_no_prediction() -> None:
    one = _reading(_task(), joint=False)
    other = one.shifted(torch.randn(8, dtype=torch.float64))
    assert float((other.logits - one.logits).std()) > 0.1
    torch.testing.assert_close(other.logits.softmax(-1), one.logits.softmax(-1))


def test_trainings_differ_in_the_floor_alone() -> None:
    sparse, dense = (training(SMOKE.sequences, 0, dense=dense) for dense in (False, True))
    assert dense.task.model_dump()["floor"] == SMOKE.sequences.floor
    assert sparse.task.model_copy(update={"floor": SMOKE.sequences.floor}) == dense.task
    assert sparse.model == dense.model
    assert sparse.stages == dense.stages


def test_sums_are_right_once_and_wrong_by_as_much_as_they_say() -> None:
    own = Arithmetic(items=50)
    lengths, sides = set[int](), set[bool]()
    for answers in draw_sums(own, 0):
        prompts = {prompt for prompt, _ in answers}
        (prompt,) = prompts
        one, two = map(int, prompt.removesuffix(" = ").split(" + "))
        assert all(9 <= len(str(number)) <= 14 for number in (one, two))
        lengths |= {len(str(number)) for number in (one, two)}
        right, *wrong = (int(answer) for _, answer in answers)
        assert right == one + two
        assert all(low <= abs(answer - right) <= high for answer, (low, high) in zip(wrong, own.ranges, strict=True))
        sides |= {answer > right for answer in wrong}
    assert lengths == set(range(9, 15))
    assert sides == {True, False}
    assert draw_sums(own, 0) == draw_sums(own, 0) != draw_sums(own, 1)


def test_numbers_have_as_many_digits_as_they_say_and_no_wrong_answer_is_known_by_its_sign() -> None:
    own = Arithmetic(items=400, digits=(3, 3), ranges=((100, 100_000),))
    for (prompt, right), (_, wrong) in draw_sums(own, 0):
        assert all(100 <= int(number) <= 999 for number in prompt.removesuffix(" = ").split(" + "))
        assert int(wrong) > 0
        assert 100 <= abs(int(wrong) - int(right)) <= 100_000
