"""What a problem expects of a solution, computed once for each problem and parameter.

Expressions are compared by value at one random point: every parameter and every number is an independent
unknown, replaced by a fixed random element of the field of 2^61 - 1 elements. Two polynomials of low degree
that differ agree there with a probability of about 1e-18 (Schwartz-Zippel), however their terms are ordered
and grouped; so valid rewritings pass and everything else fails, in constant time for an operation.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import NamedTuple
from weakref import WeakKeyDictionary, proxy

from igsm.problems.problem import Parameter, Problem

PRIME = 2**61 - 1


def _field_element(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=16).digest()) % PRIME


@lru_cache(maxsize=4096)
def number_unknown(number: int) -> int:
    """The random field element that stands for a number written in the problem or solution."""
    return _field_element(f"number {number}")


@lru_cache(maxsize=64)
def _unknowns(n_parameters: int) -> tuple[int, ...]:
    return tuple(_field_element(f"parameter {number}") for number in range(n_parameters))


class Expected(NamedTuple):
    """One parameter: which bit it is, what it needs, and what its expression must come to."""

    parameter: Parameter
    bit: int
    needs: int
    """Bits of its inputs."""
    fingerprint: int
    """Its expression at the random point."""
    unknown: int
    """The parameter itself at the random point, where others use it."""
    needed: bool
    unnecessary_operations: int
    """Its operations if it is not needed, else 0."""


class Expectations:
    """`Expected` of a problem's parameters by name, computed when first asked for."""

    def __init__(self, problem: Problem) -> None:
        self._problem = proxy(problem)  # a reference would keep it, and so its entry below, for ever
        self._number = {p: i for i, p in enumerate(problem.parameters)}
        self._unknowns = _unknowns(len(self._number))
        self._by_name: dict[str, Expected] = {}

    def __getitem__(self, name: str) -> Expected | None:
        expected = self._by_name.get(name)
        if expected is None:
            parameter = self._problem.find(name)
            if parameter is None:  # not kept: texts may hold any number of unknown names
                return None
            expected = self._by_name[name] = self._expect(parameter)
        return expected

    def _expect(self, p: Parameter) -> Expected:
        problem, number = self._problem, self._number
        own = number[p]
        inputs = [number[q] for q in problem.inputs(p)]
        values = [self._unknowns[i] for i in inputs]
        if not p.abstract:
            expression = problem.expressions[p]
            fingerprint = values[0] - values[1] if expression.subtract else sum(values)
            if expression.number is not None:
                constant = number_unknown(expression.number)
                fingerprint = fingerprint * constant if expression.multiply else fingerprint + constant
        elif not values:
            fingerprint = number_unknown(0)
        elif p.target == p.layer + 1:
            fingerprint = sum(values)
        else:  # each child, and in turn what that child has
            fingerprint = sum(child * inside for child, inside in zip(values[::2], values[1::2], strict=True))
        needs = 0
        for i in inputs:
            needs |= 1 << i
        needed = p in problem.needed
        operations = 0 if needed else problem.operations(p)
        return Expected(p, 1 << own, needs, fingerprint % PRIME, self._unknowns[own], needed, operations)


_EXPECTATIONS: WeakKeyDictionary[Problem, Expectations] = WeakKeyDictionary()


def expectations(problem: Problem) -> Expectations:
    """The problem's expectations, kept as long as the problem."""
    found = _EXPECTATIONS.get(problem)
    if found is None:
        found = _EXPECTATIONS[problem] = Expectations(problem)
    return found
