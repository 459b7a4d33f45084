"""`mistakes export --to`: our own solutions, the generator's and a model's, in the formats that trainers take."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from igsm.corpus.export import chat_of, record_of
from igsm.grading.check import problem_of
from igsm.grading.records import text_record
from igsm.grading.rewards import compute_score
from igsm.mistakes.config import MistakeConfig
from igsm.mistakes.document import Document
from igsm.mistakes.kinds import NAMES_ONLY, WRONG_STEPS
from igsm.mistakes.source import DocumentSource
from igsm.problems.difficulty import ProblemConfig
from igsm.text.export import TARGETS, Export, export
from igsm.text.solutions import Solved, solved, without_mistakes
from igsm.text.targets import masked

Run = Callable[..., tuple[int, str, str]]


def documents(kind: str, difficulty: str = "nano", rate: float = 0.5, n: int = 12) -> list[Document]:
    problem = ProblemConfig(difficulty=difficulty, split="train")
    source = DocumentSource(problem, MistakeConfig(kind=kind, rate=rate), seed=4)
    return [source.document(number) for number in range(n)]


def solved_(record: dict[str, Any], rule: str = "strict") -> Solved:
    given = text_record(record, 1, "here", solutions=True)
    problem = problem_of(given)
    assert not isinstance(problem, Exception)
    return solved(given, problem, rule)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def write_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def records() -> dict[str, list[dict[str, Any]]]:
    """gen-data's records of a kind that names a parameter and of one that writes a whole step."""
    return {kind: [record_of(one, "nano") for one in documents(kind)] for kind in ("retry", "wrong_result")}


@pytest.fixture(scope="module")
def outputs(records: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Solutions of a model's: of each problem a right one and one whose last result is wrong."""
    made = []
    for record in records["retry"][:6]:
        steps, _, result = record["solution"].removesuffix(".").rpartition("= ")
        wrong = (int(result) + 1) % 5
        for solution, answer in ((record["solution"], record["answer"]), (f"{steps}= {wrong}.", wrong)):
            about = {name: record[name] for name in ("problem", "modulus", "lexicon")}
            made.append({**about, "response": f"{solution} {answer}"})
    return made


@pytest.mark.parametrize("kind", [*NAMES_ONLY, *WRONG_STEPS])
def test_masks_are_those_of_training(kind: str) -> None:
    """Guards: a file for other trainers that hides other words than `label_masking` does here.

    `step` hides the same characters. `mistake` hides the same name; of a whole step all equations, the slip among them.
    """
    found = 0
    for document in documents(kind, "easy"):
        one = solved_(record_of(document, "full"))
        assert one.verdict.correct
        begin = len(document.problem_text) + 1  # solution_text has a leading space
        spans = [
            [len(document.text(0, place)) - begin for place in (span.start, span.end, span.name_start, span.name_end)]
            for span in document.spans
        ]
        hidden = [(max(start, 0), end) for start, end, *_ in spans]
        assert [tuple(span) for span in masked(one.record, "step")] == hidden
        words = masked(one.record, "mistake")
        assert len(words) == len(spans)
        for (first, last), (start, end, name_start, name_end) in zip(words, spans, strict=True):
            assert max(start, 0) <= first <= max(name_start, 0) <= name_end <= last <= end
            assert kind in WRONG_STEPS or (first, last) == (name_start, name_end)
        found += len(spans)
    assert found


def test_a_solution_without_its_mistakes(records: dict[str, list[dict[str, Any]]]) -> None:
    plain = {record_of(one, "nano")["problem"]: record_of(one, "nano") for one in documents("none", rate=0.0)}
    for record in [*records["retry"], *records["wrong_result"]]:
        kept = without_mistakes(solved_(record).record)
        right = plain[record["problem"]]
        assert kept.text == f"{right['solution']} {right['answer']}"
        assert kept.text[kept.answer_start :] == kept.answer == str(right["answer"])
        assert [kept.of(step) for step in kept.steps] == [f"{one}." for one in right["solution"][:-1].split(". ")]


@pytest.mark.parametrize("form", ["jsonl", "chat", "parquet"])
def test_every_target_of_every_file_of_gen_data(
    form: str, mistakes: Run, records: dict[str, list[dict[str, Any]]], tmp_path: Path, tokenizer_folder: Any
) -> None:
    """Guards: a format of gen-data that export reads otherwise than another one."""
    file = tmp_path / f"data.{form}"
    if form == "parquet":
        pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        parquet.write_table(pyarrow.Table.from_pylist(records["wrong_result"]), file)
    else:
        file = file.with_suffix(".jsonl")
        write_lines(file, [chat_of(one) if form == "chat" else one for one in records["wrong_result"]])
    folder = tokenizer_folder(True)
    made = {}
    for target in TARGETS:
        out = tmp_path / f"{target}.jsonl"
        mask = ["--mask", "step", "--tokenizer", folder] if target in ("segments", "labels", "trl") else []
        code, shown, err = mistakes("export", file, out, "--to", target, "--json", *mask)
        assert code == 0, err
        made[target] = lines(out)
        assert json.loads(shown)["written"] == len(made[target]) > 0
        assert json.loads(shown)["solutions"] == 12
    text = "".join(one["text"] for one in made["segments"][0]["segments"])
    first = records["wrong_result"][0]
    assert text == (
        f"<|user|>\n{first['problem']}<|end|>\n<|assistant|>\n{first['solution']} {first['answer']}<|end|>\n"
    )
    assert sum(label is False for row in made["stepwise"] for label in row["labels"]) == sum(
        len(one["mistakes"]) for one in records["wrong_result"]
    )
    assert len(made["preference"]) == sum(bool(one["mistakes"]) for one in records["wrong_result"])
    for row in made["verl"]:
        assert row["extra_info"]["split"] == (None if form == "chat" else "train")
        assert row["extra_info"]["lexicon"] == "nano"
    for row in made["preference"]:
        about = {"modulus": 5, "lexicon": "nano"}
        problem = row["prompt"] if form != "chat" else row["prompt"][-1]["content"]
        chosen, rejected = (row[name] if form != "chat" else row[name][0]["content"] for name in ("chosen", "rejected"))
        assert "BACK" not in chosen + rejected
        assert solved_({"problem": problem, "solution": chosen, **about}).verdict.correct
        assert solved_({"problem": problem, "solution": rejected, **about}).wrong_step is not None


def test_solutions_of_a_model(mistakes: Run, outputs: list[dict[str, Any]], tmp_path: Path) -> None:
    """Guards: wrong solutions to train on, pairs of different problems, labels after the first wrong step."""
    file = write_lines(tmp_path / "outputs.jsonl", outputs)
    for target in ("segments", "preference", "stepwise", "verl", "processbench"):
        code, shown, err = mistakes("export", file, tmp_path / f"{target}.jsonl", "--to", target)
        assert code == 0, err
        assert "from 12 solutions, 6 wrong" in shown
    assert "left out: 6 wrong in the end" in mistakes("export", file, "-", "--to", "segments")[2]
    segments = lines(tmp_path / "segments.jsonl")
    assert [[one["text"] for one in row["segments"]] for row in segments] == [
        [f"{one['problem']}\n", one["response"]] for one in outputs[::2]
    ]
    for row, right, wrong in zip(lines(tmp_path / "preference.jsonl"), outputs[::2], outputs[1::2], strict=True):
        assert (row["prompt"], row["rejected"]) == (wrong["problem"], wrong["response"])
        assert row["chosen"] == without_mistakes(solved_({**right, "solution": right["response"]}).record).text
        assert row["chosen_from"] == "file"
    for number, row in enumerate(lines(tmp_path / "stepwise.jsonl")):
        raw = outputs[number]["response"].rpartition(" ")[0].split(". ")
        assert len(row["completions"]) == len(row["labels"]) == len(raw) + (number % 2 == 0)
        assert row["labels"][-1] is (number % 2 == 0)
        assert [text.startswith("Define") and text.endswith("BACK.") for text in row["completions"][:-1]] == [
            not label for label in row["labels"][:-1]
        ]
    for row, one in zip(lines(tmp_path / "verl.jsonl"), outputs[::2], strict=True):
        assert row["prompt"] == [{"role": "user", "content": one["problem"]}]
        call = {"data_source": row["data_source"], "ground_truth": row["reward_model"]["ground_truth"]}
        assert compute_score(solution_str=one["response"], extra_info=row["extra_info"], **call)["score"] == 1.0
    one = write_lines(tmp_path / "wrong.jsonl", outputs[1:2])
    assert mistakes("export", one, tmp_path / "p.jsonl", "--to", "preference")[0] == 0
    row = lines(tmp_path / "p.jsonl")[0]
    assert row["chosen_from"] == "generator"
    assert solved_({**outputs[1], "solution": row["chosen"]}).verdict.correct


def test_processbench_is_that_of_check(mistakes: Run, outputs: list[dict[str, Any]], tmp_path: Path) -> None:
    file = write_lines(tmp_path / "outputs.jsonl", outputs)
    assert mistakes("check", file, "--processbench", tmp_path / "a.jsonl", "--view", "raw")[0] == 0
    assert mistakes("export", file, tmp_path / "b.jsonl", "--to", "processbench", "--view", "raw")[0] == 0
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_the_form_of_chat_models(records: dict[str, list[dict[str, Any]]]) -> None:
    """Text is kept as it was written where the strict rule reads it, line breaks and all."""
    record = records["wrong_result"][0]
    text = record["solution"].replace(". ", ".\n")
    one = solved_({**record, "solution": f"{text}\nAnswer: {record['answer']}", "answer": None})
    assert one.record.text == f"{text}\nAnswer: {record['answer']}"
    assert [one.record.of(step)[-1] for step in one.record.steps if step.kind != "mistake"] == ["."] * (text.count("."))
    listed = "\n".join(f"{n}. **{line}**" for n, line in enumerate(text.splitlines(), 1))
    assert not solved_({**record, "solution": listed, "answer": None}).verdict.correct
    assert solved_({**record, "solution": listed, "answer": None}, "lenient").verdict.correct


def test_progress_knows_the_size_of_the_file(records: dict[str, list[dict[str, Any]]], tmp_path: Path) -> None:
    file = tmp_path / "data.jsonl.gz"
    file.write_bytes(gzip.compress("".join(json.dumps(one) + "\n" for one in records["retry"]).encode()))
    for target in ("stepwise", "processbench"):
        for done in export(file, tmp_path / f"{target}.jsonl", Export(target)):
            assert done.bytes_total == file.stat().st_size
        assert done.bytes_read == done.bytes_total


def test_a_document_of_records_is_read_to_its_end(
    mistakes: Run, records: dict[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    """Guards: a traceback behind the last record of a .json file."""
    (tmp_path / "data.json").write_text(json.dumps(records["retry"]))
    write_lines(tmp_path / "data.jsonl", records["retry"])
    for name in ("data.json", "data.jsonl"):
        assert mistakes("export", tmp_path / name, tmp_path / f"{name}.out.jsonl", "--to", "stepwise")[0] == 0
    assert lines(tmp_path / "data.json.out.jsonl") == lines(tmp_path / "data.jsonl.out.jsonl")


def test_a_sentence_begun_behind_the_answer_is_no_step(records: dict[str, list[dict[str, Any]]]) -> None:
    """Guards: a right solution that was cut off at the length limit, trained on with what was cut."""
    record = next(one for one in records["retry"] if "BACK" not in one["solution"])
    given = [{**record, "solution": record["solution"] + more, "answer": None} for more in ("", " Define Ki")]
    whole, cut = map(solved_, given)
    assert cut.verdict.correct
    assert cut[3:] == whole[3:]
    begun = solved_({**record, "solution": record["solution"].rpartition(" Define ")[0] + " Define Ki", "answer": None})
    assert not begun.verdict.correct
    assert begun.record.text.endswith("Define Ki")


def test_verl_takes_the_lexicon_that_is_given(
    mistakes: Run, records: dict[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    """Guards: rows of which no reward can be computed."""
    bare = [{name: one[name] for name in ("problem", "solution", "answer")} for one in records["retry"]]
    file = write_lines(tmp_path / "bare.jsonl", bare)
    words = ("export", file, tmp_path / "rows.jsonl", "--to", "verl", "--lexicon", "nano", "--modulus", 5)
    assert mistakes(*words)[0] == 0
    for row, one in zip(lines(tmp_path / "rows.jsonl"), bare, strict=True):
        truth, about = row["reward_model"]["ground_truth"], row["extra_info"]
        text = f"{one['solution']} Answer: {one['answer']}"
        assert compute_score("igsm", text, truth, about)["score"] == 1.0


def test_verl_in_parquet(mistakes: Run, records: dict[str, list[dict[str, Any]]], tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    file = write_lines(tmp_path / "data.jsonl", records["retry"])
    for ending in ("jsonl", "parquet"):
        assert mistakes("export", file, tmp_path / f"verl.{ending}", "--to", "verl")[0] == 0
    assert parquet.read_table(tmp_path / "verl.parquet").to_pylist() == lines(tmp_path / "verl.jsonl")


def test_what_cannot_be_exported(
    mistakes: Run,
    records: dict[str, list[dict[str, Any]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tokenizer_folder: Any,
) -> None:
    monkeypatch.chdir(tmp_path)
    good, folder = records["retry"], tokenizer_folder(True)
    write_lines(Path("data.jsonl"), good)
    write_lines(Path("bad.jsonl"), [*good, {**good[0], "problem": "How many?"}])
    Path("empty.jsonl").write_text("")
    before = sorted(tmp_path.iterdir())
    for arguments, message in [
        (["data.jsonl", "o.jsonl"], "a file of solutions needs --to"),
        (["run", "folder", "--mask", "none"], "--mask: no effect without --to"),
        (["data.jsonl", "o.jsonl", "--to", "stepwise", "--view", "raw"], "--view: no effect with --to stepwise"),
        (["data.jsonl", "o.jsonl", "--to", "verl", "--tokenizer", folder], "--tokenizer: verl needs none"),
        (["data.jsonl", "o.jsonl", "--to", "tlr"], "unknown target 'tlr'; did you mean 'trl'"),
        (["data.jsonl", "o.jsonl", "--to", "trl"], "give --tokenizer FOLDER"),
        (["data.jsonl", "o.jsonl", "--to", "verl", "--mask", "step"], "verl has no masks"),
        (["data.jsonl", "o.jsonl", "--to", "stepwise", "--rule", "authors"], "does not judge step by step"),
        (["data.jsonl", "o.parquet", "--to", "stepwise"], "ends in .jsonl"),
        (["data.jsonl", "data.jsonl", "--to", "stepwise"], "exists already"),
        (["data.jsonl", "o.jsonl", "--to", "preference"], "no rows to write of 12 solutions"),
        (["data.jsonl", "-", "--to", "verl", "--json"], "both write to standard output"),
        (["bad.jsonl", "o.jsonl", "--to", "stepwise"], "bad.jsonl, line 13: "),
        (["empty.jsonl", "o.jsonl", "--to", "stepwise"], "has no records"),
        ([".", "o.jsonl", "--to", "stepwise"], "a folder; --to takes a file"),
        (["none.jsonl", "o.jsonl", "--to", "stepwise"], "none.jsonl: cannot be read"),
    ]:
        code, shown, err = mistakes("export", *arguments)
        assert (code, shown, err.count("\n")) == (2, "", 1), err
        assert message in err
        assert sorted(tmp_path.iterdir()) == before
    code, shown, _ = mistakes("export", "bad.jsonl", "o.jsonl", "--to", "stepwise", "--skip-bad")
    assert (code, "left out: 1 cannot be read" in shown) == (0, True)
