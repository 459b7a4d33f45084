"""The rule "authors": the verdict of the grader published with arXiv 2408.16293, reproduced with its holes.

Written from that grader's behaviour. It compares, for every defined parameter, the set of parameters reached
through intermediate symbols with the set it depends on, checks that symbols are defined once and before use,
that numbers written for symbols are theirs and that sums come out. docs/grading.md lists what it overlooks.
"""

from __future__ import annotations

from typing import NamedTuple

from igsm.grading.verdict import FirstError, Kind
from igsm.problems.parameter import Parameter
from igsm.problems.problem import Problem

_SIGNS = (" + ", " - ", " * ")


class _Equation(NamedTuple):
    sentence: int  # number of the sentence it stands in, from 1
    text: str
    symbol: str
    name: str  # of the parameter it defines, "" for an intermediate
    terms: list[str]  # symbols and numbers before the calculation
    sign: str | None
    numbers: list[int]  # the calculation
    result: int


class _Unreadable(Exception):
    """The published grader does not read this text, so the solution counts as wrong."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def first_error(problem: Problem, text: str, answer: str | None) -> FirstError | None:
    """None when the published grader finds the solution right. Where it would crash, the verdict is wrong."""
    text = text.removeprefix(" ").removesuffix(".")
    equations: list[_Equation] = []
    symbols: dict[str, _Equation] = {}
    sentences = text.split(". ")
    for number, sentence in enumerate(sentences, 1):
        if " BACK" in sentence:
            continue
        for clause in _clauses(sentence):
            try:
                equation = _read(clause, number, problem.modulus)
                for term in equation.terms:
                    if not _is_number(term, problem.modulus) and term not in symbols:
                        raise _Unreadable(Kind.UNDEFINED_SYMBOL, f"the symbol {term[:40]!r} is not defined")
                if equation.symbol in symbols:
                    raise _Unreadable(Kind.SYMBOL_REUSED, f"the symbol {equation.symbol} is already in use")
            except _Unreadable as error:
                return FirstError(error.kind, number, sentence, 0, len(sentence), str(error))
            equations.append(equation)
            symbols[equation.symbol] = equation
    if not equations:
        return FirstError(Kind.STOPS_EARLY, len(sentences) + 1, "", 0, 0, "no sentence is left to grade")
    return _check(problem, equations, symbols, answer)


def _clauses(sentence: str) -> list[str]:
    """The intermediate equations, then the definition: its head with the last equation, without "so x"."""
    first, *rest = sentence.split("; ")
    last = rest[-1] if rest else first
    return [*rest[:-1], first + last[4:]]


def _is_number(text: str, modulus: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 7 and int(text) < modulus and str(int(text)) == text


def _number(text: str, modulus: int) -> int:
    try:
        return int(text) % modulus
    except ValueError:
        raise _Unreadable(Kind.MALFORMED, f"{text[:40]!r} is not a number") from None


def _read(clause: str, number: int, modulus: int) -> _Equation:
    head, *parts = clause.split(" = ")
    symbol, name = head, ""
    if head.startswith("Define"):
        words = head[7:].split(" as ")
        symbol, name = (words[0], "") if len(words) == 1 else (words[1], words[0])
    if len(symbol) != 1:
        raise _Unreadable(Kind.MALFORMED, f"{symbol[:40]!r} is not a symbol")
    terms: list[str] = []
    numbers: list[int] = []
    sign = None
    for part in parts:
        found = next((s for s in _SIGNS if s in part), None)
        if found is not None:
            operands = part.split(found)
            if _is_number(operands[0], modulus) and _is_number(operands[1], modulus):
                numbers += [_number(operand, modulus) for operand in operands]
            else:
                terms += operands
            sign = found
        elif not _is_number(part, modulus):
            terms.append(part)
        elif (len(terms), len(numbers)) in ((2, 2), (1, 0), (0, 0)):
            return _Equation(number, clause, symbol, name, terms, sign, numbers, int(part))
        else:
            raise _Unreadable(Kind.MALFORMED, "the calculation does not match the expression")
    raise _Unreadable(Kind.MALFORMED, "the equation has no result")


def _check(
    problem: Problem, equations: list[_Equation], symbols: dict[str, _Equation], answer: str | None
) -> FirstError | None:
    parameters = _parameters(problem)
    roots: dict[str, frozenset[str]] = {}  # symbol -> symbols of the parameters it is made of
    for equation in equations:
        made_of: set[str] = set()
        for term in equation.terms:
            if term in symbols and not _is_number(term, problem.modulus):
                made_of |= {term} if symbols[term].name else roots[term]
        roots[equation.symbol] = frozenset(made_of)
        wrong = _wrong_numbers(problem, equation, symbols)
        if wrong is None and equation.name:
            used = {_find(problem, parameters, symbols[symbol].name) for symbol in made_of}
            wrong = _wrong_inputs(problem, equation.name, _find(problem, parameters, equation.name), used)
        if wrong is not None:
            return FirstError(wrong[0], equation.sentence, equation.text, 0, len(equation.text), wrong[1])
    last = equations[-1]
    asked = problem.name(problem.question)
    if last.name != asked:
        stated = any(equation.name == asked for equation in equations)
        kind = Kind.ANSWERS_ANOTHER if stated else Kind.STOPS_EARLY
    elif last.result != problem.answer or answer not in (None, str(problem.answer)):
        kind = Kind.ANSWER_DIFFERS
    elif len(equations) < problem.op:  # the published grader stops with an exception here
        kind = Kind.WRONG_OPERATOR
    else:
        return None
    return FirstError(kind, last.sentence + 1, last.text, 0, len(last.text), f"{asked} is {problem.answer}")


def _wrong_numbers(problem: Problem, equation: _Equation, symbols: dict[str, _Equation]) -> tuple[Kind, str] | None:
    if len(equation.terms) == 1:
        referred = [(equation.terms[0], equation.result)]
    else:
        referred = list(zip(equation.terms, equation.numbers, strict=True)) if equation.terms else []
    for term, number in referred:
        if not _is_number(term, problem.modulus) and symbols[term].result != number:
            return Kind.WRONG_REFERENCE, f"{term} is {symbols[term].result}, not {number}"
    if equation.sign is not None and equation.numbers:
        a, b = equation.numbers
        result = {" + ": a + b, " - ": a - b, " * ": a * b}[equation.sign] % problem.modulus
        if result != equation.result:
            return Kind.WRONG_ARITHMETIC, f"{a}{equation.sign}{b} is {result}, not {equation.result}"
    return None


def _wrong_inputs(
    problem: Problem, name: str, defined: Parameter | str | None, used: set[Parameter | str | None]
) -> tuple[Kind, str] | None:
    if defined is None:
        return Kind.UNKNOWN_PARAMETER, f"the problem has no parameter {name[:100]!r}"
    inputs: set[Parameter | str | None] = set()
    if isinstance(defined, Parameter) and (defined.abstract or defined in problem.expressions):
        inputs.update(problem.inputs(defined))
    if used != inputs:
        return Kind.WRONG_INPUTS, f"{name[:100]} is not made of these parameters"
    return None


def _parameters(problem: Problem) -> dict[str, Parameter]:
    """Pairs of items of adjacent layers, existing or not, then abstract ones; the last of a name counts."""
    items = problem.items
    pairs = [
        Parameter(False, layer, item, child)
        for layer in range(problem.depth - 1)
        for item in range(len(items[layer]))
        for child in range(len(items[layer + 1]))
    ]
    abstract = problem.parameters[len(problem.expressions) :]
    return {problem.name(p): p for p in (*pairs, *abstract)}


def _find(problem: Problem, parameters: dict[str, Parameter], name: str) -> Parameter | str | None:
    """The parameter of a name; the name itself if its owner is an item that the text does not show."""
    name = name.removeprefix(" ")
    name = name[5:] if name.startswith("each") else name
    if name in parameters:
        return parameters[name]
    for owner in problem.hidden_items:
        if name.startswith(owner + "'s "):
            owned = name[len(owner) + 3 :]
            if owned in problem.items[1] or owned in problem.categories[1:]:
                return name
    return None
