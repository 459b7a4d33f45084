"""Needed parameters and their order."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from igsm.problems.dependency import choose_needed, draw_from, draw_order, draw_sample
from igsm.problems.inputs import count_operations, room_for_extra
from igsm.problems.structure import CAPACITY, EDGES, PARAMETERS, draw_structure, new_graph
from igsm.seeds import derive_key


def members(mask: int) -> list[int]:
    return [p for p in range(62) if int(mask) >> p & 1]


def test_needed_parameters_are_closed_and_cost_the_budget() -> None:
    """Bug guarded: an abstract parameter whose inputs are not in the solution; operations beyond the budget m."""
    state, graph = derive_key("needed"), new_graph()
    choose = np.random.default_rng(2)
    for _ in range(3000):
        depth = choose.integers(2, 5)
        draw_structure(state, depth, 2, 3, choose.integers(2 * depth - 2, 10), 0.5, graph)
        n = choose.integers(1, 24)
        m = choose.integers(n, 30)
        needed = choose_needed(state, n, m, graph)
        for p in members(needed):
            if p >= graph.size[EDGES]:
                assert int(graph.needs[p]) & ~needed == 0
        cost = sum(int(graph.operations[p]) for p in members(needed))
        instances = [p for p in members(needed) if p < graph.size[EDGES]]
        assert cost == m or (cost < m and len(instances) == graph.size[EDGES])
        assert cost >= min(m, graph.size[EDGES])


def test_order_is_topological_and_shortest() -> None:
    """Bug guarded: a step before its inputs, or a step that the question does not need."""
    state, graph, solution = derive_key("order"), new_graph(), np.zeros(64, np.int64)
    reached = 0
    for _ in range(4000):
        draw_structure(state, 3, 2, 4, 11, 0.5, graph)
        needed = choose_needed(state, 6, 9, graph)
        n = draw_order(state, needed, graph, solution)
        if n < 0:
            continue
        reached += 1
        order = solution[:n].tolist()
        assert sorted(order) == members(needed)
        used = set()
        for position, p in enumerate(order):
            before = set(order[:position])
            given = set(members(graph.needs[p]))
            assert given <= before
            used |= given
        assert used == set(order[:-1])
    assert reached > 2000


def test_operations_reach_what_was_drawn_unless_there_is_no_room() -> None:
    """Bug guarded: extra operations on the first two instances, which have too few earlier parameters."""
    assert [room_for_extra(position, 4) for position in range(6)] == [0, 0, 1, 2, 2, 2]
    state, graph, solution = derive_key("operations"), new_graph(), np.zeros(64, np.int64)
    seen = Counter()
    for _ in range(2000):
        draw_structure(state, 2, 3, 3, 6, 0.5, graph)
        n = draw_order(state, choose_needed(state, 2, 4, graph), graph, solution)
        if n > 0:
            operations, extra = count_operations(solution, n, 7, 4, graph)
            assert extra >= 0
            assert operations <= 7
            seen[int(operations)] += 1
    assert set(seen) > {7}  # some graphs reach it, some cannot


def test_draws_are_uniform() -> None:
    """Bug guarded: off-by-one in drawing from a mask or in the partial shuffle."""
    state = derive_key("uniform draws")
    n = 12000
    drawn = Counter(draw_from(state, 0b1011001, 62) for _ in range(n))
    assert set(drawn) == {0, 3, 4, 6}
    assert max(abs(count / n - 1 / 4) for count in drawn.values()) < 4.5 * np.sqrt(3 / 16 / n)
    pairs: Counter = Counter()
    for _ in range(n):
        pool = np.arange(4)
        draw_sample(state, pool, 4, 2)
        pairs[tuple(pool[:2].tolist())] += 1
    assert len(pairs) == 12
    assert max(abs(count / n - 1 / 12) for count in pairs.values()) < 4.5 * np.sqrt(11 / 144 / n)


@pytest.mark.parametrize(("depth", "width"), [(3, 2), (3, 3), (4, 2), (4, 3)])
def test_a_complete_graph_that_is_needed_whole_is_hopeless(depth: int, width: int) -> None:
    """Bug guarded: candidates given up at once (`_is_hopeless`) although some attempt could succeed."""
    state, graph, solution = derive_key("hopeless"), new_graph(), np.zeros(64, np.int64)
    n_edges = (depth - 1) * width**2
    for _ in range(500):
        draw_structure(state, depth, width, width, n_edges, 0.5, graph)
        needed = choose_needed(state, int(graph.size[CAPACITY]), 200, graph)
        assert members(needed) == list(range(graph.size[PARAMETERS]))
        assert draw_order(state, needed, graph, solution) == -1


def test_nothing_is_left_over_in_a_stuck_walk() -> None:
    """Bug guarded: inputs of an abandoned walk that stay in the graph and make the next solution circular."""
    state, graph, solution = derive_key("stuck"), new_graph(), np.zeros(64, np.int64)
    draw_structure(state, 4, 2, 2, 8, 0.5, graph)
    everything = (1 << int(graph.size[PARAMETERS])) - 1
    for _ in range(300):
        n = draw_order(state, everything, graph, solution)
        if n > 0:
            order = solution[:n].tolist()
            for position, p in enumerate(order):
                assert set(members(graph.needs[p])) <= set(order[:position])
