"""One candidate: drawn step by step, given up as soon as it cannot serve a request, completed once it does."""

from typing import NamedTuple

import numpy as np

from igsm.problems import record as r
from igsm.problems.dependency import choose_needed, draw_order
from igsm.problems.expression import count_symbols, draw_expressions, write_values
from igsm.problems.inputs import (
    count_operations,
    draw_solution_inputs,
    draw_unneeded,
    write_abstract_inputs,
)
from igsm.problems.law import Law
from igsm.problems.lexicon import Tables
from igsm.problems.record import Record, clear
from igsm.problems.structure import CAPACITY, EDGES, LAYERS, PARAMETERS, Graph, draw_structure, new_graph
from igsm.seeds import below, compiled, shuffle, uniform

ATTEMPTS = 1000
"""Structure graphs tried for one candidate before it is given up."""


class Workspace(NamedTuple):
    """Scratch space for one candidate."""

    graph: Graph
    solution: np.ndarray
    """int64[64]: parameters in solution order."""
    order: np.ndarray
    """int64[64]: all computable parameters in an order in which they can be computed."""
    scratch: np.ndarray
    """int64[3, 64]."""


def new_workspace() -> Workspace:
    """Empty scratch space."""
    return Workspace(new_graph(), np.zeros(64, np.int64), np.zeros(64, np.int64), np.zeros((3, 64), np.int64))


class Candidate(NamedTuple):
    """What a candidate is known by before it is completed."""

    operations: int
    """0 when it was given up."""
    extra: int
    """How many of the operations are extra ones."""
    n_solution: int
    attempts: int
    """Structure graphs drawn until a backward walk got through."""
    drawn_op: int
    w0: int
    w1: int


@compiled
def smaller_of_two(state: np.ndarray, low: int, high: int) -> int:
    """The smaller of two uniform draws from low..high."""
    return low + min(below(state, high - low + 1), below(state, high - low + 1))


@compiled
def draw_op(state: np.ndarray, law: Law) -> int:
    """A number of operations by the law of the class."""
    if law.uniform_op:
        return law.min_op + below(state, law.max_op - law.min_op + 1)
    return smaller_of_two(state, law.min_op, law.max_op)


@compiled
def _draw_size(state: np.ndarray, sizes: np.ndarray, shares: np.ndarray) -> int:
    point = uniform(state)
    for i in range(len(sizes) - 1):
        if point < shares[i]:
            return sizes[i]
    return sizes[-1]


@compiled
def draw_candidate(state: np.ndarray, law: Law, next_open: np.ndarray, work: Workspace) -> Candidate:
    """Draw a candidate up to the point where its number of operations is known.

    It will have at most s operations, the number drawn first, and at least min(m, edges), since it needs that many
    parameters. As soon as no number of operations from there to s is asked for, it is given up (operations 0).

    Args:
        next_open: int64[max_op + 2], the least number of operations >= k that is asked for, or more than max_op.
    """
    s = law.max_op
    if not law.exact:
        s = draw_op(state, law)
    n = 1 + max(below(state, s), below(state, s))
    m = n + below(state, s - n + 1)
    if next_open[1] > s:
        return Candidate(0, 0, 0, 0, s, 0, 0)
    depth = _draw_size(state, law.depths, law.depth_shares[s])
    first = _draw_size(state, law.widths, law.width_shares[s])
    second = _draw_size(state, law.widths, law.width_shares[s])
    w0 = min(first, second)
    w1 = max(first, second)
    p = uniform(state)
    fewest = (depth - 1) * w0
    n_edges = min(smaller_of_two(state, fewest, max(law.max_edge, fewest)), (depth - 1) * w1 * w1)
    if next_open[min(m, n_edges)] > s:
        return Candidate(0, 0, 0, 0, s, w0, w1)
    n_solution = -1
    attempts = 0
    while n_solution < 0:
        if attempts == ATTEMPTS:
            return Candidate(0, 0, 0, attempts, s, w0, w1)
        if attempts == 1 and _is_hopeless(n, depth, w0, w1, n_edges, work.graph.size[CAPACITY]):
            return Candidate(0, 0, 0, attempts, s, w0, w1)
        attempts += 1
        draw_structure(state, depth, w0, w1, n_edges, p, work.graph)
        needed = choose_needed(state, n, m, work.graph)
        n_solution = draw_order(state, needed, work.graph, work.solution)
    operations, extra = count_operations(work.solution, n_solution, s, law.most_inputs, work.graph)
    return Candidate(operations, extra, n_solution, attempts, s, w0, w1)


@compiled
def _is_hopeless(n: int, depth: int, w0: int, w1: int, n_edges: int, capacity: int) -> bool:
    """Whether every attempt must fail. Nearly all candidates without a successful attempt are of this kind.

    They are complete graphs of 3 or more layers in which every parameter is needed. The walk back (`draw_order`) may
    only go on to an input that no other unplaced parameter uses. It starts at the question, here an abstract parameter
    of the top layer. But the item's other abstract parameters use the same instances, and the other items' abstract
    parameters use the same abstract inputs, so the walk is stuck at its first step.
    """
    return depth > 2 and w0 > 1 and w0 == w1 and n_edges == (depth - 1) * w0 * w0 and n >= capacity


@compiled
def write_solution_part(
    state: np.ndarray, candidate: Candidate, law: Law, tables: Tables, work: Workspace, record: Record
) -> bool:
    """Complete the solution of a candidate: inputs, expressions, names; all that the template hash depends on.

    Args:
        tables: `Lexicon.tables`.

    Returns:
        Whether the letters suffice.
    """
    clear(record)
    graph = work.graph
    head = record.head
    head[r.DEPTH] = graph.size[LAYERS]
    head[r.N_INSTANCES] = graph.size[EDGES]
    head[r.N_EDGES] = graph.size[EDGES]
    head[r.N_PARAMETERS] = graph.size[PARAMETERS]
    head[r.N_SOLUTION] = candidate.n_solution
    head[r.QUESTION] = work.solution[candidate.n_solution - 1]
    head[r.OP] = candidate.operations
    head[r.DRAWN_OP] = candidate.drawn_op
    head[r.N_ATTEMPTS] = candidate.attempts
    head[r.W0] = candidate.w0
    head[r.W1] = candidate.w1
    head[r.MODULUS] = law.modulus
    head[r.QUESTION_FIRST] = law.question_first
    head[r.BIN] = -1
    _write_parameters(graph, record)
    write_abstract_inputs(graph, record)
    draw_solution_inputs(
        state,
        work.solution,
        candidate.n_solution,
        candidate.extra,
        law.most_inputs,
        law.most_parameters,
        graph,
        work.scratch,
        record,
    )
    for position in range(candidate.n_solution):
        record.solution[position] = work.solution[position]
    draw_expressions(state, work.solution, 0, candidate.n_solution, law.modulus, record)
    for letter in range(r.LETTERS):
        record.symbols[letter] = letter
    head[r.N_SYMBOLS] = count_symbols(record)
    _draw_names(state, tables, record)
    if law.items_by_name:
        for layer in range(head[r.DEPTH]):
            record.names[layer, : record.widths[layer]].sort()
    return head[r.N_SYMBOLS] <= law.n_symbols


@compiled
def write_rest(state: np.ndarray, candidate: Candidate, law: Law, work: Workspace, record: Record) -> None:
    """Complete a problem: unneeded parameters, values, order of sentences, letters."""
    order = work.order
    n_order = draw_unneeded(
        state,
        work.solution,
        candidate.n_solution,
        law.most_inputs,
        law.most_parameters,
        work.graph,
        work.scratch,
        order,
        record,
    )
    draw_expressions(state, order, candidate.n_solution, n_order, law.modulus, record)
    write_values(order, n_order, record)
    n_instances = record.head[r.N_INSTANCES]
    for instance in range(n_instances):
        record.sentences[instance] = instance
    shuffle(state, record.sentences, n_instances)
    shuffle(state, record.symbols, law.n_symbols)


@compiled
def _write_parameters(graph: Graph, record: Record) -> None:
    for layer in range(graph.size[LAYERS]):
        record.widths[layer] = graph.width[layer]
    for layer in range(graph.size[LAYERS] - 1):
        for item in range(graph.width[layer]):
            for child in range(graph.width[layer + 1]):
                if graph.edge[layer, item, child] >= 0:
                    _write_parameter(graph.edge[layer, item, child], 0, layer, item, child, record)
            for category in range(layer + 1, graph.size[LAYERS]):
                _write_parameter(graph.abstract[layer, item, category], 1, layer, item, category, record)


@compiled
def _write_parameter(parameter: int, abstract: int, layer: int, item: int, target: int, record: Record) -> None:
    record.parameter[parameter, r.ABSTRACT] = abstract
    record.parameter[parameter, r.LAYER] = layer
    record.parameter[parameter, r.ITEM] = item
    record.parameter[parameter, r.TARGET] = target


@compiled
def _draw_names(state: np.ndarray, tables: Tables, record: Record) -> None:
    depth = record.head[r.DEPTH]
    chain = below(state, len(tables.chain_length))
    first = below(state, tables.chain_length[chain] - depth + 1)
    record.head[r.CHAIN] = chain
    record.head[r.FIRST_CATEGORY] = first
    for layer in range(depth):
        category = tables.chain_category[chain, first + layer]
        group = below(state, tables.n_groups[category])
        for item in range(record.widths[layer]):
            repeated = True
            while repeated:
                name = tables.group_first[category, group] + below(state, tables.group_size[category, group])
                repeated = False
                for other in range(item):
                    if record.names[layer, other] == name:
                        repeated = True
            record.names[layer, item] = name
