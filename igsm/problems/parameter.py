"""The parameters of a problem, and what its sentences say of them (arXiv 2407.20311, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Parameter(NamedTuple):
    """One quantity of a problem.

    Instance: how many of item `target` of layer `layer + 1` does item `item` of layer `layer` have.
    Abstract: how many things of the category of layer `target` does that item have in all.
    """

    abstract: bool
    layer: int
    item: int
    target: int


@dataclass(frozen=True, slots=True)
class Expression:
    """What a sentence of the problem says an instance equals; `inputs` in the order of the sentence."""

    inputs: tuple[Parameter, ...]
    number: int | None = None
    multiply: bool = False
    subtract: bool = False

    def value(self, inputs: Sequence[int]) -> int:
        """What it comes to, before the modulus, when `inputs` have these values."""
        if not inputs:
            return self.number or 0
        total = inputs[0] - inputs[1] if self.subtract else sum(inputs)
        if self.number is None:
            return total
        return self.number * total if self.multiply else self.number + total
