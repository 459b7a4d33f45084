"""`mistakes show`: what it prints is the document, and its marks are the spans."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import build
from igsm.corpus.blocks import block
from igsm.corpus.config import DataConfig
from igsm.errors import InputError
from igsm.mistakes.config import MistakeConfig
from igsm.mistakes.layout import Role
from igsm.mistakes.source import DocumentSource
from igsm.problems.difficulty import ProblemConfig


def show(*arguments: str) -> str:
    result = CliRunner().invoke(build(["show", *arguments]), ["show", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0
    return result.stdout  # on stderr stands what is compiled, where nothing is yet


def test_prints_the_document() -> None:
    """Struck words, answer, op and bin are those of the same seed and index elsewhere."""
    output = show("--kind", "retry", "--retry-rate", "0.5", "--seed", "3", "--index", "2", "--op", "9")
    document = DocumentSource(ProblemConfig(op=9), MistakeConfig(kind="retry", rate=0.5), 3).document(2)
    assert f"problem {document.problem_text}" in output
    assert output.count("~~Define ") == len(document.spans) > 0
    assert document.solution_text in output.replace("~~", "")
    assert re.search(rf"answer +{document.answer}\n", output)
    assert f"9 operations, {len(document.spans)} mistakes at rate 0.5\n" in output
    assert show("--kind", "retry", "--seed", "3", "--index", "2", "--op", "9") == output  # 0.5 is what is meant


def test_tokens_show_ids_and_mask() -> None:
    """Every token is there, and those of wrong names and steps are marked."""
    output = show("--kind", "retry", "--retry-rate", "0.5", "--seed", "3", "--tokens", "--op", "9")
    cells = re.findall(r"(?<= )(\d+)([ sp])(\[\w+\]|'[^']*'|\"[^\"]*\")", output)
    assert cells[0] == ("222", " ", "[problem]")
    assert cells[-1] == ("50256", " ", "[end]")
    marks = "".join(mark for _, mark, _ in cells)
    document = DocumentSource(ProblemConfig(op=9), MistakeConfig(kind="retry", rate=0.5), 3).document(0)
    assert len(re.findall("ssp+s", marks)) == len(document.spans) > 0
    assert all(" BACK" not in text for _, mark, text in cells if mark != " ")


def test_whole_wrong_steps_are_struck_through_up_to_back() -> None:
    """Not only their names; and one token of each is marked as the wrong word."""
    output = show("--kind", "wrong_result", "--rate", "0.5", "--seed", "3", "--tokens", "--op", "9")
    document = DocumentSource(ProblemConfig(op=9), MistakeConfig(kind="wrong_result", rate=0.5), 3).document(0)
    struck = re.findall(r"~~(Define [^~]*)~~ BACK\.", output)
    assert struck == [document.text(span.start, span.end).strip() for span in document.spans] != []
    assert all("; so " in step for step in struck)
    marks = "".join(mark for _, mark, _ in re.findall(r"(?<= )(\d+)([ sp])(\[\w+\]|'[^']*'|\"[^\"]*\")", output))
    assert marks.count("p") == len(document.spans)


def test_boxes_and_graph(tmp_path: Path) -> None:
    """The toy prints, the drawing is written, and the two do not go together."""
    assert "What is the total weight of box A?" in show("--boxes")
    path = tmp_path / "g.png"
    show("--difficulty", "nano", "--graph", str(path))
    assert path.stat().st_size > 1000
    with pytest.raises(InputError, match="box-over-box"):
        show("--boxes", "--graph", str(path))


def test_a_window_of_a_block_is_what_training_reads() -> None:
    """Every token of the window is there, and the marks are its roles; another window is another one."""
    words = ("--difficulty", "nano", "--kind", "retry", "--rate", "0.5", "--seed", "3", "--block", "2")
    problem, mistakes = ProblemConfig(difficulty="nano"), MistakeConfig(kind="retry", rate=0.5)
    made = block(DataConfig(problem=problem, mistakes=mistakes, seed=3, context=problem.problem_class.context), 2)
    for window in (0, 5):
        cells = re.findall(r"(?<= )(\d+)([ sp])(?:\[\w+\]|'[^']*'|\"[^\"]*\")", show(*words, "--index", str(window)))
        assert [int(token) for token, _ in cells] == made.tokens[window].tolist()
        roles = made.roles[window]
        assert [mark != " " for _, mark in cells] == (roles & Role.MISTAKE_STEP > 0).tolist()
        assert [mark == "p" for _, mark in cells] == (roles & Role.MISTAKE_WORD > 0).tolist()
        assert roles.any()
    with pytest.raises(InputError, match="--index 128: a block has windows 0 to 127"):
        show(*words, "--index", "128")
    with pytest.raises(InputError, match="a block has many"):
        show(*words, "--graph", "g.png")
    assert "' pounds'" in show("--boxes", "--block", "0")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rate", "0.5"], "kind and rate go together"),
        (["--graph", "nowhere/g.png"], "--graph nowhere/g.png: there is no folder nowhere"),
        (["--graph", "g.jpg"], "--graph g.jpg: the name must end with .png, .pdf or .svg"),
        (["--kind", "retri", "--retry-rate", "0.1"], "did you mean 'retry'"),
        (["--kind", "retry", "--retry-rate", "1"], "rate must be at least 0 and below 1, not 1"),
        (["--difficulty", "medium"], "did you mean 'med'"),
        (["--op", "500"], "op=500"),
        (["--split", "dev"], "split"),
        (["--lexicon", "fulll"], "did you mean 'full'"),
    ],
)
def test_bad_options(arguments: list[str], message: str) -> None:
    """One line that says what would be right."""
    with pytest.raises(InputError, match=re.escape(message)):
        show(*arguments)


def test_documents_of_a_method_are_shown_with_their_marks() -> None:
    """Guards: marks that the terminal takes for styles, "[good]" among them."""
    output = show("--difficulty", "nano", "--seed", "3", "--index", "1", "--method", "correct")
    first, second = output.split("document 1 of 2, in 28% of the corpus\n")[1].split("document 2 of 2")
    assert re.search(r" \[problem\] .*\? \[solution\] \[bad\] Define .*\. \[judge\] 1 \[wrong_[a-z_]+\] Define", first)
    assert re.search(r"\. \[answer\] 1 \[end\]\n", second)
