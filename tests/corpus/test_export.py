"""Text and datasets: guards against records that are not the corpus' documents and against half-written files."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from igsm.corpus import export
from igsm.corpus.blocks import documents
from igsm.corpus.config import DataConfig
from igsm.errors import InputError
from igsm.grading import grade, read_problem
from igsm.mistakes.config import MistakeConfig
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.lexicon import load_lexicon

DATA = DataConfig(
    problem=ProblemConfig(difficulty="easy"),
    mistakes=MistakeConfig(kind="retry", rate=0.5),
    context=512,
    windows_per_block=3,
    seed=5,
)


def test_records_hold_what_a_reader_needs(tmp_path: Path) -> None:
    """The text alone can be read and graded, and its mistakes are those listed."""
    path = tmp_path / "deep" / "problems.jsonl"
    export.write(path, export.records(DATA, problems=40))
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(records) == 40
    kinds = set()
    for record in records:
        assert list(record) == [
            "problem",
            "question",
            "solution",
            "answer",
            "op",
            "modulus",
            "lexicon",
            "bin",
            "mistakes",
        ]
        problem = read_problem(record["problem"], load_lexicon("full"))
        verdict = grade(problem, record["solution"], record["answer"])
        assert verdict.correct
        assert problem.op == record["op"] <= 7
        assert 0 <= record["bin"] < 16
        assert record["problem"].endswith(record["question"])
        sentences = [sentence for sentence in record["solution"].split(". ") if " as BACK" in sentence]
        assert [f"Define {mistake['parameter']} as BACK" for mistake in record["mistakes"]] == [
            sentence.rstrip(".") for sentence in sentences
        ]
        kinds |= {mistake["kind"] for mistake in record["mistakes"]}
    assert kinds == {"retry"}


@pytest.mark.parametrize("workers", [1, 2])
def test_records_are_the_documents_of_the_windows_in_order(workers: int) -> None:
    expected = [export.record_of(document, "full") for number in (0, 1) for document in documents(DATA, number, 3)]
    expected += [export.record_of(document, "full") for document in documents(DATA, 2, 1)]
    assert list(export.records(DATA, windows=7, workers=workers)) == expected


def test_box_over_box_has_no_op(tmp_path: Path) -> None:
    [record] = export.records(DATA.model_copy(update={"corpus": "boxes", "problem": ProblemConfig()}), problems=1)
    assert (record["op"], record["bin"], record["mistakes"]) == (None, None, [])
    assert record["question"].endswith("?")


def test_existing_files_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_text("mine\n")
    with pytest.raises(InputError, match="exists already"):
        export.write(path, [])
    assert path.read_text() == "mine\n"


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    """Guards against a traceback for a file where a folder is wanted."""
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        export.must_be_new(tmp_path / "file" / "deep" / "a.jsonl")


def test_an_interrupted_file_is_not_there(tmp_path: Path) -> None:
    def interrupted() -> object:
        yield {"problem": "x"}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export.write(tmp_path / "a.jsonl", interrupted())  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match="needs the package 'pyarrow'.*pip install pyarrow"):
        export.write(tmp_path / "a.parquet", [])


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.jsonl", "jsonl"),
        ("runs/A.JSONL", "jsonl"),
        ("a.chat.jsonl", "chat"),
        ("a.parquet", "parquet"),
        ("runs/retry0.5", "shards"),
        ("jsonl", "shards"),
    ],
)
def test_the_ending_says_the_format(name: str, form: str) -> None:
    assert export.form_of(Path(name)) == form


@pytest.mark.parametrize("name", ["a.json", "a.jsonl.gz", "a.CSV"])
def test_a_file_of_another_kind_is_no_folder(name: str) -> None:
    """Guards: a folder of shards called a.csv."""
    with pytest.raises(InputError, match="a file ends in .chat.jsonl, .jsonl, .parquet"):
        export.form_of(Path(name))


def test_parquet_reads_back_the_same_records(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "train.parquet"
    export.write(path, export.records(DATA, problems=20))
    assert parquet.read_table(path).to_pylist() == list(export.records(DATA, problems=20))
