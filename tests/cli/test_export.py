"""`mistakes export` of problems: files that trainers and graders read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.check import command as check
from cli.export import command as export
from cli.gen_data import command as gen_data
from igsm.errors import InputError
from igsm.grading import grade, read_problem
from igsm.problems.lexicon import load_lexicon

NANO: dict[str, Any] = {"difficulty": "nano", "kind": "retry", "rate": 0.5, "seed": 3}


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_mistakes_check_accepts_the_jsonl(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Guards against records without the modulus, which `mistakes check` would grade modulo 23."""
    export([tmp_path / "out"], to="jsonl", problems=30, **NANO)
    assert lines(tmp_path / "out" / "train.jsonl")[0]["modulus"] == 5
    check(tmp_path / "out" / "train.jsonl", lexicon="nano")
    assert "30 of 30 solutions correct" in capsys.readouterr().out


def test_parquet_holds_the_records_of_the_jsonl(tmp_path: Path) -> None:
    """Guards against two formats of one command that differ."""
    parquet = pytest.importorskip("pyarrow.parquet")
    for form in ("jsonl", "parquet"):
        export([tmp_path], to=form, problems=20, split="test", op=2, **NANO)
    records = lines(tmp_path / "test.jsonl")
    assert parquet.read_table(tmp_path / "test.parquet").to_pylist() == records
    assert {record["op"] for record in records} == {2}


def test_chat_is_a_conversation_that_can_be_verified(tmp_path: Path) -> None:
    """Guards against chats that a trainer cannot read, or whose reward cannot be computed from the record."""
    export([tmp_path / "chat"], to="chat", problems=20, **NANO)
    gen_data(export="chat", out=tmp_path / "data", problems=20, **NANO)
    records = lines(tmp_path / "chat" / "train.jsonl")
    assert lines(tmp_path / "data" / "train.jsonl") == records
    for record in records:
        assert list(record) == ["messages", "answer", "op", "modulus", "lexicon"]
        user, assistant = record["messages"]
        assert (user["role"], assistant["role"]) == ("user", "assistant")
        steps, _, answer = assistant["content"].rpartition(".")
        problem = read_problem(user["content"], load_lexicon(record["lexicon"]), record["modulus"])
        assert grade(problem, f"{steps}.", answer.strip()).correct
        assert (problem.answer, problem.op) == (record["answer"], record["op"])


def test_existing_output_is_refused(tmp_path: Path) -> None:
    """Guards against an export over data that a training run is reading."""
    (tmp_path / "train.jsonl").write_text("mine\n")
    with pytest.raises(InputError, match=r"train\.jsonl: exists already"):
        export([tmp_path], to="chat", problems=3, **NANO)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine\n"]


@pytest.mark.parametrize(
    ("paths", "options", "message"),
    [
        (["run", "out"], {"to": "jsonl", "problems": 3}, "takes the new folder only"),
        (["out"], {"to": "jsonl"}, "say how many: --problems N"),
        (["out"], {"to": "jsonll", "problems": 3}, "--to jsonll: unknown format; did you mean 'jsonl'"),
        (["out"], {"to": "jsonl", "problems": 3, "difficulty": "mid"}, "export: problem: unknown difficulty 'mid'"),
        (["out"], {}, "mistakes export RUN OUT --to hf"),
        (["run", "out"], {"op": 3}, "options of problems are for --to jsonl, parquet, chat"),
    ],
)
def test_wrong_use_is_one_clear_line(tmp_path: Path, paths: list[str], options: dict[str, Any], message: str) -> None:
    """Guards against options that are silently ignored, and a model's export taken for that of problems."""
    with pytest.raises(InputError, match=message):
        export([tmp_path / path for path in paths], **options)
    assert list(tmp_path.iterdir()) == []
