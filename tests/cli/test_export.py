"""`mistakes gen-data` into files that trainers and graders read."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.gen_data import command as gen_data
from igsm.corpus.blocks import documents
from igsm.corpus.config import DataConfig
from igsm.corpus.export import records
from igsm.errors import InputError
from igsm.grading import grade, read_problem
from igsm.mistakes.document import Document
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.lexicon import load_lexicon

NANO: dict[str, Any] = {"difficulty": "nano", "kind": "retry", "rate": 0.5, "seed": 3}


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_mistakes_check_accepts_the_jsonl(tmp_path: Path, mistakes: Callable[..., tuple[int, str, str]]) -> None:
    """Guards against records without the modulus, which `mistakes check` would grade modulo 23."""
    path = tmp_path / "train.jsonl"
    gen_data(out=path, problems=30, **NANO)
    assert lines(path)[0]["modulus"] == 5
    assert "30 of 30 solutions correct" in mistakes("check", path)[1]


def test_parquet_holds_the_records_of_the_jsonl(tmp_path: Path) -> None:
    """Guards against two formats of one command that differ."""
    parquet = pytest.importorskip("pyarrow.parquet")
    for ending in ("jsonl", "parquet"):
        gen_data(out=tmp_path / f"test.{ending}", problems=20, split="test", op=2, **NANO)
    records = lines(tmp_path / "test.jsonl")
    assert parquet.read_table(tmp_path / "test.parquet").to_pylist() == records
    assert {record["op"] for record in records} == {2}


def test_chat_is_a_conversation_that_can_be_verified(
    tmp_path: Path, mistakes: Callable[..., tuple[int, str, str]]
) -> None:
    """Guards against chats that a trainer cannot read, or whose reward cannot be computed from the record."""
    path = tmp_path / "train.chat.jsonl"
    gen_data(out=path, problems=20, **NANO)
    for record in lines(path):
        assert list(record) == ["messages", "answer", "op", "modulus", "lexicon"]
        user, assistant = record["messages"]
        assert (user["role"], assistant["role"]) == ("user", "assistant")
        steps, _, answer = assistant["content"].rpartition(".")
        problem = read_problem(user["content"], load_lexicon(record["lexicon"]), record["modulus"])
        assert grade(problem, f"{steps}.", answer.strip()).correct
        assert (problem.answer, problem.op) == (record["answer"], record["op"])
    _, out, _ = mistakes("check", path)
    assert "20 of 20 solutions correct" in out
    assert "fields used: messages (problem), messages (solution)\n" in out


def test_existing_output_is_refused(tmp_path: Path) -> None:
    """Guards against writing over data that a training run is reading."""
    path = tmp_path / "train.jsonl"
    path.write_text("mine\n")
    with pytest.raises(InputError, match=r"train\.jsonl: exists already"):
        gen_data(out=path, problems=3, **NANO)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine\n"]


def test_problems_are_written_as_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards: a whole block made before the first problem is written, minutes where problems have 40 operations."""
    made = []

    def counted(*arguments: Any) -> Iterator[Document]:
        for document in documents(*arguments):
            made.append(document)
            yield document

    monkeypatch.setattr("igsm.corpus.export.documents", counted)
    problem = ProblemConfig(difficulty="nano")
    assert len(list(records(DataConfig(problem=problem, context=128), problems=2))) == len(made) == 2


def test_a_full_disk_keeps_nothing_of_a_file_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards: "the same command goes on from there", which is so for the shards of a folder only."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InputError, match=r"cannot be written: No space left on device; nothing of it is kept"):
        gen_data(out=tmp_path / "x.jsonl", problems=2, **NANO)
    assert list(tmp_path.iterdir()) == []
