"""The sentences of a `Problem` and of its solution, written directly from its structure.

For problems read from text or made by hand. `wording.py` writes the corpus, from fragments; tests compare.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from igsm.errors import InputError

if TYPE_CHECKING:
    from igsm.problems.parameter import Expression, Parameter
    from igsm.problems.problem import Problem


class _Operand(NamedTuple):
    symbol: str  # a letter, or the number itself
    value: int


def question(problem: Problem) -> str:
    """ "How many B does A have?"."""
    abstract, layer, item, target = problem.question
    owned = problem.categories[target] if abstract else problem.items[layer + 1][target]
    return f"How many {owned} does {problem.items[layer][item]} have?"


def statement(problem: Problem) -> str:
    """All sentences of the problem, each with a leading space, the question last (or first)."""
    sentences = [
        f"The number of each {problem.name(p)} equals {_right_hand_side(problem, problem.expressions[p])}."
        for p in problem.sentences
    ]
    asked = question(problem)
    return "".join(" " + s for s in ([asked, *sentences] if problem.question_first else [*sentences, asked]))


def _right_hand_side(problem: Problem, expression: Expression) -> str:
    names = [f"each {problem.name(p)}" for p in expression.inputs]
    if not names:
        return str(expression.number)
    if len(names) == 1:
        text = names[0]
    else:
        kind = "difference" if expression.subtract else "sum"
        text = f"the {kind} of {', '.join(names[:-1])} and {names[-1]}"
    if expression.number is None:
        return text
    return f"{expression.number} {'times as much as' if expression.multiply else 'more than'} {text}"


def solution(problem: Problem, order: Sequence[Parameter]) -> str:
    """Solution sentences for the parameters in `order`, each after its inputs.

    Letters are those of `problem.symbols` in order of appearance; raises InputError when they do not suffice.
    """
    letters = iter(problem.symbols)
    defined: dict[Parameter, str] = {}
    sentences = []
    for parameter in order:
        try:
            sentences.append(_solution_sentence(problem, parameter, defined, letters))
        except StopIteration:
            raise InputError(f"the solution needs more than {len(problem.symbols)} letters") from None
    return "".join(sentences)


def _solution_sentence(
    problem: Problem, parameter: Parameter, defined: dict[Parameter, str], letters: Iterator[str]
) -> str:
    clauses: list[str] = []

    def combine(left: _Operand, sign: str, right: _Operand, name: str | None) -> _Operand:
        value = {"+": left.value + right.value, "-": left.value - right.value, "*": left.value * right.value}[sign]
        result = _Operand(name or next(letters), value % problem.modulus)
        clauses.append(
            f"{result.symbol} = {left.symbol} {sign} {right.symbol}"
            f" = {left.value} {sign} {right.value} = {result.value}"
        )
        return result

    letter = defined[parameter] = next(letters)
    name = f"so {letter}"
    expression = None if parameter.abstract else problem.expressions[parameter]
    number = expression.number if expression else None
    sign = "-" if expression and expression.subtract else "+"
    terms = problem.terms(parameter) if expression is None else [(p,) for p in expression.inputs]
    products = [[_Operand(defined[p], problem.value(p)) for p in term] for term in terms]
    if not products:
        clauses.append(f"{name} = {number or 0}")
    elif number is None and len(products) == len(products[0]) == 1:
        clauses.append(f"{name} = {products[0][0].symbol} = {products[0][0].value}")
    else:
        total: _Operand | None = None
        for index, factors in enumerate(products):
            final = name if number is None and index == len(products) - 1 else None
            if len(factors) == 2:
                term = combine(factors[0], "*", factors[1], final if total is None else None)
            else:
                term = factors[0]
            total = term if total is None else combine(total, sign, term, final)
        if expression is not None and number is not None and total is not None:
            combine(_Operand(str(number), number), "*" if expression.multiply else "+", total, name)
    return f" Define {problem.name(parameter)} as {letter}; {'; '.join(clauses)}."
