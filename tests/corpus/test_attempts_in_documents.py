"""Layouts with attempts: a wrong step that is taken back, also late, and whole wrong solutions, from one mistake."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from igsm.corpus.blocks import block, documents
from igsm.corpus.config import DataConfig
from igsm.corpus.documents import draw_attempt, lay_out
from igsm.corpus.rows import rows_of
from igsm.corpus.vocabulary import load_vocabulary
from igsm.corpus.written import Written, written_of
from igsm.errors import InputError
from igsm.methods.method import Method
from igsm.mistakes.config import MistakeConfig
from igsm.mistakes.document import Document
from igsm.mistakes.layout import PLAIN, Layout, Mark, Part, Role, Row
from igsm.mistakes.rows import MISTAKE_STEP
from igsm.mistakes.source import DocumentSource
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.record import Record
from igsm.seeds import derive_key

EASY = ProblemConfig(difficulty="easy")
VOCABULARY = load_vocabulary(EASY, "gpt2")
(_, _PLAIN_ROWS), *_ = PLAIN.variants
STATED = (Row(Part.WORD, words=Mark.PROBLEM), Row(Part.STATEMENT), Row(Part.WORD, words=Mark.SOLUTION))
END = Row(Part.WORD, words=Mark.END)


def fix(steps: int, share: float = 1.0, kind: str = "wrong_result") -> Layout:
    """A wrong step, `steps` more that follow from it, BACK, and the right solution from the wrong step on."""
    rows = (
        *STATED,
        Row(Part.ATTEMPT, Role.SOLUTION | Role.ATTEMPT, steps=steps),
        Row(Part.WORD, Role.SOLUTION, " BACK."),
        Row(Part.REST, Role.SOLUTION),
        Row(Part.WORD, Role.SOLUTION, Mark.ANSWER),
        Row(Part.ANSWER, Role.SOLUTION),
        Row(Part.WORD, Role.SOLUTION, Mark.END),
    )
    return Layout(((share, rows), (1.0 - share, _PLAIN_ROWS)), ((kind, 1.0),))


TAGGED = Layout(
    (
        (0.5, (*STATED, Row(Part.WORD, Role.FEEDBACK, Mark.GOOD), *_PLAIN_ROWS[3:])),
        (
            0.5,
            (
                *STATED,
                Row(Part.WORD, Role.FEEDBACK, Mark.BAD),
                Row(Part.ATTEMPT, Role.ATTEMPT),
                Row(Part.WORD, words=Mark.ANSWER),
                Row(Part.WRONG_ANSWER, Role.ATTEMPT),
                END,
            ),
        ),
    ),
    (("wrong_result", 1.0), ("wrong_operand", 2.0)),
)


class Laid(Method):
    """Documents of any of the layouts above, for these tests."""

    line = source = ""
    name: str = "laid"
    steps: int = 0
    share: float = 0.5
    kind: str = "wrong_result"

    def layout(self) -> Layout:
        return fix(self.steps, self.share, self.kind) if self.steps >= 0 else TAGGED


def attempts(layout: Layout, n: int = 30) -> Iterator[tuple[Record, Document, Written]]:
    """Problems with their right solutions, and an attempt at each."""
    source, rows = DocumentSource(EASY, seed=2), rows_of(layout, VOCABULARY)
    for index in range(n):
        record, document = source.record(index), source.document(index)
        written = written_of(document)
        if draw_attempt(record, source.lexicon, rows, written, derive_key("test", index)):
            yield record, document, written


@pytest.mark.parametrize("kind", ["wrong_result", "wrong_operand"])
def test_taken_back_at_once_it_is_the_document_with_that_one_mistake(kind: str) -> None:
    """Guards: another sentence, other letters or other roles than those of mistakes that are taken back."""
    source = DocumentSource(EASY, seed=2)
    layout, compared = fix(0, kind=kind), 0
    for record, _, written in attempts(layout):
        one = Document.of_record(record, source.lexicon, written.mistake[None])
        tokens, roles = lay_out(written, layout, VOCABULARY)
        expected, expected_roles = lay_out(written_of(one), PLAIN, VOCABULARY)
        assert tokens.tolist() == expected.tolist()
        kept = ~np.uint8(Role.ATTEMPT | Role.CONSEQUENCE)
        assert (roles & kept).tolist() == expected_roles.tolist()
        compared += 1
    assert compared > 20


def text(tokens: np.ndarray) -> str:
    return VOCABULARY.decode(VOCABULARY.from_gpt2[tokens])


@pytest.mark.parametrize("steps", [1, 2, 99])
def test_taken_back_late_so_many_steps_stand_between(steps: int) -> None:
    layout = fix(steps)
    lengths = set()
    for _, document, written in attempts(layout):
        tokens, roles = lay_out(written, layout, VOCABULARY)
        solution = text(tokens[roles & Role.SOLUTION > 0]).split("\ufffd")[0]
        wrong, rest = solution.split(" BACK.")
        right = document.solution_text
        place = int(written.mistake[MISTAKE_STEP])
        n_steps = right.count("Define")
        assert wrong.count("Define") == min(place + 1 + steps, n_steps)
        assert not wrong.endswith(".")
        assert rest == ".".join(right.split(".")[place:])
        assert wrong.split(".")[:place] == right.split(".")[:place]
        assert wrong.split(".")[place] != right.split(".")[place]
        lengths.add(wrong.count("Define") - place - 1)
    assert max(lengths) == (steps if steps < 99 else max(lengths))
    assert len(lengths) > 1


def test_a_whole_attempt_marks_exactly_what_differs_from_the_right_solution() -> None:
    """Wrong results and operands leave every sentence as long as it is."""
    wrong_answers = 0
    for _, document, written in attempts(TAGGED):
        tokens, roles = lay_out(written, TAGGED, VOCABULARY, variant=1)
        right, _ = lay_out(written, TAGGED, VOCABULARY, variant=0)
        assert tokens.size == right.size
        assert tokens.tolist().count(226) == right.tolist().count(225) == 1
        inside = roles & Role.ATTEMPT > 0
        marked = roles & (Role.MISTAKE_WORD | Role.CONSEQUENCE) > 0
        answer = tokens.size - 2
        differs = (tokens != right) & inside
        assert np.array_equal(differs[:answer], marked[:answer])
        assert (roles & Role.MISTAKE_WORD > 0).sum() == 1
        step = np.flatnonzero(roles & Role.MISTAKE_STEP)
        assert text(tokens[step]).startswith(" Define")
        assert text(tokens[step[-1] + 1 : step[-1] + 2]) == "."
        assert (roles[inside] & Role.SOLUTION == 0).all()
        assert text(tokens[answer:-1]) == text(tokens[: answer - 1]).rstrip(".")[-len(text(tokens[answer:-1])) :]
        wrong_answers += tokens[answer] != right[answer]
        assert right[answer] == VOCABULARY.encode_text(f" {document.answer}")[0]
    assert wrong_answers > 15


def laid(windows: int = 8, **settings: Any) -> DataConfig:
    return DataConfig(problem=EASY, context=512, windows_per_block=windows, method=Laid(**settings))


def digest(config: DataConfig) -> str:
    made = block(config, 1)
    return hashlib.sha256(made.tokens.tobytes() + made.roles.tobytes()).hexdigest()


def test_blocks_have_attempts_in_their_share_and_the_same_problems() -> None:
    config = laid(64, share=0.3)
    ends = (block(config, 0).tokens == 50256).sum()
    backs = (block(config, 0).tokens == VOCABULARY.encode_text(" BACK")[0]).sum()
    assert ends > 100
    assert abs(backs / ends - 0.3) < 0.15
    plain = DataConfig(problem=EASY, context=512, windows_per_block=8)
    problems = [[d.problem_text for d in documents(one, 0, 4)][:8] for one in (config, plain)]
    assert problems[0] == problems[1]
    assert digest(config) == digest(config) != digest(laid(64, share=0.3, steps=1))


PLAIN_PYTHON = """
import sys
sys.path.insert(0, sys.argv[1])
from test_attempts_in_documents import digest, laid
print(digest(laid(2, steps=2)), digest(laid(2, steps=-1)))
"""


def test_compiled_equals_plain() -> None:
    command = [sys.executable, "-W", "ignore", "-c", PLAIN_PYTHON, os.path.dirname(__file__)]
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.split() == [digest(laid(2, steps=2)), digest(laid(2, steps=-1))]


def test_a_solution_in_which_no_mistake_is_possible_comes_without_an_attempt() -> None:
    """op=1 steps that state the text's only number have no other operand."""
    problem = ProblemConfig(difficulty="nano", op=1)
    config = DataConfig(problem=problem, context=128, method=Laid(share=1.0, kind="wrong_operand"))
    made = block(config, 0).tokens
    whole = (made == 50256).sum()
    with_attempt = (made == VOCABULARY.encode_text(" BACK")[0]).sum()
    assert 0 < with_attempt < whole - 20


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(ValueError, match="method 'laid' makes mistakes of its own"):
        DataConfig(mistakes=MistakeConfig(kind="retry", rate=0.5), method=Laid())
    with pytest.raises(ValueError, match="corpus must be igsm"):
        DataConfig(corpus="boxes", method=Laid())
    with pytest.raises(ValueError, match=r"problem.op has no effect"):
        DataConfig(corpus="boxes", problem=ProblemConfig(difficulty="easy", op=3))
    with pytest.raises(ValueError, match="include_current is of the kind retry_weak, not 'retry'"):
        MistakeConfig(kind="retry", rate=0.5, include_current=True)
    with pytest.raises(ValueError, match="error_free_share: without mistakes all documents are error-free"):
        MistakeConfig(error_free_share=0.5)
    with pytest.raises(InputError, match="'retry' is no kind that writes a whole step"):
        block(laid(kind="retry"), 0)
    (_, rows), *_ = fix(0).variants
    kinds = (("wrong_result", 1.0),)
    for variants, given in ((((1.0, rows),), kinds), (fix(0).variants, ()), (PLAIN.variants, kinds)):
        with pytest.raises(InputError, match="needs their kinds or solutions, and a document without"):
            Layout(variants, given)
