"""Verifiers: how good is a solution, step by step? Learned ones are in `igsm.probing`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable


class Scored(NamedTuple):
    """What a verifier says of some solutions of one problem."""

    steps: list[list[float]]
    """Of each solution the scores of its steps, from 0 to 1, higher is better."""
    tokens: int
    """Read of the solutions; prompts are not counted."""


@runtime_checkable
class Verifier(Protocol):
    """What best-of-n needs."""

    def score(self, prompt: Sequence[int], solutions: Sequence[Sequence[int]]) -> Scored:
        """Score the solutions (generated token ids) of one problem."""
        ...


COMBINED: dict[str, Callable[[Sequence[float]], float]] = {
    "prod": lambda steps: math.prod(steps),
    "min": lambda steps: min(steps, default=1.0),
    "last": lambda steps: steps[-1] if steps else 1.0,
}
"""From the scores of steps to that of a solution: the product or the minimum (arXiv 2305.20050), the last (arXiv
2408.03314). A solution without steps has nothing against it."""
