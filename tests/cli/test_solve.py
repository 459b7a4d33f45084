"""`mistakes solve`: what it says, and with which exit code it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from igsm.problems.lexicon import load_lexicon
from tests.cli.test_main import PROBLEM

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def problems(tmp_path: Path) -> Path:
    """Two problems, one of them without a sense."""
    lexicon = load_lexicon("full")
    a, b = (next(iter(lexicon.groups[category].values()))[0] for category in lexicon.chains[0][:2])
    file = tmp_path / "problems.jsonl"
    texts = [PROBLEM.format(A=a, B=b), "How many?"]
    file.write_text("".join(json.dumps({"problem": text}) + "\n" for text in texts))
    return file


def test_what_cannot_be_solved_is_counted_and_an_exit_code(mistakes: Call, problems: Path, tmp_path: Path) -> None:
    """Guards: "2 records" and exit code 0 where one of them has failed."""
    code, out, error = mistakes("solve", problems)
    assert (code, error.count("\n")) == (1, 1)
    assert "1 of 2 not solved, first record 2: " in error
    first, second = map(json.loads, out.splitlines())
    assert first["solution"].startswith("Define ")
    assert "error" in second
    code, out, _ = mistakes("solve", problems, "--out", tmp_path / "solved.jsonl")
    assert (code, out) == (1, f"{tmp_path / 'solved.jsonl'}: 1 of 2 problems solved\n")


def test_an_empty_file_is_bad_input(mistakes: Call, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    code, out, error = mistakes("solve", tmp_path / "empty.jsonl", "--out", tmp_path / "solved.jsonl")
    assert (code, out) == (2, "")
    assert "empty.jsonl: " in error
    assert not (tmp_path / "solved.jsonl").exists()
