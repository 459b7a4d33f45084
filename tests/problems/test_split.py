"""Template hash: equal to the authors', on every path."""

from __future__ import annotations

import hashlib
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from igsm.problems.difficulty import ProblemConfig
from igsm.problems.lexicon import Lexicon
from igsm.problems.parameter import Expression, Parameter
from igsm.problems.problem import Problem
from igsm.problems.residue import may_leave_residue
from igsm.problems.sha256 import sha256_remainder
from igsm.problems.source import ProblemSource
from igsm.problems.split import template_bin, template_bin_of_text
from tests.problems.reference_samples import orders, read_samples, record_of


def test_sha256() -> None:
    """Every length modulo a block, against the standard library."""
    generator = np.random.default_rng(0)
    for n in [*range(200), 1000, 4096]:
        data = generator.integers(0, 256, n + 72).astype(np.uint8)
        expected = int(hashlib.sha256(data[:n].tobytes()).hexdigest(), 16) % 23
        assert sha256_remainder(data, n, 23) == expected


def test_authors_bins(reference: Path) -> None:
    """A bin that differs would put the authors' test problems into our training data."""
    ambiguous = 0
    for sample in read_samples(reference):
        tables = sample.lexicon.tables
        expected = sample.given["hash_bin"]
        assert template_bin(sample.record, tables) == template_bin_of_text(sample.problem, sample.correct_solution)
        if template_bin(sample.record, tables) == expected:
            continue
        # "Caudal Vertebrae 1" and "... 11": their order decides the residue, and no text tells it
        ambiguous += 1
        last = sample.problem.depth - 1
        found = {template_bin(record_of(p, sample.lexicon), tables) for p in orders(sample.problem, last)}
        assert may_leave_residue(sample.record, tables)
        assert expected in found
    assert ambiguous <= 1


@pytest.mark.parametrize("lexicon", ["full", "authors"])
def test_both_paths_equal_the_definition(lexicon: str, request: pytest.FixtureRequest) -> None:
    """On problems as they are drawn, with names that clash and names that do not."""
    if lexicon == "authors":
        lexicon = str(request.getfixturevalue("reference") / "lexicon_official.json")
    source = ProblemSource(ProblemConfig(lexicon=lexicon, split="train"), seed=11)
    n_residues = 0
    for index in range(600):
        record = source.record(index)
        problem = Problem.from_record(record, source.lexicon)
        tables = source.lexicon.tables
        assert template_bin(record, tables) == template_bin_of_text(problem, problem.solution_text)
        n_residues += may_leave_residue(record, tables)
    assert (n_residues > 0) == (lexicon != "full")


TANGLED = [
    ["Mart", "H Mart", "Mart 22"],
    ["Mart 2", "Mart 22", "Mart 2 23"],
    ["Sam", "Sam's Club", "Club"],
    ["Deer", "Deer Park", "Roe Deer"],
    ["Été", "B Été", "Été B"],
]


@pytest.mark.parametrize(("tops", "bottoms"), list(product(TANGLED, repeat=2)))
def test_clashing_names(tops: list[str], bottoms: list[str]) -> None:
    """Digits, lone letters, apostrophes, names inside names, in both places and in every order."""
    lexicon = Lexicon(
        [["Above", "Deer Herd"]], {"Above": {"a": tops}, "Deer Herd": {"b": bottoms}}, "the test's lexicon"
    )
    instances = [Parameter(False, 0, i, j) for i in range(3) for j in range(3)]
    expressions = {instances[0]: Expression((), 7)}
    for n, parameter in enumerate(instances[1:]):
        expressions[parameter] = Expression(tuple(instances[max(0, n - 1) : n + 1]), n if n % 2 else None)
    problem = Problem(
        *(["Above", "Deer Herd"], [tops, bottoms], expressions, Parameter(True, 0, 2, 1)),
        symbols="HBCDEFGaIJKLMNOPQRSTUVWXYZ",
    )
    for one in orders(problem, 1) + orders(problem, 0):
        record = record_of(one, lexicon)
        assert template_bin(record, lexicon.tables) == template_bin_of_text(one, one.solution_text)


def test_a_template_forgets_names_numbers_and_letters() -> None:
    """What must not matter for the split does not; what must, does."""
    source = ProblemSource(ProblemConfig(op=6), seed=1)
    record = source.record(0)
    bin_ = template_bin(record, source.lexicon.tables)
    record.symbols[:] = record.symbols[::-1].copy()
    record.value[:] = (record.value + 1) % 23
    record.names[record.names > 0] += 1
    assert template_bin(record, source.lexicon.tables) == bin_
    other = {template_bin(source.record(i), source.lexicon.tables) for i in range(40)}
    assert len(other) > 5
