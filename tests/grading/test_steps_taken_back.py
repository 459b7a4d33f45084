"""Steps written whole and then taken back: they define nothing, and the verdict knows what was wrong with them."""

from __future__ import annotations

import re

import pytest

from igsm.decoding.detectors import GroundTruth
from igsm.grading import grade
from igsm.grading.verdict import Kind
from igsm.mistakes.config import MistakeConfig
from igsm.mistakes.document import Document
from igsm.mistakes.kinds import WRONG_STEPS
from igsm.mistakes.source import DocumentSource
from igsm.problems.difficulty import ProblemConfig

EXPECTED = {
    "wrong_result": {Kind.WRONG_ARITHMETIC, Kind.WRONG_REFERENCE, Kind.WRONG_OPERATOR},
    "wrong_operand": {Kind.WRONG_INPUTS, Kind.WRONG_OPERATOR},
    "wrong_operator": {Kind.WRONG_OPERATOR},
    "swapped_operands": {Kind.WRONG_OPERATOR},
    "dropped_term": {Kind.WRONG_INPUTS, Kind.WRONG_OPERATOR},
    "not_computable": {Kind.NOT_COMPUTABLE_YET},
}


def documents(kind: str) -> list[Document]:
    number = 500 if kind == "swapped_operands" else 60  # few steps are differences
    source = DocumentSource(ProblemConfig(), MistakeConfig(kind=kind, rate=0.0 if kind == "none" else 0.6), seed=11)
    return [source.document(index) for index in range(number)]


@pytest.mark.parametrize("rule", ["strict", "authors"])
@pytest.mark.parametrize("kind", [*WRONG_STEPS, "unnecessary"])
def test_solutions_with_mistakes_taken_back_are_right(kind: str, rule: str) -> None:
    """A symbol defined in a sentence taken back is defined again by the right step: no "symbol reused"."""
    n = 0
    for document in documents(kind):
        assert document.problem is not None
        verdict = grade(document.problem, document.solution_text, document.answer, rule)
        assert verdict.correct, verdict.error
        assert verdict.taken_back == len(document.spans)
        n += verdict.taken_back
    assert n > 60


@pytest.mark.parametrize("kind", WRONG_STEPS)
def test_without_back_the_same_step_is_wrong(kind: str) -> None:
    """Every wrong step is the first error once its BACK is taken out, and of the kind that was put in."""
    n = 0
    for document in documents(kind):
        assert document.problem is not None
        text = document.solution_text
        mistakes = [(m.start(), m.end()) for m in re.finditer(" BACK", text)]
        assert len(mistakes) == len(document.spans)
        for start, end in mistakes:
            verdict = grade(document.problem, text[:start] + text[end:], document.answer)
            assert verdict.error is not None
            assert verdict.error.kind in EXPECTED[kind]
            assert verdict.error.step == text[:start].count(".") + 1
            n += 1
    assert n > 60


@pytest.mark.parametrize("kind", WRONG_STEPS)
def test_taking_a_wrong_step_back_is_not_needless(kind: str) -> None:
    """Its parameter can be computed, as a rule; only looking at the name would call every such retry needless."""
    for document in documents(kind):
        assert document.problem is not None
        verdict = grade(document.problem, document.solution_text)
        assert verdict.needlessly_taken_back == 0
        taken_back = [step for step in verdict.steps if step.taken_back]
        assert {step.mistake for step in taken_back} <= EXPECTED[kind]
        assert all(step.can_next == (kind != "not_computable") for step in taken_back)
        assert all(step.mistake is None for step in verdict.steps if not step.taken_back)


def test_taking_a_right_step_back_is_needless() -> None:
    """The same sentence twice, the first time taken back; what follows does not see its symbols."""
    n = 0
    for document in documents("none"):
        assert document.problem is not None
        sentences = re.findall(r"[^.]+\.", document.solution_text)
        for place, sentence in enumerate(sentences):
            text = "".join([*sentences[:place], sentence[:-1] + " BACK.", *sentences[place:]])
            verdict = grade(document.problem, text)
            assert verdict.correct
            assert verdict.needlessly_taken_back == 1
            assert verdict.steps[place].mistake is None
            n += 1
    assert n > 100


def test_ground_truth_detector_skips_them() -> None:
    """A parameter of a step taken back is not defined: retry upon regret must not object to its second definition."""
    for document in documents("wrong_result")[:30]:
        assert document.problem is not None
        text = document.solution_text
        for found in re.finditer(r" Define [^.;]* as(?= )", text):
            assert not GroundTruth.regrets_text(document.problem, text[: found.end()])
