"""What a solution has defined so far, and the check of one more sentence against it (rule "strict")."""

from __future__ import annotations

from copy import copy

from igsm.grading.expected import PRIME, Expectations, number_unknown
from igsm.grading.steps import Definition, Equation
from igsm.grading.verdict import Kind
from igsm.problems.parameter import Parameter
from igsm.problems.problem import Problem

Complaint = tuple[Kind, str, str]
"""Kind, offending words, message."""


class State:
    """Parameters and symbols defined so far."""

    def __init__(self, problem: Problem, expected: Expectations) -> None:
        self.last: Parameter | None = None
        self.last_value = 0
        self._problem = problem
        self._expected = expected
        self._defined = 0
        # letter -> (value at the random point, bits of the parameters it is made of, its number)
        self._symbols: dict[str, tuple[int, int, int]] = {}

    def has_defined(self, name: str) -> bool:
        """Whether the parameter of this name is defined."""
        info = self._expected[name]
        return info is not None and bool(self._defined & info.bit)

    def complaint(self, definition: Definition) -> Complaint | None:
        """What is wrong with one sentence; nothing is taken over."""
        return self.copy().define(definition)

    def copy(self) -> State:
        """The same, to go on from another time."""
        other = copy(self)
        other._symbols = dict(self._symbols)
        return other

    def cannot_be_next(self, name: str) -> Complaint | None:
        """Why the parameter of this name cannot be defined next; None if it can."""
        info = self._expected[name]
        if info is None:
            return Kind.UNKNOWN_PARAMETER, name, f"the problem has no parameter {name[:100]!r}"
        if self._defined & info.bit:
            return Kind.DEFINED_TWICE, name, f"{name} is already defined"
        if info.needs & ~self._defined:
            missing = self._names(info.needs & ~self._defined)
            return Kind.NOT_COMPUTABLE_YET, name, f"{name} depends on {missing}, not yet defined"
        return None

    def define(self, definition: Definition) -> Complaint | None:
        """Check one sentence and take over what it defines; None when it is right.

        Names and order come first, then symbols, then which expression it is, then the numbers.
        """
        name, symbol, equations = definition
        info = self._expected[name]
        if info is None or self._defined & info.bit or info.needs & ~self._defined:
            return self.cannot_be_next(name)
        symbols = self._symbols
        if symbol in symbols:
            return Kind.SYMBOL_REUSED, f" as {symbol}", f"the symbol {symbol} is already in use"
        wrong_number: Complaint | None = None
        touched = point = value = 0
        for equation in equations:
            point, mask, value, wrong = self._evaluate(equation)
            if wrong is not None:
                if wrong[0] is Kind.UNDEFINED_SYMBOL:
                    return wrong
                wrong_number = wrong_number or wrong
            touched |= mask
            so, target = equation[0], equation[1]
            if so is None:
                if target in symbols or target == symbol:
                    return Kind.SYMBOL_REUSED, f"{target} = ", f"the symbol {target} is already in use"
                symbols[target] = point, mask, value
            elif target != symbol:
                return Kind.SO_SYMBOL_MISMATCH, f"so {target}", f"the sentence defines {symbol}, not {target}"
        if touched != info.needs:
            extra, missing = self._names(touched & ~info.needs), self._names(info.needs & ~touched)
            parts = [f"does not depend on {extra}"] * bool(extra) + [f"depends on {missing} too"] * bool(missing)
            return Kind.WRONG_INPUTS, _right_hand_side(Equation(*equations[-1])), f"{name} {' and '.join(parts)}"
        if point != info.fingerprint:
            message = f"{name} is not this expression: an operator, a constant or the order differs"
            return Kind.WRONG_OPERATOR, _right_hand_side(Equation(*equations[-1])), message
        if wrong_number:
            return wrong_number
        symbols[symbol] = info.unknown, info.bit, value
        self._defined |= info.bit
        self.last, self.last_value = info.parameter, value
        return None

    def _evaluate(self, equation: tuple[str, ...]) -> tuple[int, int, int, Complaint | None]:
        """Value at the random point, parameters, number it comes to, and what is wrong with symbols or numbers."""
        _, _, constant, symbol, symbol_value, left, sign, right, left_value, right_value, written = equation
        if constant is not None:
            return number_unknown(int(constant)), 0, int(constant), None
        if symbol is not None:
            if symbol not in self._symbols:
                return 0, 0, 0, _undefined(Equation(*equation), symbol)
            point, mask, value = self._symbols[symbol]
            wrong = _wrong_reference(equation, symbol, symbol_value, value) if int(symbol_value) != value else None
            return point, mask, value, wrong
        found, found_b = self._symbols.get(left) or _number(left), self._symbols.get(right) or _number(right)
        if found is None or found_b is None:
            return 0, 0, 0, _undefined(Equation(*equation), left if found is None else right)
        point, mask, a = found
        point_b, mask_b, b = found_b
        wrong = None
        if int(left_value) != a:
            wrong = _wrong_reference(equation, left, left_value, a)
        elif int(right_value) != b:
            wrong = _wrong_reference(equation, right, right_value, b)
        if sign == "+":
            point, value = (point + point_b) % PRIME, a + b
        elif sign == "-":
            point, value = (point - point_b) % PRIME, a - b
        else:
            point, value = point * point_b % PRIME, a * b
        value %= self._problem.modulus
        if wrong is None and int(written) != value:
            message = f"{a} {sign} {b} is {value} modulo {self._problem.modulus}, not {written}"
            wrong = Kind.WRONG_ARITHMETIC, f"{left_value} {sign} {right_value} = {written}", message
        return point, mask | mask_b, value, wrong

    def _names(self, bits: int) -> str:
        names = [self._problem.name(p) for i, p in enumerate(self._problem.parameters) if bits >> i & 1]
        return ", ".join(names)


def _number(term: str) -> tuple[int, int, int] | None:
    return None if term.isalpha() else (number_unknown(int(term)), 0, int(term))


def _undefined(equation: Equation, symbol: str) -> Complaint:
    return Kind.UNDEFINED_SYMBOL, _right_hand_side(equation), f"the symbol {symbol} is not defined"


def _right_hand_side(equation: Equation) -> str:
    operation = f"{equation.left} {equation.sign} {equation.right}"
    return f" = {equation.constant or equation.symbol or operation}"


def _wrong_reference(equation: tuple[str, ...], term: str, written: str, value: int) -> Complaint:
    one = Equation(*equation)
    if one.symbol is not None:
        words = f"{one.symbol} = {written}"
    else:
        words = f"{one.left} {one.sign} {one.right} = {one.left_value} {one.sign} {one.right_value}"
    return Kind.WRONG_REFERENCE, words, f"{term} is {value}, not {written}"
