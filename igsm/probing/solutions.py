"""A model's own solutions, read from files (without torch)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from igsm.errors import InputError
from igsm.grading.reader import Reader
from igsm.grading.records import read_records
from igsm.probing.config import ProbeConfig
from igsm.problems.lexicon import load_lexicon
from igsm.problems.problem import Problem


def read_solutions(paths: Iterable[str | Path], config: ProbeConfig) -> Iterator[tuple[Problem, str]]:
    """Problems and solutions of evaluations (`generations.jsonl.gz`), or of files with fields of their names.

    Raises:
        InputError: a file cannot be read, or a problem's names are not those of the probe's lexicon.
    """
    assert config.problem is not None
    problem_class = config.problem.problem_class
    reader = Reader(load_lexicon(problem_class.lexicon))
    for path in paths:
        for record in read_records(path, solutions=True):
            try:
                problem = reader.read(record.problem, record.modulus or problem_class.modulus)
            except InputError as error:
                raise InputError(f"{path}, line {record.line}: {error}") from None
            yield problem, record.solution or ""
