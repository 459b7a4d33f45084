"""Small word problems of our own, in the format of GSM8K: several people have things, each so many more than another.

What is asked needs some of them, in an order that the sentences do not tell. Steps carry the marks <<a+b=c>>.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from igsm.seeds import numpy_generator
from igsm.text.record import Row

PEOPLE = (
    "Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gita", "Hugo", "Iris", "Jon", "Kim", "Leo",
    "Mona", "Nils", "Olga", "Paul", "Rosa", "Sam", "Tara", "Umar", "Vera", "Will", "Yara", "Zoe",
)  # fmt: skip
THINGS = ("apples", "books", "cards", "coins", "marbles", "pens", "shells", "stamps", "stickers", "stones")
FEWEST, MOST = 2, 20
"""Values of all quantities."""
FEWEST_PEOPLE, MOST_PEOPLE = 4, 6
LEAST_STEPS = 3
_TIMES = {2: "twice", 3: "three times"}


class _Fact(NamedTuple):
    """What one person has: from whom it is computed, how, and how a step says so."""

    needs: tuple[int, ...]
    shapes: tuple[str, ...]
    step: str
    value: int


def story(seed: int, index: int) -> Row:
    """Problem `index` of a seed, a pure function of both: question, and answer with its steps and "#### 7"."""
    draws = numpy_generator("stories", seed, index)
    while True:
        n = int(draws.integers(FEWEST_PEOPLE, MOST_PEOPLE + 1))
        facts: list[_Fact] = []
        while len(facts) < n:
            facts.append(_fact(draws, facts))
        asked = int(draws.integers(n))
        order = _order(draws, facts, asked)
        if len(order) >= LEAST_STEPS:
            break
    names = [str(name) for name in draws.permutation(PEOPLE)[:n]]
    things = str(draws.choice(THINGS))
    said = []
    for number in draws.permutation(n):
        fact = facts[number]
        people = [names[i] for i in (number, *fact.needs)]
        said.append(str(draws.choice(fact.shapes)).format(*people, things=things))
    ask = ("How many {things} does {0} have?", "What is the number of {0}'s {things}?")
    question = " ".join([*said, str(draws.choice(ask)).format(names[asked], things=things)])
    lines = [f"{names[i]} has {facts[i].step} {things}." for i in order]
    return {"question": question, "answer": "\n".join([*lines, f"#### {facts[asked].value}"])}


def _fact(draws: np.random.Generator, facts: list[_Fact]) -> _Fact:
    """One more person's, from at most two of those before; drawn again until its value is in bounds."""
    while True:
        kind = int(draws.integers(6)) if len(facts) > 1 else int(draws.integers(4)) if facts else 0
        k = int(draws.integers(2, 10))
        needs = tuple(int(i) for i in draws.permutation(len(facts))[: (0, 1, 1, 1, 2, 2)[kind]])
        values = [facts[i].value for i in needs]
        if kind == 0:
            k = int(draws.integers(FEWEST, MOST + 1))
            return _Fact((), _shapes("{0} has {k} {things}.", "There are {k} {things} in {0}'s box.", k), str(k), k)
        if kind == 1:
            value, left = values[0] + k, f"{values[0]}+{k}"
            said = "{0} has {k} more {things} than {1}.", "With {k} more {things} {1} would have as many as {0}."
        elif kind == 2:
            value, left = values[0] - k, f"{values[0]}-{k}"
            said = "{0} has {k} fewer {things} than {1}.", "Without {k} of them {1} would have as many {things} as {0}."
        elif kind == 3:
            k = int(draws.integers(2, 4))
            value, left = k * values[0], f"{k}*{values[0]}"
            said = f"{{0}} has {_TIMES[k]} as many {{things}} as {{1}}.", "For each of {1}'s {things} {0} has {k}."
        elif kind == 4:
            value, left = values[0] + values[1], f"{values[0]}+{values[1]}"
            together = "{0} has as many {things} as {1} and {2} together."
            said = together, "Together {1} and {2} have as many {things} as {0}."
        else:
            value, left = values[0] - values[1], f"{values[0]}-{values[1]}"
            difference = "{0} has as many {things} as {1} has more than {2}."
            said = difference, "{0} has the {things} that {2} lacks to have as many as {1}."
        if FEWEST <= value <= MOST:
            return _Fact(needs, _shapes(*said, k), f"{left}=<<{left}={value}>>{value}", value)


def _shapes(first: str, second: str, k: int) -> tuple[str, str]:
    """Two ways to say it, with its number filled in."""
    return first.replace("{k}", str(k)), second.replace("{k}", str(k))


def _order(draws: np.random.Generator, facts: list[_Fact], asked: int) -> list[int]:
    """Those that the asked one needs, itself last, in a random order in which each can be computed."""
    needed, stack = {asked}, [asked]
    while stack:
        new = set(facts[stack.pop()].needs) - needed
        needed |= new
        stack += new
    order: list[int] = []
    while len(order) < len(needed):
        ready = [i for i in sorted(needed - {*order}) if {*facts[i].needs} <= {*order}]
        order.append(ready[int(draws.integers(len(ready)))])
    return order
