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
from weakref import WeakKeyDictionary

from igsm.problems.parameter import Parameter
from igsm.problems.problem import Problem

PRIME = 2**61 - 1


def _field_element(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=16).digest()) % PRIME


@lru_cache(maxsize=4096)
def number_unknown(number: int) -> int:
    """The random field element that stands for a number written in the problem or solution."""
    return _field_element(f"number {number}")


@lru_cache(maxsize=64)
def _places(n_parameters: int) -> tuple[tuple[int, int], ...]:
    """The bit of each parameter, and the random field element that stands for it."""
    return tuple((1 << number, _field_element(f"parameter {number}")) for number in range(n_parameters))


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
    """The question depends on it."""


class Expectations(dict[str, Expected]):
    """`Expected` of a problem's parameters by name, computed when first asked for; None for an unknown name."""

    def __init__(self, problem: Problem) -> None:
        # The problem's tables, not the problem: a reference would keep it, and so its entry below, for ever.
        self._parameters = problem.by_name
        self._inputs = problem.inputs_of
        self._expressions = problem.expressions
        self._needed = problem.needed
        self._place = dict(zip(problem.parameters, _places(len(problem.parameters)), strict=True))

    def __missing__(self, name: str) -> Expected | None:
        parameter = self._parameters.get(name)
        if parameter is None:  # not kept: texts may hold any number of unknown names
            return None
        expected = self[name] = self._expect(parameter)
        return expected

    def _expect(self, p: Parameter) -> Expected:
        places = [self._place[q] for q in self._inputs[p]]
        needs = 0
        for bit, _ in places:
            needs |= bit
        abstract, layer, _, target = p
        if not abstract:
            expression = self._expressions[p]
            fingerprint = places[0][1] - places[1][1] if expression.subtract else sum([value for _, value in places])
            if expression.number is not None:
                constant = number_unknown(expression.number)
                fingerprint = fingerprint * constant if expression.multiply else fingerprint + constant
        elif not places:
            fingerprint = number_unknown(0)
        elif target == layer + 1:
            fingerprint = sum([value for _, value in places])
        else:  # each child, and in turn what that child has
            pairs = zip(places[::2], places[1::2], strict=True)
            fingerprint = sum([child * inside for (_, child), (_, inside) in pairs])
        bit, unknown = self._place[p]
        return Expected(p, bit, needs, fingerprint % PRIME, unknown, p in self._needed)


_EXPECTATIONS: WeakKeyDictionary[Problem, Expectations] = WeakKeyDictionary()


def expectations(problem: Problem) -> Expectations:
    """The problem's expectations, kept as long as the problem."""
    found = _EXPECTATIONS.get(problem)
    if found is None:
        found = _EXPECTATIONS[problem] = Expectations(problem)
    return found
