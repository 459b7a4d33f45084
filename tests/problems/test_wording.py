"""Wording: the authors' texts from their structure, an independent writer's texts, compiled and plain alike."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from igsm.mistakes.config import MistakeConfig
from igsm.mistakes.document import Document
from igsm.mistakes.source import DocumentSource
from igsm.problems import prose
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.wording import SYMBOLS, WORDS, FragmentTable
from tests.problems.reference_samples import Sample, read_samples

CONFIGS = [
    {"difficulty": "med"},
    {"difficulty": "hard", "op": 28, "format": "qp"},
    {"difficulty": "nano"},
    {"difficulty": "med", "reask": "loose", "op": 12},
]


@pytest.fixture(scope="module")
def samples(reference: Path) -> list[Sample]:
    return read_samples(reference)


def test_authors_samples_word_for_word(samples: list[Sample]) -> None:
    """Every comma, intermediate and sign counts: models are compared on the same texts."""
    assert len(samples) == 28
    for sample in samples:
        document = Document.of_record(sample.record, sample.lexicon, sample.mistakes)
        assert document.problem_text == sample.given["prob"]
        assert document.question_text == sample.given["question"]
        assert document.solution_text == sample.given["solution"]
        assert str(document.answer) == str(sample.given["answer"]).strip()


def test_authors_texts_are_made_of_the_fragments(samples: list[Sample]) -> None:
    """Reading greedily, longest fragment first, must leave nothing over: no word is missing in the table."""
    strings = sorted(set(FragmentTable(samples[0].lexicon.names).strings), key=len, reverse=True)
    for sample in samples:
        text = sample.given["prob"] + sample.given["solution"] + f" {sample.given['answer']}".replace("  ", " ")
        position = 0
        while position < len(text):
            found = next((s for s in strings if text.startswith(s, position)), None)
            assert found, text[position : position + 40]
            position += len(found)


@pytest.mark.parametrize("settings", CONFIGS)
def test_same_text_as_an_independent_writer(settings: dict) -> None:
    """`prose` writes from a Problem, this module from a Record; deep products and zero children included."""
    source = DocumentSource(ProblemConfig(**settings), seed=5)
    deep = childless = 0
    for index in range(300):
        document = source.document(index)
        problem = document.problem
        assert problem is not None
        assert document.problem_text == problem.text
        assert document.solution_text == prose.solution(problem, problem.solution)
        assert document.answer == problem.answer
        assert document.op == problem.op
        deep += any(p.abstract and p.target > p.layer + 1 and problem.inputs(p) for p in problem.solution)
        childless += any(p.abstract and not problem.inputs(p) for p in problem.solution)
    assert childless
    assert deep or settings["difficulty"] == "nano"


def test_codes_are_within_the_table() -> None:
    """A code past its section would silently be another word."""
    table = FragmentTable(["Zoo"])
    assert table.strings[: len(WORDS)] == WORDS
    assert len(set(table.strings)) == len(table.strings) == len(WORDS) + len(SYMBOLS) + 23 + 1
    assert table.text([0, len(table.strings) - 1]) == " The number of each Zoo"


SCRIPT = """
import sys
from tests.problems.test_wording import digest
print(digest(sys.argv[1]))
"""


def digest(difficulty: str) -> str:
    """A digest of some documents, spans and bins."""
    hasher = hashlib.sha256()
    for kind in ("retry", "wrong_result", "wrong_operand"):
        source = DocumentSource(ProblemConfig(difficulty=difficulty), MistakeConfig(kind=kind, rate=0.5), 3)
        for index in range(6):
            document = source.document(index)
            hasher.update(document.codes.astype(np.int32).tobytes())
            hasher.update(repr((document.spans, document.op, document.bin, document.problem_end)).encode())
    return hasher.hexdigest()


@pytest.mark.parametrize("difficulty", ["nano", "easy"])
def test_compiled_and_plain_agree(difficulty: str) -> None:
    """Integer types differ between numba and numpy; a silent overflow in one would show here."""
    plain = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, difficulty],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert plain.returncode == 0, plain.stderr
    assert plain.stdout.strip() == digest(difficulty)
