"""Where steps begin and end."""

from __future__ import annotations

import pytest

from igsm.errors import InputError
from igsm.text.cut import boxed, cut_lines, cut_text
from tests.text.written import GSM8K, LATEX


def steps(text: str) -> list[str]:
    return [text[step.start : step.end] for step in cut_text(text).steps]


def test_lines_of_gsm8k() -> None:
    """Guards: white space of CRLF or blank lines in a step, the answer's line as a step."""
    for row in GSM8K:
        text = row["answer"]
        steps, answer, start = cut_lines(text)
        shown = [line.strip() for line in text.splitlines() if line.strip()]
        assert [text[step.start : step.end] for step in steps] == shown[:-1]
        assert text[start:].strip() == f"#### {answer}" == shown[-1]


def test_no_answer_line() -> None:
    with pytest.raises(InputError, match="####"):
        cut_lines("2+3 = 5\nSo 5.")


def test_paragraphs_before_lines_before_sentences() -> None:
    assert steps("a\nb\n\nc") == ["a\nb", "c"]
    assert steps("a. B\nc") == ["a. B", "c"]
    assert steps("It is 3.5. Then 4 more. Done!") == ["It is 3.5.", "Then 4 more.", "Done!"]


def test_what_is_no_end_of_a_sentence() -> None:
    text = "1. Take e.g. Dr. A. Smith's 3 hats. 2. Add 4."
    assert steps(text) == ["1. Take e.g. Dr. A. Smith's 3 hats.", "2. Add 4."]


def test_formulas_and_code_stay_whole() -> None:
    """Guards: a step that is half an environment, which no reader and no model could use."""
    assert [step[:3] for step in steps(LATEX)] == ["Let", "The", "The", "So "]
    assert steps("```\na\n\nb\n```\n\nc\n\n\\[x\n\n=1\\]") == ["```\na\n\nb\n```", "c", "\\[x\n\n=1\\]"]


def test_answers() -> None:
    cut = cut_text(LATEX)
    assert cut.answer == "28"
    assert cut.answer_start == LATEX.index("So the")
    assert cut_text("a\n\nb").answer_start == 3  # the last step, where nothing is marked
    assert boxed("\\boxed{\\frac{1}{2}} or \\boxed{3}") == "\\frac{1}{2}"
    assert boxed("\\boxed{1") is None


def test_a_thought() -> None:
    """Guards: mistakes in what a reasoning model says after its thought."""
    text = "<think>\nFirst.\n\nSecond.\n</think>\n\nIt is 5.\n\nBye."
    cut = cut_text(text)
    assert [text[step.start : step.end] for step in cut.steps] == ["First.", "Second."]
    assert text[cut.answer_start :].startswith("</think>")
    assert cut.answer == "It is 5.\n\nBye."


def test_a_heading_is_no_answer() -> None:
    """Guards: a heading of level 4, as chat models write, taken for GSM8K's answer."""
    assert steps("#### Plan\n\nAdd 3.\n\nGet 5.") == ["#### Plan", "Add 3.", "Get 5."]


@pytest.mark.parametrize("text", ["", " \n ", "one line"])
def test_little_text(text: str) -> None:
    assert len(cut_text(text).steps) == bool(text.strip())
