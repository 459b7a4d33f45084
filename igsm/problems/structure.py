"""The structure graph of one candidate, and what each of its parameters stands on.

Sets of parameters are bit masks in int64 (at most 62 parameters; signed, because numba turns a mix of int64 and
uint64 into a float). Source: arXiv 2407.20311, section 2 and appendix.
"""

from typing import NamedTuple

import numpy as np

from igsm.problems.record import MAX_LAYERS, MAX_PARAMETERS, MAX_WIDTH
from igsm.seeds import below, compiled, uniform

# Positions in `Graph.size`.
LAYERS = 0
EDGES = 1  # number of instance parameters: their numbers are 0 .. EDGES-1
PARAMETERS = 2
CAPACITY = 3  # operations that all parameters cost together, as the budget is capped


class Graph(NamedTuple):
    """Structure graph and dependencies of one candidate (scratch space of the sampler, all int64)."""

    size: np.ndarray
    """[4]: see the module's constants."""
    width: np.ndarray
    """[4]: items per layer."""
    edge: np.ndarray
    """[4, 4, 4]: number of the instance parameter (layer, parent, child), -1 without an edge."""
    abstract: np.ndarray
    """[4, 4, 4]: number of the abstract parameter (layer, item, category)."""
    needs: np.ndarray
    """[64]: mask of the direct inputs; of instances only the one drawn in the backward walk."""
    closure: np.ndarray
    """[64]: mask of everything an abstract parameter stands on in the structure, and itself."""
    distance: np.ndarray
    """[64]: category minus layer of an abstract parameter, 0 for an instance."""
    operations: np.ndarray
    """[64]: least number of operations of the parameter by itself."""


def new_graph() -> Graph:
    """Empty scratch space."""
    cube = (MAX_LAYERS, MAX_WIDTH, MAX_LAYERS)
    return Graph(
        size=np.zeros(4, np.int64),
        width=np.zeros(MAX_LAYERS, np.int64),
        edge=np.full((MAX_LAYERS, MAX_WIDTH, MAX_WIDTH), -1, np.int64),
        abstract=np.full(cube, -1, np.int64),
        needs=np.zeros(MAX_PARAMETERS, np.int64),
        closure=np.zeros(MAX_PARAMETERS, np.int64),
        distance=np.zeros(MAX_PARAMETERS, np.int64),
        operations=np.zeros(MAX_PARAMETERS, np.int64),
    )


@compiled
def draw_structure(state: np.ndarray, depth: int, w0: int, w1: int, n_edges: int, p: float, graph: Graph) -> None:
    """Draw the widths and edges of a structure graph and number its parameters.

    Args:
        state: random stream.
        depth, w0, w1, n_edges: layers, least and greatest width, number of edges, with
            (depth-1)*w0 <= n_edges <= (depth-1)*w1**2.
        p: chance of another item when there is room for all edges already.
        graph: filled.
    """
    _draw_widths(state, depth, w0, w1, n_edges, p, graph.width)
    _draw_edges(state, depth, n_edges, graph)
    graph.size[LAYERS] = depth
    graph.size[EDGES] = n_edges
    _number_abstract(graph)


@compiled
def _draw_widths(state: np.ndarray, depth: int, w0: int, w1: int, n_edges: int, p: float, width: np.ndarray) -> None:
    for layer in range(depth):
        width[layer] = w0
    while True:
        room = 0
        children = 0
        narrow = 0
        for layer in range(depth):
            if layer > 0:
                room += width[layer - 1] * width[layer]
                children += width[layer]
            if width[layer] < w1:
                narrow += 1
        if room >= n_edges and (children == n_edges or uniform(state) >= p):
            return
        if narrow == 0:
            return
        chosen = below(state, narrow)
        for layer in range(depth):
            if width[layer] < w1:
                if chosen == 0:
                    width[layer] += 1
                    break
                chosen -= 1


@compiled
def _draw_edges(state: np.ndarray, depth: int, n_edges: int, graph: Graph) -> None:
    """One parent for every item, the other edges a uniform sample of the absent pairs; instances numbered."""
    width = graph.width
    edge = graph.edge
    absent = 0
    more = n_edges
    for layer in range(depth - 1):
        absent += (width[layer] - 1) * width[layer + 1]
        more -= width[layer + 1]
        for parent in range(width[layer]):
            for child in range(width[layer + 1]):
                edge[layer, parent, child] = -1
        for child in range(width[layer + 1]):
            edge[layer, below(state, width[layer]), child] = 0
    number = 0
    for layer in range(depth - 1):
        for parent in range(width[layer]):
            for child in range(width[layer + 1]):
                if edge[layer, parent, child] < 0:
                    # Selection sampling (Knuth, TAOCP 2, algorithm S).
                    if more > 0 and below(state, absent) < more:
                        edge[layer, parent, child] = 0
                        more -= 1
                    absent -= 1
                if edge[layer, parent, child] == 0:
                    edge[layer, parent, child] = number
                    graph.needs[number] = 0
                    graph.closure[number] = 1 << number
                    graph.distance[number] = 0
                    graph.operations[number] = 1
                    number += 1


@compiled
def _number_abstract(graph: Graph) -> None:
    """Numbers, inputs, closures and costs of the abstract parameters."""
    width = graph.width
    depth = graph.size[LAYERS]
    number = graph.size[EDGES]
    for layer in range(depth - 1):
        for item in range(width[layer]):
            for category in range(layer + 1, depth):
                graph.abstract[layer, item, category] = number
                number += 1
    graph.size[PARAMETERS] = number
    capacity = graph.size[EDGES]
    for layer in range(depth - 2, -1, -1):
        for item in range(width[layer]):
            instances = 0
            n_children = 0
            for child in range(width[layer + 1]):
                if graph.edge[layer, item, child] >= 0:
                    instances |= 1 << graph.edge[layer, item, child]
                    n_children += 1
            for category in range(layer + 1, depth):
                abstract = graph.abstract[layer, item, category]
                needs = instances
                closure = instances | (1 << abstract)
                operations = n_children - 1
                if category > layer + 1:
                    operations = 2 * n_children - 1
                    for child in range(width[layer + 1]):
                        if graph.edge[layer, item, child] >= 0:
                            below_it = graph.abstract[layer + 1, child, category]
                            needs |= 1 << below_it
                            closure |= graph.closure[below_it]
                graph.needs[abstract] = needs
                graph.closure[abstract] = closure
                graph.distance[abstract] = category - layer
                graph.operations[abstract] = max(operations, 1)
            capacity += max(n_children - 1, min(n_children, 1)) + (depth - layer - 2) * max(2 * n_children - 1, 0)
    graph.size[CAPACITY] = capacity
