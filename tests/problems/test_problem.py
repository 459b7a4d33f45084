"""A problem's dependencies, values and text, on a hand-made problem."""

from __future__ import annotations

import pytest

from igsm.errors import InputError
from igsm.problems import record as layout
from igsm.problems.parameter import Expression, Parameter
from igsm.problems.problem import SYMBOLS, Problem
from igsm.problems.record import NUMBER, new_records, row
from tests.problems.hand_made import BARN, BARN_PETS, CAGE, CAGE_DOG, CAGE_PETS, CAT, DOG, EXPRESSIONS, PENS, PETS

VALUES = {BARN: 4, CAT: 1, CAGE: 20, DOG: 4, PENS: 1, CAGE_DOG: 1, BARN_PETS: 5, CAGE_PETS: 1, PETS: 17}


@pytest.fixture
def problem() -> Problem:
    return Problem(["Zoo", "Pen", "Pet"], [["Ark"], ["Barn", "Cage"], ["Cat", "Dog"]], EXPRESSIONS, PETS)


def test_values_by_hand(problem):
    # guards: order of a difference, "more than" against "times", the modulus, sums of products
    assert {p: problem.value(p) for p in problem.parameters} == VALUES
    assert problem.answer == (4 * 5 + 20 * 1) % 23


def test_parameters_are_numbered_as_in_a_record(problem):
    # guards: instances and abstract parameters mixed up with a Record's numbers
    assert problem.parameters == (BARN, CAGE, CAT, DOG, CAGE_DOG, PENS, PETS, BARN_PETS, CAGE_PETS)


def test_dependencies(problem):
    # guards: can_next of defined parameters, of parameters without inputs, of abstract sums
    assert problem.inputs(PETS) == (BARN, BARN_PETS, CAGE, CAGE_PETS)
    assert problem.can_next(BARN, set())
    assert not problem.can_next(BARN, {BARN})
    assert not problem.can_next(CAGE, {CAT})
    assert problem.can_next(CAGE, {CAT, BARN})
    assert problem.needed == set(problem.parameters)
    asked = Problem(problem.categories, problem.items, EXPRESSIONS, CAGE)
    assert asked.needed == {BARN, CAT, CAGE}
    assert asked.solution == (BARN, CAT, CAGE)


def test_operations(problem):
    # guards: the random number not counted as an input; empty abstract parameters counted as none
    counts = {BARN: 1, CAGE: 1, CAT: 1, DOG: 3, CAGE_DOG: 1, PENS: 1, BARN_PETS: 1, CAGE_PETS: 1, PETS: 3}
    assert {p: problem.operations(p) for p in problem.parameters} == counts
    assert problem.op == sum(counts.values())
    empty = Problem(["Zoo", "Pen"], [["Ark", "Bay"], ["Barn"]], {BARN: Expression((), 4)}, Parameter(True, 0, 1, 1))
    assert (empty.op, empty.answer, empty.solution_text) == (1, 0, " Define Bay's Pen as a; so a = 0.")


def test_text(problem):
    # guards: any deviation of the wording from the specified one
    assert problem.text == (
        " The number of each Ark's Barn equals 4."
        " The number of each Ark's Cage equals the difference of each Barn's Cat and each Ark's Barn."
        " The number of each Barn's Cat equals 20 more than each Ark's Barn."
        " The number of each Barn's Dog equals 2 times as much as the sum of each Barn's Cat, each Ark's Cage"
        " and each Ark's Barn."
        " The number of each Cage's Dog equals each Ark's Pen."
        " How many Pet does Ark have?"
    )
    first = Problem(problem.categories, problem.items, EXPRESSIONS, PETS, question_first=True)
    assert first.text.startswith(" How many Pet does Ark have? The number of each Ark's Barn")


def test_solution_text(problem):
    # guards: intermediates in the wrong order, their letters, the last sum under "so"
    order = (BARN, CAT, CAGE, DOG, PENS, CAGE_DOG, BARN_PETS, CAGE_PETS, PETS)
    solved = Problem(problem.categories, problem.items, EXPRESSIONS, PETS, solution=order)
    assert solved.solution_text == (
        " Define Ark's Barn as a; so a = 4."
        " Define Barn's Cat as b; so b = 20 + a = 20 + 4 = 1."
        " Define Ark's Cage as c; so c = b - a = 1 - 4 = 20."
        " Define Barn's Dog as d; e = b + c = 1 + 20 = 21; f = e + a = 21 + 4 = 2; so d = 2 * f = 2 * 2 = 4."
        " Define Ark's Pen as g; so g = a + c = 4 + 20 = 1."
        " Define Cage's Dog as h; so h = g = 1."
        " Define Barn's Pet as i; so i = b + d = 1 + 4 = 5."
        " Define Cage's Pet as j; so j = h = 1."
        " Define Ark's Pet as k; l = a * i = 4 * 5 = 20; m = c * j = 20 * 1 = 20; so k = l + m = 20 + 20 = 17."
    )


def test_letters_run_out(problem):
    # guards: "..." or a crash in place of the 53rd letter
    few = Problem(problem.categories, problem.items, EXPRESSIONS, PETS, symbols=SYMBOLS[:12])
    with pytest.raises(InputError, match="more than 12 letters"):
        _ = few.solution_text


def test_find(problem):
    # guards: pairs without an edge taken for parameters
    assert problem.find("Barn's Dog") == DOG
    assert problem.find("Ark's Pet") == PETS
    assert problem.find("Cage's Cat") is None


def test_circle_is_named(problem):
    # guards: an endless loop, or a message that names parameters outside the circle
    circular = Problem(problem.categories, problem.items, {**EXPRESSIONS, BARN: Expression((CAGE_DOG,))}, PETS)
    with pytest.raises(InputError, match="circular") as caught:
        _ = circular.answer
    assert "Ark's Barn <- " in str(caught.value)
    assert "Pet" not in str(caught.value)


def test_graphs_agree(problem):
    # guards: reversed or missing edges in the graphs that are drawn
    import networkx

    graph = problem.to_networkx()
    assert networkx.is_directed_acyclic_graph(graph)
    assert {p: set(graph.predecessors(p)) for p in graph} == {p: set(problem.inputs(p)) for p in graph}
    assert networkx.ancestors(graph, problem.question) | {problem.question} == problem.needed
    assert {p for _, _, p in problem.structure().edges(data="parameter")} == set(EXPRESSIONS)


class _Names:
    names = ("Ark", "Barn", "Cage", "Cat", "Dog")
    chains = (("World", "Zoo", "Pen", "Pet"),)


def test_from_record(problem):
    # guards: a field of the record read from the wrong place
    record = row(new_records(1), 0)
    numbers = {p: i for i, p in enumerate(problem.parameters)}
    solution = (BARN, CAT, CAGE, DOG, PENS, CAGE_DOG, BARN_PETS, CAGE_PETS, PETS)
    sentences = (DOG, BARN, CAGE_DOG, CAT, CAGE)
    for position, value in {
        layout.DEPTH: 3,
        layout.FIRST_CATEGORY: 1,
        layout.N_INSTANCES: 5,
        layout.N_PARAMETERS: 9,
        layout.QUESTION: numbers[PETS],
        layout.N_SOLUTION: 9,
        layout.MODULUS: 23,
        layout.QUESTION_FIRST: 1,
    }.items():
        record.head[position] = value
    record.widths[:3] = (1, 2, 2)
    record.names[0, 0], record.names[1, :2], record.names[2, :2] = 0, (1, 2), (3, 4)
    for p, i in numbers.items():
        record.parameter[i] = p
        expression = EXPRESSIONS.get(p)
        inputs = [numbers[q] for q in problem.inputs(p)]
        if expression is not None and expression.number is not None:
            inputs.insert(0, NUMBER)
            record.number[i] = expression.number
            record.multiply[i] = expression.multiply
        if expression is not None:
            record.subtract[i] = expression.subtract
        record.n_inputs[i] = len(inputs)
        record.inputs[i, : len(inputs)] = inputs
    record.solution[:9] = [numbers[p] for p in solution]
    record.sentences[:5] = [numbers[p] for p in sentences]
    record.symbols[:] = range(51, -1, -1)
    read = Problem.from_record(record, _Names())
    wanted = Problem(
        problem.categories,
        problem.items,
        EXPRESSIONS,
        PETS,
        question_first=True,
        sentences=sentences,
        solution=solution,
        symbols=SYMBOLS[::-1],
    )
    assert read.text == wanted.text
    assert read.solution_text == wanted.solution_text
    assert read.solution_text.startswith(" Define Ark's Barn as Z; so Z = 4.")
