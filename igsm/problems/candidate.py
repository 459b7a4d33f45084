"""One candidate: drawn step by step, given up as soon as it cannot serve a request, completed once it does."""

from typing import NamedTuple

import numpy as np

from igsm.problems import record as r
from igsm.problems.dependency import choose_needed, draw_order
from igsm.problems.difficulty import SPLITS, ProblemConfig
from igsm.problems.inputs import (
    count_operations,
    draw_solution_inputs,
    draw_unneeded,
    write_abstract_inputs,
)
from igsm.problems.record import NUMBER, Record
from igsm.problems.structure import EDGES, LAYERS, PARAMETERS, Graph, draw_structure, new_graph
from igsm.seeds import below, compiled, shuffle, uniform

ATTEMPTS = 1000
"""Structure graphs tried for one candidate before it is given up."""


class Law(NamedTuple):
    """A problem class as the compiled code reads it; see `ProblemClass`."""

    max_op: int
    """Greatest number of operations, or the exact one."""
    exact: bool
    max_edge: int
    modulus: int
    n_symbols: int
    depths: np.ndarray
    """int64[n]: numbers of layers."""
    widths: np.ndarray
    """int64[n]."""
    depth_shares: np.ndarray
    """float64[max_op + 1, n]: cumulative weights of the depths for every drawn number of operations."""
    width_shares: np.ndarray
    question_first: int
    first_bin: int
    last_bin: int
    reask: int
    """0: none, 1: loose, 2: strict."""


def law_of(config: ProblemConfig) -> Law:
    """The law that a config asks for."""
    problem_class = config.problem_class
    max_op = config.op or problem_class.max_op
    bins = SPLITS[config.split]
    return Law(
        max_op=max_op,
        exact=config.op is not None,
        max_edge=problem_class.max_edge,
        modulus=problem_class.modulus,
        n_symbols=problem_class.n_symbols,
        depths=np.array(problem_class.depths, np.int64),
        widths=np.array(problem_class.widths, np.int64),
        depth_shares=_shares(max_op, problem_class.max_edge, len(problem_class.depths)),
        width_shares=_shares(max_op, problem_class.max_edge, len(problem_class.widths)),
        question_first=int(config.format == "qp"),
        first_bin=bins[0],
        last_bin=bins[-1],
        reask=("none", "loose", "strict").index(config.reask),
    )


def _shares(max_op: int, max_edge: int, n: int) -> np.ndarray:
    """Cumulative softmax of -(r - c)^2 with r = (s - 1) / (max_edge - 1), for s = 0..max_op; c = 0.2 .. 0.8."""
    ratio = (np.arange(max_op + 1) - 1) / (max_edge - 1)
    centres = np.linspace(0.2, 0.8, n) if n > 1 else np.array([0.5])
    weights = np.exp(-((ratio[:, None] - centres) ** 2))
    return np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)


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
    return Workspace(
        new_graph(), np.zeros(64, np.int64), np.zeros(64, np.int64), np.zeros((3, 64), np.int64)
    )


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
def smaller_of_two(state, low, high):
    """The smaller of two uniform draws from low..high."""
    return low + min(below(state, high - low + 1), below(state, high - low + 1))


@compiled
def _draw_size(state, sizes, shares):
    point = uniform(state)
    for i in range(len(sizes) - 1):
        if point < shares[i]:
            return sizes[i]
    return sizes[-1]


@compiled
def draw_candidate(state, law, next_open, work):
    """Draw a candidate up to the point where its number of operations is known.

    It is given up (operations 0) early when no number of operations that it can reach is asked for: they never
    exceed the drawn number s, and are at least min(m, edges) because that many parameters are needed.

    Args:
        next_open: int64[max_op + 2], the least number of operations >= k that is asked for, or more than max_op.
    """
    s = law.max_op
    if not law.exact:
        s = smaller_of_two(state, 1, law.max_op)
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
        attempts += 1
        draw_structure(state, depth, w0, w1, n_edges, p, work.graph)
        needed = choose_needed(state, n, m, work.graph)
        n_solution = draw_order(state, needed, work.graph, work.solution)
    operations, extra = count_operations(work.solution, n_solution, s, work.graph)
    return Candidate(operations, extra, n_solution, attempts, s, w0, w1)


@compiled
def write_solution_part(state, candidate, law, tables, work, record):
    """Complete the solution of a candidate: inputs, expressions, names; all that the template hash depends on.

    Args:
        tables: `Lexicon.tables`.

    Returns:
        Whether the letters suffice.
    """
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
        state, work.solution, candidate.n_solution, candidate.extra, graph, work.scratch, record
    )
    for position in range(candidate.n_solution):
        parameter = work.solution[position]
        record.solution[position] = parameter
        if parameter < graph.size[EDGES]:
            _draw_expression(state, parameter, law.modulus, record)
    for letter in range(r.LETTERS):
        record.symbols[letter] = letter
    head[r.N_SYMBOLS] = count_symbols(record)
    _draw_names(state, tables, record)
    return head[r.N_SYMBOLS] <= law.n_symbols


@compiled
def write_rest(state, candidate, law, work, record):
    """Complete a problem: unneeded parameters, values, order of sentences, letters."""
    order = work.order
    n_order = draw_unneeded(
        state, work.solution, candidate.n_solution, work.graph, work.scratch, order, record
    )
    n_instances = record.head[r.N_INSTANCES]
    seen = 0
    for i in range(n_order):
        parameter = order[i]
        seen |= 1 << parameter
        if i >= candidate.n_solution and parameter < n_instances:
            _draw_expression(state, parameter, law.modulus, record)
        _write_value(parameter, record)
    # What the authors' availability rule hides can be computed too, in the order of the layers from below.
    for parameter in range(record.head[r.N_PARAMETERS] - 1, n_instances - 1, -1):
        if not seen >> parameter & 1:
            _write_value(parameter, record)
    for instance in range(n_instances):
        record.sentences[instance] = instance
    shuffle(state, record.sentences, n_instances)
    shuffle(state, record.symbols, law.n_symbols)


@compiled
def _write_parameters(graph, record):
    for layer in range(graph.size[LAYERS]):
        record.widths[layer] = graph.width[layer]
    for layer in range(graph.size[LAYERS], r.MAX_LAYERS):
        record.widths[layer] = 0
    for layer in range(graph.size[LAYERS] - 1):
        for item in range(graph.width[layer]):
            for child in range(graph.width[layer + 1]):
                if graph.edge[layer, item, child] >= 0:
                    _write_parameter(graph.edge[layer, item, child], 0, layer, item, child, record)
            for category in range(layer + 1, graph.size[LAYERS]):
                _write_parameter(graph.abstract[layer, item, category], 1, layer, item, category, record)


@compiled
def _write_parameter(parameter, abstract, layer, item, target, record):
    record.parameter[parameter, r.ABSTRACT] = abstract
    record.parameter[parameter, r.LAYER] = layer
    record.parameter[parameter, r.ITEM] = item
    record.parameter[parameter, r.TARGET] = target
    record.number[parameter] = -1
    record.multiply[parameter] = 0
    record.subtract[parameter] = 0


@compiled
def _draw_expression(state, instance, modulus, record):
    """The random number of an instance, "more than" or "times", sum or difference."""
    n_references = 0
    uses_number = False
    for i in range(record.n_inputs[instance]):
        if record.inputs[instance, i] == NUMBER:
            uses_number = True
        else:
            n_references += 1
    if uses_number:
        if n_references > 0 and uniform(state) < 0.5:
            record.multiply[instance] = 1
            record.number[instance] = 1 + below(state, modulus - 1)
        else:
            record.number[instance] = below(state, modulus)
    if n_references == 2 and uniform(state) < 0.5:
        record.subtract[instance] = 1


@compiled
def _write_value(parameter, record):
    inputs = record.inputs[parameter]
    modulus = record.head[r.MODULUS]
    value = 0
    n_references = 0
    if record.parameter[parameter, r.ABSTRACT] == 1:
        deep = record.parameter[parameter, r.TARGET] > record.parameter[parameter, r.LAYER] + 1
        for i in range(0, record.n_inputs[parameter], 2 if deep else 1):
            term = int(record.value[inputs[i]])
            if deep:
                term *= record.value[inputs[i + 1]]
            value += term
    else:
        for i in range(record.n_inputs[parameter]):
            if inputs[i] != NUMBER:
                term = int(record.value[inputs[i]])
                value += -term if record.subtract[parameter] and n_references == 1 else term
                n_references += 1
        number = int(record.number[parameter])
        if number >= 0:
            value = number * value if record.multiply[parameter] else number + value
    record.value[parameter] = value % modulus


@compiled
def count_symbols(record):
    """Letters that the solution text defines: one a step, and one for every intermediate.

    Every expression is binary, so that n inputs need n-2 intermediates, products of deep abstract parameters included.
    """
    symbols = 0
    for position in range(record.head[r.N_SOLUTION]):
        symbols += 1 + max(int(record.n_inputs[record.solution[position]]) - 2, 0)
    return symbols


@compiled
def _draw_names(state, tables, record):
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
