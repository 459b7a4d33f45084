"""Coverage-guided fuzzing of the grader and the problem reader (atheris, extra `dev`).

    python benchmarks/fuzz_grader.py -max_total_time=600 [libFuzzer options]

Each input is a byte string: its first bytes choose a problem and what to do, the rest is either the text itself or a
list of edits of a correct solution or problem text. Any exception but IllPosedError, and any call of more than a
second of processor time, stops the run and leaves the input in a file `crash-...`.
"""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

with atheris.instrument_imports(include=["igsm.grading", "igsm.problems.problem"]):
    from igsm.grading import RULES, IllPosedError, Reader, Verdict, grade
    from igsm.problems.parameter import Expression, Parameter
    from igsm.problems.problem import Problem

from igsm.problems.lexicon import load_lexicon

LONGEST = 1.0  # seconds for one call
PIECES = (
    *("Define ", " as ", "; ", "so ", " = ", ". ", " BACK", " + ", " - ", " * ", "'s ", "a", "b", "7", "22", "\u0663"),
    *("The number of each ", " equals ", "each ", " more than ", " times as much as ", "the sum of ", " and each "),
    *("the difference of ", "How many ", " does ", " have?", ", each ", "<|endoftext|>", "\n"),
)


def _problems(reader: Reader) -> list[Problem]:
    """A few problems with every kind of sentence, in the names of the shipped lexicon."""
    lexicon = load_lexicon("full")
    problems = []
    for chain in lexicon.chains:
        items = [next(iter(lexicon.groups[category].values()))[:2] for category in chain[:3]]
        a, b, c, d = (Parameter(False, layer, 0, child) for layer in range(2) for child in range(2))
        total = Parameter(True, 0, 0, 1)
        expressions = {
            c: Expression((), 5),
            a: Expression((c,), 3, multiply=True),
            b: Expression((a, c), subtract=True),
            d: Expression((total, a, b), 7),
        }
        shape = Problem(chain[:3], items, expressions, Parameter(True, 0, 0, 2))
        problems.append(reader.read(shape.text))
    return problems


READER = Reader(load_lexicon("full"))
PROBLEMS = _problems(READER)


def _edited(text: str, source: atheris.FuzzedDataProvider) -> str:
    for _ in range(source.ConsumeIntInRange(0, 6)):
        start = source.ConsumeIntInRange(0, len(text))
        end = min(len(text), start + source.ConsumeIntInRange(0, 30))
        piece = source.PickValueInList([*PIECES, source.ConsumeUnicode(4)])
        text = text[:start] + piece * source.ConsumeIntInRange(0, 3) + text[end:]
    return text


def test_one_input(data: bytes) -> None:
    """Grade or read one text."""
    source = atheris.FuzzedDataProvider(data)
    problem = PROBLEMS[source.ConsumeIntInRange(0, len(PROBLEMS) - 1)]
    statement, edits = source.ConsumeBool(), source.ConsumeBool()
    original = problem.text if statement else problem.solution_text
    if edits:
        text = _edited(original, source)
    else:
        text = source.ConsumeUnicode(sys.maxsize)
    start = time.process_time()
    if statement:
        with contextlib.suppress(IllPosedError):
            READER.read(text)
    else:
        verdicts = [grade(problem, text, rule=rule) for rule in RULES]
        assert all(isinstance(verdict, Verdict) for verdict in verdicts)
        assert not (text == original and not all(verdict.correct for verdict in verdicts))
        for verdict in verdicts:
            verdict.to_json()
    assert time.process_time() - start < LONGEST, "too slow"


if __name__ == "__main__":
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()
