"""Inputs of the parameters: extra ones up to the wanted number of operations, and those of unneeded instances."""

import numpy as np

from igsm.problems.dependency import draw_sample
from igsm.problems.record import NUMBER, Record
from igsm.problems.structure import EDGES, LAYERS, PARAMETERS, Graph
from igsm.seeds import below, compiled, shuffle, uniform


@compiled
def room_for_extra(position: int, most_inputs: int) -> int:
    """Most extra operations of an instance at this position of the solution."""
    return max(min(position + 1, most_inputs) - 2, 0)


@compiled
def count_operations(
    solution: np.ndarray, n_solution: int, drawn_op: int, most_inputs: int, graph: Graph
) -> tuple[int, int]:
    """Operations of the solution: least plus extra ones, up to `drawn_op` as far as there is room.

    Returns:
        (operations, how many of them are extra).
    """
    least = 0
    room = 0
    for position in range(n_solution):
        parameter = solution[position]
        least += graph.operations[parameter]
        if parameter < graph.size[EDGES]:
            room += room_for_extra(position, most_inputs)
    operations = min(max(least, drawn_op), least + room)
    return operations, operations - least


@compiled
def draw_solution_inputs(
    state: np.ndarray,
    solution: np.ndarray,
    n_solution: int,
    n_extra: int,
    most_inputs: int,
    most_parameters: int,
    graph: Graph,
    scratch: np.ndarray,
    record: Record,
) -> None:
    """Spread the extra operations over the solution's instances and draw the inputs of each.

    Args:
        scratch: int64[2, 64].
        record: `inputs` and `n_inputs` of the solution's instances are filled.
    """
    extra, pool = scratch[0], scratch[1]
    for position in range(n_solution):
        extra[position] = 0
    for _ in range(n_extra):
        open_positions = 0
        for position in range(n_solution):
            if solution[position] < graph.size[EDGES] and extra[position] < room_for_extra(position, most_inputs):
                pool[open_positions] = position
                open_positions += 1
        extra[pool[below(state, open_positions)]] += 1
    for position in range(n_solution):
        if solution[position] < graph.size[EDGES]:
            parameter = solution[position]
            record.n_inputs[parameter] = _draw_inputs(
                state,
                solution,
                position,
                extra[position],
                most_inputs,
                most_parameters,
                graph.needs[parameter],
                pool,
                record.inputs[parameter],
            )


@compiled
def _draw_inputs(
    state: np.ndarray,
    solution: np.ndarray,
    position: int,
    extra: int,
    most_inputs: int,
    most_parameters: int,
    given: int,
    pool: np.ndarray,
    inputs: np.ndarray,
) -> int:
    """Draw the inputs of the instance at this position, those in `given` first; returns their number.

    More inputs than `most_parameters` are only possible with the random number, so that it is then among them.
    """
    size = extra + 2
    if extra == 0 and uniform(state) < 0.5:
        size = 1
    size = min(size, position + 1, most_inputs)
    n_inputs = 0
    n_pool = 0
    if size == position + 1:
        n_pool = 1
        pool[0] = NUMBER
    for earlier in range(position):
        if given >> solution[earlier] & 1:
            inputs[n_inputs] = solution[earlier]
            n_inputs += 1
        else:
            pool[n_pool] = solution[earlier]
            n_pool += 1
    if size < position + 1:
        if size > n_inputs and (uniform(state) < 0.5 or size > most_parameters):
            inputs[n_inputs] = NUMBER
            n_inputs += 1
        else:
            pool[n_pool] = NUMBER
            n_pool += 1
        draw_sample(state, pool, n_pool, size - n_inputs)
    for i in range(size - n_inputs):
        inputs[n_inputs + i] = pool[i]
    return size


@compiled
def write_abstract_inputs(graph: Graph, record: Record) -> None:
    """Inputs of every abstract parameter: its instances, or, counting deeper, instance and abstract by child."""
    for layer in range(graph.size[LAYERS] - 1):
        for item in range(graph.width[layer]):
            for category in range(layer + 1, graph.size[LAYERS]):
                abstract = graph.abstract[layer, item, category]
                n = 0
                for child in range(graph.width[layer + 1]):
                    if graph.edge[layer, item, child] >= 0:
                        record.inputs[abstract, n] = graph.edge[layer, item, child]
                        n += 1
                        if category > layer + 1:
                            record.inputs[abstract, n] = graph.abstract[layer + 1, child, category]
                            n += 1
                record.n_inputs[abstract] = n


@compiled
def draw_unneeded(
    state: np.ndarray,
    solution: np.ndarray,
    n_solution: int,
    most_inputs: int,
    most_parameters: int,
    graph: Graph,
    scratch: np.ndarray,
    order: np.ndarray,
    record: Record,
) -> int:
    """Make every remaining edge an instance parameter that the question does not need.

    Args:
        solution, n_solution: the needed parameters.
        scratch: int64[3, 64].
        order: int64[64], filled with all parameters in an order in which they can be computed.
        record: `inputs` and `n_inputs` of the instances, and `mentioned`, are filled.

    Returns:
        The number of parameters.
    """
    remaining, independent, pool = scratch[0], scratch[1], scratch[2]
    present = 0
    for position in range(n_solution):
        order[position] = solution[position]
        present |= 1 << solution[position]
    n_present = n_solution
    used = present
    n_remaining = 0
    for instance in range(graph.size[EDGES]):
        if not present >> instance & 1:
            remaining[n_remaining] = instance
            n_remaining += 1
    shuffle(state, remaining, n_remaining)
    n_independent = 0
    for edge in range(n_remaining + 1):
        present, n_present = _add_available(
            present, n_present, graph.size, graph.width, graph.abstract, graph.needs, order
        )
        if edge == n_remaining:
            break
        instance = remaining[edge]
        if uniform(state) < 0.5:
            n_pool = n_independent
            pool[:n_pool] = independent[:n_pool]
            independent[n_independent] = instance
            n_independent += 1
        else:
            n_pool = n_present
            pool[:n_pool] = order[:n_pool]
        size = _draw_free_inputs(state, pool, n_pool, most_inputs, most_parameters, record.inputs[instance])
        record.n_inputs[instance] = size
        for i in range(size):
            if record.inputs[instance, i] != NUMBER:
                used |= graph.closure[record.inputs[instance, i]]
        order[n_present] = instance
        n_present += 1
        present |= 1 << instance
    for parameter in range(graph.size[PARAMETERS]):
        record.mentioned[parameter] = parameter < graph.size[EDGES] or used >> parameter & 1
    # What the availability rule hid can be computed too; lower layers have higher numbers.
    for abstract in range(graph.size[PARAMETERS] - 1, graph.size[EDGES] - 1, -1):
        if not present >> abstract & 1:
            order[n_present] = abstract
            n_present += 1
    return n_present


@compiled
def _draw_free_inputs(
    state: np.ndarray, pool: np.ndarray, n_pool: int, most_inputs: int, most_parameters: int, inputs: np.ndarray
) -> int:
    """Draw the inputs of an unneeded instance; returns their number."""
    limit = min(n_pool + 1, most_inputs)
    size = 1
    while size < limit and uniform(state) < 0.5:
        size += 1
    n_inputs = 0
    if size == n_pool + 1 or uniform(state) < 0.5 or size > most_parameters:
        inputs[0] = NUMBER
        n_inputs = 1
    if size < n_pool + 1:
        draw_sample(state, pool, n_pool, size - n_inputs)
    for i in range(size - n_inputs):
        inputs[n_inputs + i] = pool[i]
    return size


@compiled
def _add_available(
    present: int,
    n_present: int,
    size: np.ndarray,
    width: np.ndarray,
    abstract_number: np.ndarray,
    needs: np.ndarray,
    order: np.ndarray,
) -> tuple[int, int]:
    """Append the abstract parameters all of whose inputs are present.

    As in the authors' code, an item whose instances are present but which lacks an abstract input hides the later
    items of its layer for that category and deeper ones.
    """
    depth = size[LAYERS]
    instances = (1 << size[EDGES]) - 1
    for layer in range(depth - 2, -1, -1):
        limit = depth
        for item in range(width[layer]):
            nearest = abstract_number[layer, item, layer + 1]
            if needs[nearest] & ~present != 0:
                continue
            for category in range(layer + 1, limit):
                abstract = abstract_number[layer, item, category]
                if present >> abstract & 1:
                    continue
                if needs[abstract] & ~instances & ~present != 0:
                    limit = category
                    break
                order[n_present] = abstract
                n_present += 1
                present |= 1 << abstract
    return present, n_present
