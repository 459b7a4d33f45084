"""Test sets: a pure function of (cell, training class, seed, n), kept on disk.

Problems are those of the test split, in the order of their index; those whose error-free solution is longer than
the class's context (768 tokens for med, 1,024 for hard) are left out (Part 2.2 appendix D).
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

import igsm.problems
import igsm.seeds
from igsm.corpus.vocabulary import Vocabulary
from igsm.errors import InputError
from igsm.evaluation.cells import Cell
from igsm.mistakes.document import Document
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.lexicon import load_lexicon
from igsm.problems.problem import Problem
from igsm.problems.record import OP, Record, row
from igsm.problems.source import ProblemSource
from igsm.rundir import atomic_write


@dataclass(frozen=True)
class TestProblem:
    """One problem of a test set: its number there, itself, its operations and lexicon."""

    __test__ = False  # not a test class of pytest

    index: int
    problem: Problem
    op: int
    lexicon: str


@dataclass(frozen=True)
class TestSet:
    """The problems of a cell.

    Attributes:
        problems: in order.
        left_out: how many were too long on the way.
        digest: of the problems.
        records: of the problems, as the generator drew them.
    """

    __test__ = False

    problems: list[TestProblem]
    left_out: int
    digest: str
    records: Record

    def digest_of(self, n: int) -> str:
        """The digest of the set of the first n problems."""
        return self.digest if n == len(self.problems) else _digest(self.records, n)


def _digest(records: Record, n: int) -> str:
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(column[:n]).tobytes() for column in records))
    return digest.hexdigest()[:16]


def load_test_set(
    cell: Cell,
    trained_on: ProblemConfig,
    vocabulary: Vocabulary,
    n: int,
    seed: int,
    waiting: Callable[[str], None] = lambda what: None,
) -> TestSet:
    """The first n problems of the cell, from the cache or made now, which is said to `waiting` before.

    Raises:
        InputError: the cell has no (or hardly any) problem that is short enough, or its names are of another lexicon
            than the model's.
    """
    config = problems_for(cell, trained_on)
    name = config.problem_class.lexicon
    lexicon = load_lexicon(name)
    path = _cache_path(config, vocabulary, n, seed)
    content = _read(path)
    if content is None:
        waiting(f"drawing {n:,} problems")
        content = _make(config, vocabulary, n, seed)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **content)  # type: ignore[arg-type]
        atomic_write(path, buffer.getvalue())
    records = Record(*(content[name] for name in Record._fields))
    problems = []
    for i in range(n):
        record = row(records, i)
        problems.append(TestProblem(i, Problem.from_record(record, lexicon), int(record.head[OP]), name))
    return TestSet(problems, int(content["left_out"]), _digest(records, n), records)


def problems_for(cell: Cell, trained_on: ProblemConfig) -> ProblemConfig:
    """The cell's problems. InputError if their names are of another lexicon than those that the model has learned."""
    config = cell.problems(trained_on)
    name = config.problem_class.lexicon
    if name != trained_on.problem_class.lexicon:
        raise InputError(
            f"cell '{cell.name}': its problems have the names of the lexicon '{name}', the model knows those of "
            f"'{trained_on.problem_class.lexicon}'"
        )
    return config


class ShortEnough:
    """The problems of a source whose solutions fit the class's context (Part 2.2, appendix D), one after another.

    Attributes:
        index: how many problems of the source have been looked at.
    """

    def __init__(self, source: ProblemSource, config: ProblemConfig, vocabulary: Vocabulary) -> None:
        self._source, self._vocabulary = source, vocabulary
        self._limit, self._op = config.problem_class.context, config.op
        self.index, self._found = 0, 0

    def next(self) -> Record:
        """The next one. InputError if hardly any is short enough."""
        while True:
            if self.index >= 100 * (self._found + 100):
                raise InputError(
                    f"fewer than 1 in 100 problems with op={self._op} have solutions of at most {self._limit} tokens"
                )
            record = self._source.record(self.index)
            self.index += 1
            document = Document.of_record(record, self._source.lexicon)
            solution = document.codes[document.problem_end : document.solution_end]
            if len(self._vocabulary.encode_fragments(solution)) <= self._limit:
                self._found += 1
                return record


def _make(config: ProblemConfig, vocabulary: Vocabulary, n: int, seed: int) -> dict[str, np.ndarray]:
    problems = ShortEnough(ProblemSource(config, seed), config, vocabulary)
    kept = [problems.next() for _ in range(n)]
    index = problems.index
    columns = {name: np.stack([getattr(record, name) for record in kept]) for name in Record._fields}
    return columns | {"left_out": np.array(index - n)}


def _read(path: Path) -> dict[str, np.ndarray] | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in (*Record._fields, "left_out")}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None  # not there, or of a broken disk: made again


def _cache_path(config: ProblemConfig, vocabulary: Vocabulary, n: int, seed: int) -> Path:
    parts = [config.stream_name, config.problem_class.context, vocabulary.names_fingerprint, n, seed, _generator()]
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "mistakes" / "testsets" / f"{digest}.npz"


@lru_cache
def _generator() -> str:
    """Digest of the generator's source: a changed generator must not find the old one's problems."""
    digest = hashlib.sha256()
    paths = [path for folder in igsm.problems.__path__ for path in sorted(Path(folder).glob("*.py"))]
    for path in [*paths, Path(igsm.seeds.__file__)]:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]
