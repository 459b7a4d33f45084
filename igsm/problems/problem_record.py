"""A problem that was read from its text, as the record that compiled code works on."""

from __future__ import annotations

from igsm.problems import record as r
from igsm.problems.expression import count_symbols
from igsm.problems.lexicon import Lexicon
from igsm.problems.parameter import Parameter
from igsm.problems.problem import Problem
from igsm.problems.record import LETTERS, NUMBER, Record, clear, new_records, row


def record_of(problem: Problem, lexicon: Lexicon) -> tuple[Record, dict[Parameter, int]]:
    """A problem that was read from its text as a record, and the number of each parameter in it.

    What a text does not tell stands as the reader took it: the order of items in a layer, and a solution in some order
    with letters from a on.
    """
    record = row(new_records(1), 0)
    clear(record)
    numbers = {parameter: number for number, parameter in enumerate(problem.parameters)}
    chain, first = next(
        (number, start)
        for number, chain in enumerate(lexicon.chains)
        for start in range(len(chain) - problem.depth + 1)
        if chain[start : start + problem.depth] == problem.categories
    )
    for layer, items in enumerate(problem.items):
        record.widths[layer] = len(items)
        record.names[layer, : len(items)] = [lexicon.names.index(name) for name in items]
    for parameter, number in numbers.items():
        inputs = [numbers[one] for one in problem.inputs(parameter)]
        record.parameter[number] = parameter
        record.value[number] = problem.value(parameter)
        if not parameter.abstract:
            expression = problem.expressions[parameter]
            record.multiply[number], record.subtract[number] = expression.multiply, expression.subtract
            if expression.number is not None:
                record.number[number] = expression.number
                inputs.append(NUMBER)
        record.n_inputs[number] = len(inputs)
        record.inputs[number, : len(inputs)] = inputs
        record.mentioned[number] = not parameter.abstract or parameter in problem.needed
    solution = [numbers[one] for one in problem.solution]
    record.solution[: len(solution)] = solution
    record.sentences[: len(problem.sentences)] = [numbers[one] for one in problem.sentences]
    record.symbols[:] = range(LETTERS)
    record.head[[r.DEPTH, r.CHAIN, r.FIRST_CATEGORY]] = problem.depth, chain, first
    record.head[[r.N_INSTANCES, r.N_PARAMETERS]] = len(problem.expressions), len(numbers)
    record.head[[r.QUESTION, r.N_SOLUTION]] = numbers[problem.question], len(solution)
    record.head[[r.OP, r.TARGET_OP, r.MODULUS]] = problem.op, problem.op, problem.modulus
    record.head[[r.QUESTION_FIRST, r.BIN]] = problem.question_first, -1
    record.head[r.N_SYMBOLS] = count_symbols(record)
    return record, numbers
