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
    export.write_text(path, export.records(DATA, problems=40))
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
        export.write_text(path, [])
    assert path.read_text() == "mine\n"


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    """Guards against a traceback for a file where a folder is wanted."""
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        export.must_be_new(tmp_path / "file" / "deep" / "a.jsonl")


def test_the_temporary_folder_is_nobody_elses(tmp_path: Path) -> None:
    """Guards against removing a folder of the user's that has the name of a temporary one, or leaving one's own."""
    pytest.importorskip("datasets")
    pytest.importorskip("pyarrow")
    (tmp_path / "made.partial").mkdir()
    (tmp_path / "made.partial" / "notes").write_text("mine")

    def interrupted() -> object:
        yield from ()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export.writer("hf")(tmp_path / "made", "train", interrupted())  # type: ignore[arg-type]
    assert [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("*"))] == [
        "made.partial",
        "made.partial/notes",
    ]


def test_an_interrupted_file_is_not_there(tmp_path: Path) -> None:
    def interrupted() -> object:
        yield {"problem": "x"}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export.write_text(tmp_path / "a.jsonl", interrupted())  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("form", "package"), [("parquet", "pyarrow"), ("hf", "datasets")])
def test_a_missing_package_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, form: str, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=f"--export {form}: needs the package '{package}'.*pip install {package}"):
        export.writer(form)


def test_an_unknown_format_is_refused_with_a_suggestion() -> None:
    with pytest.raises(InputError, match="--export parket: unknown format; did you mean 'parquet'?"):
        export.writer("parket")


def test_parquet_reads_back_the_same_records(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    path = export.writer("parquet")(tmp_path, "train", export.records(DATA, problems=20))
    assert path == tmp_path / "train.parquet"
    assert parquet.read_table(path).to_pylist() == list(export.records(DATA, problems=20))


def test_hugging_face_dataset_reads_back_the_same_records(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    folder = export.writer("hf")(tmp_path / "made", "test", export.records(DATA, problems=20))
    assert datasets.load_from_disk(str(folder)).to_list() == list(export.records(DATA, problems=20))
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
