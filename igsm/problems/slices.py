"""Slices of a problem class, such as "depth>=4 and times>=1": bounds on what can be counted in a problem."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from igsm.errors import suggest

MOST = 1000
"""No count of a problem is larger."""

# Name of a count -> what is counted, once and more than once; `igsm.problems.counts` counts in this order.
COUNTS: dict[str, tuple[str, str]] = {
    "op": ("operation", "operations"),
    "steps": ("step", "steps"),
    "depth": ("step on the longest chain", "steps on the longest chain"),
    "layers": ("layer", "layers"),
    "inputs": ("input of the widest step", "inputs of the widest step"),
    "frontier": ("parameter computable at once", "parameters computable at once"),
    "abstract": ("abstract step", "abstract steps"),
    "numbers": ("step with a random number", "steps with a random number"),
    "times": ("multiplication by a number", "multiplications by a number"),
    "differences": ("difference", "differences"),
    "reused": ("parameter used twice", "parameters used twice"),
    "zeros": ("step that comes to 0", "steps that come to 0"),
    "backwards": ("needed sentence before one it uses", "needed sentences before one they use"),
    "unneeded": ("unneeded sentence", "unneeded sentences"),
    "sentences": ("sentence", "sentences"),
    "mentions": ("quantity named in the sentences", "quantities named in the sentences"),
    "query": ("the asked sentence in place {}", "the asked sentence in place {}"),
    "answer": ("an answer of {}", "an answer of {}"),
}
_CONDITION = re.compile(r"([a-z]+) *(<=|>=|=) *(\d+)")


@dataclass(frozen=True)
class Slice:
    """Bounds that a problem must lie within, all of them.

    Attributes:
        bounds: (name of a count, least, most), each name once, in the order of COUNTS.
    """

    bounds: tuple[tuple[str, int, int], ...] = ()

    def __str__(self) -> str:
        """The slice as a setting: "depth>=4 and times=1"."""
        parts = []
        for name, low, high in self.bounds:
            if low == high:
                parts.append(f"{name}={low}")
            else:
                parts += [f"{name}>={low}"] * (low > 0) + [f"{name}<={high}"] * (high < MOST)
        return " and ".join(parts)

    @property
    def words(self) -> str:
        """What its problems have: "at least 4 steps on the longest chain and exactly 1 difference"."""
        parts = []
        for name, low, high in self.bounds:
            noun = COUNTS[name][(high if high < MOST else low) != 1]
            if low == high:
                much = f"exactly {low}" if low or "{}" in noun else "no"
            elif low == 0:
                much = f"at most {high}"
            else:
                much = f"{low} to {high}" if high < MOST else f"at least {low}"
            parts.append(noun.format(much) if "{}" in noun else f"{much} {noun}")
        return " and ".join(parts)

    def within(self, name: str, low: int = 0, high: int = MOST) -> Slice:
        """The part of it with one more bound."""
        found = {one: (least, most) for one, least, most in self.bounds}
        least, most = found.get(name, (0, MOST))
        found[name] = (max(least, low), min(most, high))
        return Slice(tuple((one, *found[one]) for one in COUNTS if one in found))

    def table(self) -> np.ndarray:
        """For compiled code, int64[bounds, 3]: number of the count, least, most."""
        order = list(COUNTS)
        rows = [(order.index(name), low, high) for name, low, high in self.bounds]
        return np.array(rows, np.int64).reshape(-1, 3)

    def holds(self, counts: np.ndarray) -> np.ndarray:
        """Which of n problems lie in it: counts is [n, len(COUNTS)]; bool [n]."""
        chosen = np.ones(len(counts), bool)
        for number, low, high in self.table():
            chosen &= (counts[:, number] >= low) & (counts[:, number] <= high)
        return chosen


def parse_slice(text: str) -> Slice:
    """The slice of a setting such as "depth>=4 and times=1". Raises ValueError."""
    found = Slice()
    for part in text.split(" and "):
        match = _CONDITION.fullmatch(part.strip())
        if match is None:
            raise ValueError(f"'{part.strip()}' in '{text}' is no condition; 'depth>=4 and times=1' is an example")
        name, sign, number = match[1], match[2], int(match[3])
        if name not in COUNTS:
            raise ValueError(f"'{name}' in '{text}' is counted in no problem{suggest(name, COUNTS)}")
        if number >= MOST:
            raise ValueError(f"'{part.strip()}': counts of a problem are below {MOST}")
        found = found.within(name, number if sign != "<=" else 0, number if sign != ">=" else MOST)
    for name, low, high in found.bounds:
        if low > high:
            raise ValueError(f"'{text}' asks for {name} of at least {low} and at most {high}")
        if (low, high) == (0, MOST):
            found = Slice(tuple(one for one in found.bounds if one[0] != name))
    return found
