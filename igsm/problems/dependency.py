"""Which parameters a candidate's solution needs, and in which order: the backward walk from the question."""

import math

import numpy as np

from igsm.problems.structure import CAPACITY, EDGES, LAYERS, PARAMETERS, Graph
from igsm.seeds import below, compiled, normal, uniform


@compiled
def choose_needed(state: np.ndarray, n: int, m: int, graph: Graph) -> int:
    """Draw the set of parameters that the solution will consist of.

    Args:
        state: random stream.
        n: budget of operations for abstract parameters and what they stand on.
        m: budget of operations in all (n <= m).
        graph: structure graph.

    Returns:
        Mask of the parameters.
    """
    n = min(n, graph.size[CAPACITY])
    left = n
    chosen = 0
    distances = (1 << graph.size[LAYERS]) - 2  # a set of distances 1 .. depth-1, as bits
    while left > 0 and distances != 0:
        parameter, distances = _walk(
            state, left, chosen, distances, graph.size, graph.distance, graph.closure, graph.operations
        )
        if parameter == TOO_DEAR:
            break
        if parameter >= 0:
            left -= _cost(graph.closure[parameter] & ~chosen, graph.operations)
            chosen |= graph.closure[parameter]
    for _ in range(left + m - n):
        remaining = ((1 << graph.size[EDGES]) - 1) & ~chosen
        if remaining == 0:
            break
        chosen |= 1 << draw_from(state, remaining, graph.size[EDGES])
    return chosen


NOTHING = -1
TOO_DEAR = -2


@compiled
def _walk(
    state: np.ndarray,
    left: int,
    chosen: int,
    distances: int,
    size: np.ndarray,
    distance_of: np.ndarray,
    closure: np.ndarray,
    operations: np.ndarray,
) -> tuple[int, int]:
    """One walk over growing distances: the last abstract parameter that fits the budget, and the distances left.

    Returns NOTHING for it when the largest distance turns out to be used up, TOO_DEAR when the nearest does not fit.
    """
    tentative = NOTHING
    for distance in range(1, size[LAYERS]):
        if not distances >> distance & 1:
            continue
        remaining = 0
        for parameter in range(size[EDGES], size[PARAMETERS]):
            if distance_of[parameter] == distance and not chosen >> parameter & 1:
                remaining |= 1 << parameter
        if remaining == 0:
            distances ^= 1 << distance
            if distances >> distance == 0:
                return NOTHING, distances
            continue
        parameter = draw_from(state, remaining, size[PARAMETERS])
        if _cost(closure[parameter] & ~chosen, operations) > left:
            if distances & ((1 << distance) - 1) == 0:
                return TOO_DEAR, distances
            break
        tentative = parameter
    return tentative, distances


@compiled
def _cost(parameters: int, operations: np.ndarray) -> int:
    """Operations that adding this set of parameters costs at least."""
    cost = 0
    parameter = 0
    while parameters != 0:
        if parameters & 1:
            cost += operations[parameter]
        parameters >>= 1
        parameter += 1
    return cost


@compiled
def count(mask: int) -> int:
    """Number of members of a set."""
    members = 0
    while mask != 0:
        mask &= mask - 1
        members += 1
    return members


@compiled
def draw_from(state: np.ndarray, mask: int, n_parameters: int) -> int:
    """A uniform member of a non-empty set of parameters below `n_parameters`."""
    chosen = below(state, count(mask))
    for parameter in range(n_parameters):
        if mask >> parameter & 1:
            if chosen == 0:
                return parameter
            chosen -= 1
    return -1


@compiled
def draw_order(state: np.ndarray, needed: int, graph: Graph, solution: np.ndarray) -> int:
    """Order the needed parameters by walking back from a question, adding one input to some instances on the way.

    Args:
        state: random stream.
        needed: mask of the parameters.
        graph: structure graph; `needs` of the instances is set.
        solution: int64[64], filled with the parameters in solution order, the question last.

    Returns:
        The number of parameters, or -1 when the walk got stuck.
    """
    n_parameters = graph.size[PARAMETERS]
    share = uniform(state)
    bias = math.exp(abs(normal(state)))
    total = count(needed)
    free = _without_dependents(needed, graph.size, graph.needs)
    unplaced = needed
    stacked = 0
    parameter = draw_from(state, free, n_parameters)
    for placed in range(total):
        if placed > 0:
            if stacked & free == 0:
                return -1
            parameter = draw_from(state, stacked & free, n_parameters)
        solution[total - 1 - placed] = parameter
        unplaced ^= 1 << parameter
        stacked &= ~(1 << parameter)
        free ^= 1 << parameter
        if parameter >= graph.size[EDGES]:
            stacked |= graph.needs[parameter]
            free = _without_dependents(unplaced, graph.size, graph.needs)
            continue
        graph.needs[parameter] = 0
        if unplaced == 0:
            continue
        forced = stacked & free == 0
        if forced or uniform(state) < share:
            chosen = _draw_input(state, free if forced else unplaced, stacked, bias, graph.size)
            graph.needs[parameter] = 1 << chosen
            stacked |= 1 << chosen
    return total


@compiled
def _without_dependents(unplaced: int, size: np.ndarray, needs: np.ndarray) -> int:
    """The unplaced parameters that no unplaced abstract parameter needs."""
    needed = 0
    for parameter in range(size[EDGES], size[PARAMETERS]):
        if unplaced >> parameter & 1:
            needed |= needs[parameter]
    return unplaced & ~needed


@compiled
def _draw_input(state: np.ndarray, pool: int, stacked: int, bias: float, size: np.ndarray) -> int:
    """Draw from the pool with weight bias**([abstract] + [not stacked])."""
    instances = (1 << size[EDGES]) - 1
    favoured = pool & ~(instances | stacked)  # both
    plain = pool & instances & stacked  # neither
    between = pool & ~(favoured | plain)
    n_plain = count(plain)
    weight_between = bias * count(between)
    point = uniform(state) * (n_plain + weight_between + bias * bias * count(favoured))
    if point < n_plain:
        group = plain
    elif point < n_plain + weight_between:
        group = between
    else:
        group = favoured
    # Rounding can put the point past the end of a group that is empty.
    return draw_from(state, group if group != 0 else pool, size[PARAMETERS])


@compiled
def draw_sample(state: np.ndarray, pool: np.ndarray, n_pool: int, n_sample: int) -> None:
    """Move a uniform ordered sample of the pool's first `n_pool` entries to its front."""
    for i in range(n_sample):
        j = i + below(state, n_pool - i)
        kept = pool[i]
        pool[i] = pool[j]
        pool[j] = kept
