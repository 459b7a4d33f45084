"""Problems made at random from plain structure, independent of the generator."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from igsm.errors import InputError
from igsm.grading import Reader
from igsm.problems.lexicon import load_lexicon
from igsm.problems.parameter import Expression, Parameter
from igsm.problems.problem import SYMBOLS, Problem


@pytest.fixture(scope="session")
def reader() -> Reader:
    return Reader(load_lexicon("full"))


@pytest.fixture(scope="session")
def samples(reference: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (reference / "samples.jsonl").read_text().splitlines()]


@pytest.fixture(scope="session")
def official(reference: Path) -> Reader:
    return Reader(load_lexicon(str(reference / "lexicon_official.json")))


@lru_cache(maxsize=256)
def random_problem(seed: int, modulus: int = 23) -> Problem:
    """2 to 4 layers, 1 to 3 items each, every kind of sentence; the question needs something as a rule."""
    rng = random.Random(seed)
    lexicon = load_lexicon("full")
    chain = rng.choice(lexicon.chains)
    depth = rng.randint(2, 4)
    first = rng.randint(0, len(chain) - depth)
    categories = chain[first : first + depth]
    items = [
        rng.sample(rng.choice(list(lexicon.groups[category].values())), rng.randint(1, 3)) for category in categories
    ]
    edges = {
        Parameter(False, layer, rng.randrange(len(items[layer])), child)
        for layer in range(depth - 1)
        for child in range(len(items[layer + 1]))
    }
    for layer in range(depth - 1):
        for item in range(len(items[layer])):
            for child in range(len(items[layer + 1])):
                if rng.random() < 0.2:
                    edges.add(Parameter(False, layer, item, child))
    empty = dict.fromkeys(edges, Expression((), 1))
    shape = Problem(categories, items, empty, next(iter(edges)))
    abstract = [p for p in shape.parameters if p.abstract]
    order = sorted(edges)
    rng.shuffle(order)
    expressions: dict[Parameter, Expression] = {}
    for parameter in order:
        known: set[Parameter] = set(expressions)
        for _ in range(depth):
            known |= {p for p in abstract if set(shape.inputs(p)) <= known}
        n = min(rng.choice([0, 1, 1, 2, 2, 3, 4]), len(known))
        inputs = tuple(rng.sample(sorted(known), n))
        number = rng.randrange(1, modulus) if n == 0 or rng.random() < 0.5 else None
        expressions[parameter] = Expression(
            inputs,
            number,
            multiply=n > 0 and number is not None and rng.random() < 0.5,
            subtract=n == 2 and rng.random() < 0.5,
        )
    sentences = sorted(expressions)
    rng.shuffle(sentences)
    symbols = "".join(rng.sample(SYMBOLS, len(SYMBOLS)))
    questions = [p for p in shape.parameters if p.abstract or expressions[p].inputs]
    problem = Problem(
        categories,
        items,
        expressions,
        rng.choice(questions),
        question_first=rng.random() < 0.5,
        modulus=modulus,
        sentences=sentences,
        symbols=symbols,
    )
    try:
        _ = problem.solution_text
    except InputError:  # more than 52 letters: take another one
        return random_problem(seed + 100_003, modulus)
    return problem


@pytest.fixture(scope="session")
def problem_of() -> Callable[..., Problem]:
    return random_problem
