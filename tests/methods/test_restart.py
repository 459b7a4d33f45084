"""Fresh and restart: a second solution in another order after RESTART."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import numpy as np
import pytest

from igsm.errors import InputError
from igsm.methods.fix import Fix
from igsm.methods.registry import make_method
from igsm.methods.restart import Restart
from igsm.mistakes.layout import Mark
from igsm.mistakes.other_order import draw_order
from igsm.mistakes.rows import MISTAKE_STEP
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.record import N_SOLUTION, Record
from igsm.problems.source import ProblemSource
from igsm.seeds import derive_key
from tests.methods.written import EASY, laid, some_block, with_loss
from tests.mistakes.hand_made import NUMBER_OF, PROBLEM, RECORD, STEPS

DELAYS = pytest.mark.parametrize("delay", [0, 2, "end"])


def names(solution: str) -> list[str]:
    """The parameters in order."""
    return [sentence.partition(" as ")[0] for sentence in solution.split(".")[:-1]]


@DELAYS
def test_it_is_right_by_its_last_attempt_in_another_order(delay: Any) -> None:
    other_orders, other_letters, n = 0, 0, 0
    source = ProblemSource(EASY, seed=2)
    records = {source.problem(i).text: source.record(i) for i in range(60)}
    for one in laid(Restart(delay=delay), n=60):
        first, second = one.text.split("<|restart|>")
        second = second.partition("<|answer|>")[0]
        verdict = one.verdict
        assert verdict.correct, (one.text, verdict.error)
        assert (verdict.restarts, verdict.taken_back) == (1, 0)
        right = one.problem.solution_text
        place = int(one.written.mistake[MISTAKE_STEP])
        assert first.split(".")[:place] == right.split(".")[:place]
        if delay != "end":
            assert first.count("Define") <= place + 1 + delay
        assert not first.endswith(".")
        assert sorted(names(second)) == sorted(names(right))
        assert names(second)[-1] == names(right)[-1]
        has_other = not is_chain(records[one.problem.text])
        assert (names(second) != names(right)) == has_other, "another order wherever there is one"
        other_orders += has_other
        other_letters += [s.split(" as ")[1][0] for s in second.split(".")[:-1]] != [
            s.split(" as ")[1][0] for s in right.split(".")[:-1]
        ]
        n += 1
    assert other_letters > 0.9 * n
    assert other_orders > 3, "most solutions are chains"


def is_chain(record: Record) -> bool:
    """Whether each step uses the one before it, so that no other order is valid."""
    steps = record.solution[: record.head[N_SOLUTION]].tolist()
    return all(a in record.inputs[b, : record.n_inputs[b]].tolist() for a, b in itertools.pairwise(steps))


def topological_orders() -> list[tuple[int, ...]]:
    """All orders of the problem made by hand, by plain search."""
    needs = {
        parameter: {int(i) for i in RECORD.inputs[NUMBER_OF[parameter], : RECORD.n_inputs[NUMBER_OF[parameter]]]}
        for parameter in STEPS
    }
    found: list[tuple[int, ...]] = []

    def extend(order: tuple[int, ...]) -> None:
        if len(order) == len(STEPS):
            found.append(order)
        for parameter in STEPS:
            number = NUMBER_OF[parameter]
            if number not in order and needs[parameter] - {-1} <= set(order):
                extend((*order, number))

    extend(())
    return found


def walk_chance(order: tuple[int, ...]) -> float:
    """Of the walk back from the question, uniform over the steps that nothing to come uses."""
    chance, left = 1.0, set(order)
    for number in reversed(order):
        used = {int(i) for p in left for i in RECORD.inputs[p, : RECORD.n_inputs[p]]}
        chance /= len(left - used)
        left.remove(number)
    return chance


def test_orders_are_drawn_as_the_generator_draws_them() -> None:
    """Every valid order occurs, and no other, as often as the walk back comes to it."""
    expected = {order: walk_chance(order) for order in topological_orders()}
    assert sum(expected.values()) == pytest.approx(1.0)
    state, order = derive_key("orders"), RECORD.solution.copy()
    counts: Counter[tuple[int, ...]] = Counter()
    n = 20_000
    with np.errstate(over="ignore"):
        for _ in range(n):
            assert draw_order(RECORD, state, order)
            counts[tuple(order[: len(STEPS)].tolist())] += 1
    assert counts.keys() == expected.keys()
    for one, chance in expected.items():
        assert abs(counts[one] - n * chance) < 5 * (n * chance) ** 0.5
    assert PROBLEM.solution == STEPS


def test_parameters_with_letters_of_their_own_keep_them() -> None:
    problem = ProblemConfig(difficulty="trio")
    for one in laid(Restart(), n=20, problem=problem):
        second = one.text.split("<|restart|>")[1].partition("<|answer|>")[0]
        right = one.problem.solution_text
        assert sorted(s.split(";")[0] for s in second.split(".")) == sorted(s.split(";")[0] for s in right.split("."))
        assert one.verdict.correct


def test_variants() -> None:
    """LEMMA's half and half; the same order; and two right solutions without a mistake between, as a control."""
    both = Restart(share=0.25, share_fix=0.25, delay=1)
    assert both.layout().variants[1] == Fix(share=0.25, delay=1).layout().variants[0]
    made = some_block(both, windows=64)
    documents, restarts = (made == 50256).sum(), (made == Mark.RESTART).sum()
    assert abs(restarts / documents - 0.25) < 0.1
    for one in laid(Restart(order="same"), n=10):
        assert one.text.split("<|restart|>")[1].startswith(one.problem.solution_text)
        assert one.verdict.correct
    control = Restart(first="right")
    assert control.layout().kinds == ()
    for one in laid(control, n=10):
        assert one.text.startswith(f"{one.problem.solution_text}<|restart|>")
        assert one.verdict.correct
    assert (some_block(Restart(first="right", share=1.0)) == Mark.RESTART).sum() > 5
    with pytest.raises(InputError, match=r"share \(0\.7\) and share_fix \(0\.5\) must not exceed 1 together"):
        make_method({"name": "restart", "share": 0.7, "share_fix": 0.5})


@DELAYS
def test_loss_token_by_token(delay: Any) -> None:
    for one in laid(Restart(delay=delay), n=6):
        first, second = one.text.split("<|restart|>")
        right = ".".join(first.split(".")[: one.written.mistake[MISTAKE_STEP]])
        right += "." * bool(right)
        assert with_loss(Restart(delay=delay), one, loss_on="solution") == f"_{one.text}<|end|>"
        learnt = f"_{right}_<|restart|>{second}<|end|>".replace("__", "_")
        assert with_loss(Restart(delay=delay, loss="right"), one, loss_on="solution") == learnt
