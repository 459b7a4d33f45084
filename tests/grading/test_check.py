"""`mistakes check` and `mistakes solve`, from files."""

from __future__ import annotations

import gzip
import json

import pytest

from igsm.problems.difficulty import ProblemConfig
from igsm.problems.source import ProblemSource


@pytest.fixture
def run(mistakes):
    return mistakes


@pytest.fixture
def file(tmp_path, problem_of):
    """Three right solutions, one wrong, one ill-posed problem."""
    path = tmp_path / "solutions.jsonl"
    records = []
    for seed in range(3):
        problem = problem_of(seed)
        records.append({"problem": problem.text, "solution": problem.solution_text, "answer": problem.answer})
    records.append({**records[0], "solution": "Define nothing", "op": 99})
    records.append({**records[0], "problem": records[0]["problem"].replace("equals", "is")})
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_check(run, file, tmp_path):
    # guards: ill-posed problems that stop the run or count as wrong; verdicts that lose their line
    out = tmp_path / "verdicts.jsonl"
    code, shown, _ = run("check", file, "--out", out)
    assert code == 0
    assert "3 of 4 solutions correct: 75.0 % (95 % interval 30.1 to 95.4)" in shown
    assert "ill-posed problems, left out: 1" in shown
    assert "line 5: ill-posed problem, unreadable sentence" in shown
    assert "stops before the question" in shown
    verdicts = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(v["line"], v["correct"]) for v in verdicts] == [(1, True), (2, True), (3, True), (4, False), (5, None)]
    assert verdicts[3]["op"] == 99
    assert verdicts[3]["error"]["kind"] == "stops before the question"


def test_check_does_not_overwrite(run, file, tmp_path):
    # guards: an older file of verdicts lost
    out = tmp_path / "verdicts.jsonl"
    out.write_text("precious")
    code, _, err = run("check", file, "--out", out)
    assert code == 2
    assert "exists already" in err
    assert out.read_text() == "precious"


def test_solve(run, file, tmp_path, problem_of):
    # guards: answers lost or ill-posed problems that stop the run
    out = tmp_path / "solved.jsonl"
    assert run("solve", file, "--out", out)[0] == 1  # one of the problems is ill-posed
    solved = [json.loads(line) for line in out.read_text().splitlines()]
    assert [s.get("answer") for s in solved[:3]] == [problem_of(seed).answer for seed in range(3)]
    assert [s["op"] for s in solved[:3]] == [problem_of(seed).op for seed in range(3)]
    assert "unreadable sentence" in solved[4]["error"]
    again = tmp_path / "again.jsonl"
    assert run("check", out, "--out", again)[0] == 0
    assert [json.loads(line)["correct"] for line in again.read_text().splitlines()] == [True] * 4 + [None]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "; one JSON object a line is expected; a list of them may be a file called .json"),
        ("[" * 100_000, "line 2: not valid JSON"),
        ("[1]", "line 2: no JSON object but '[1]'; one JSON object a line is expected"),
        ('{"problem": "x"}', "line 2: the field 'solution' is missing; there are the fields problem"),
        ('{"problem": 5, "solution": "x"}', "line 2: the field 'problem' is not text"),
        ('{"problem": "x", "solution": "x", "op": "3"}', "line 2: the field 'op' is not a number"),
        ('{"problem": "x", "solution": "x", "op": true}', "line 2: the field 'op' is not a number"),
        ('{"problem": "x", "solution": "x", "modulus": 1}', "line 2: the modulus must be at least 2"),
    ],
)
def test_malformed_lines_are_named(run, tmp_path, line, message):
    # guards: tracebacks, or records passed over silently
    path = tmp_path / "broken.jsonl"
    path.write_text('{"problem": "x", "solution": "y"}\n' + line + "\n")
    code, _, err = run("check", path)
    assert code == 2
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_strange_text(run, tmp_path, file):
    # guards: surrogates and bytes that are not UTF-8, which terminals and files refuse; markup of rich
    record = json.loads(file.read_text().splitlines()[0])
    strange = [{**record, "solution": "Define \ud800 [red]x[/red] as \u0663"}, {**record, "problem": "\udfff [/b]"}]
    path = tmp_path / "strange.jsonl"
    path.write_bytes("".join(json.dumps(r) + "\n" for r in strange).encode() + b'{"problem": "\xff", "solution": ""}\n')
    code, shown, _ = run("check", path, "--out", tmp_path / "v.jsonl")
    assert code == 0
    assert "0 of 1 solutions correct" in shown
    assert "[red]x[/red]" in shown


def test_modulus(run, tmp_path, problem_of):
    # guards: every problem taken modulo 23
    problem = problem_of(4, 5)
    record = {"problem": problem.text, "solution": problem.solution_text, "answer": problem.answer}
    path = tmp_path / "five.jsonl"
    path.write_text(json.dumps(record) + "\n")
    assert "1 of 1 solutions correct" in run("check", path, "--modulus", 5)[1]
    path.write_text(json.dumps(record | {"modulus": 5}) + "\n")
    assert "1 of 1 solutions correct" in run("check", path)[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [(["--rule", "strct"], "did you mean 'strict'"), (["--lexicon", "ful"], "did you mean 'full'")],
)
def test_misspelt_options(run, file, options, message):
    # guards: a misspelt option silently taken for the default
    code, _, err = run("check", file, *options)
    assert code == 2
    assert message in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--processbench", "a", "--out", "b"], "--out: no effect together with --processbench"),
        (["--score", "a", "--detector", "b"], "--score and --detector do not go together"),
        (["--score", "a", "--rule", "lenient"], "--rule: no effect together with --score"),
        (["--score", "a", "--rule", "strict"], "--rule: no effect together with --score"),
        (["--view", "raw"], "--view: no effect without --processbench"),
    ],
)
def test_options_that_would_do_nothing_are_refused(run, file, options, message):
    code, _, err = run("check", file, *options)
    assert (code, message in " ".join(err.split())) == (2, True), err


def test_an_empty_answer_is_none(run, file, tmp_path):
    """Guards: answers that `mistakes eval` writes as "" counted as stated."""
    records = [json.loads(line) for line in file.read_text().splitlines()][:2]
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in (records[0], records[1] | {"answer": ""})))
    assert json.loads(run("check", path, "--json")[1])["answers_stated"] == 1


def test_records_may_name_their_lexicon(run, tmp_path):
    """Guards `mistakes check` of generations with other names, and against data that says which files to read."""
    config = ProblemConfig(difficulty="nano")
    problem = ProblemSource(config, 1).problem(0)
    record = {"problem": problem.text, "solution": problem.solution_text, "answer": problem.answer, "modulus": 5}
    path = tmp_path / "nano.jsonl"
    path.write_text(json.dumps(record | {"lexicon": "nano"}) + "\n")
    code, out, _ = run("check", path)
    assert (code, "1 of 1" in out) == (0, True)
    path.write_text(json.dumps(record | {"lexicon": "/etc/passwd"}) + "\n")
    for command in ("check", "solve"):
        code, _, error = run(command, path)
        assert code == 2
        assert "'/etc/passwd' is not one of full, nano" in error
    assert run("check", path, "--lexicon", "nano")[0] == 0


def test_an_empty_file_is_refused(run, tmp_path):
    """Guards a script against a file of nothing that passes as graded."""
    path = tmp_path / "empty.jsonl"
    path.write_text("\n")
    code, _, error = run("check", path)
    assert code == 2
    assert "has no records" in error


@pytest.mark.parametrize("name", ["marked.jsonl", "marked.jsonl.gz"])
def test_a_byte_order_mark_is_passed_over(run, file, tmp_path, name):
    """Guards files of Windows editors, packed or joined with `cat`, refused as "not valid JSON"."""
    lines = [b"\xef\xbb\xbf" + line + b"\n" for line in file.read_bytes().splitlines()[:2]]
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"".join(lines)) if name.endswith(".gz") else b"".join(lines))
    for command in ("check", "solve"):
        assert run(command, path)[0] == 0
    assert "2 of 2 solutions correct" in run("check", path)[1]


def test_whole_numbers_may_be_written_as_floats(run, file, tmp_path):
    """Guards tables in which pandas wrote a column with a gap as 14.0; a fraction is still refused, by name."""
    record = json.loads(file.read_text().splitlines()[0])
    path = tmp_path / "table.jsonl"
    floats = {"answer": float(record["answer"]), "op": 7.0, "modulus": 23.0}
    gaps = {"answer": None, "op": float("nan"), "modulus": float("nan")}
    path.write_text("".join(json.dumps(record | change) + "\n" for change in (floats, gaps)))
    out = tmp_path / "verdicts.jsonl"
    assert "2 of 2 solutions correct" in run("check", path, "--out", out)[1]
    assert json.loads(out.read_text().splitlines()[0])["op"] == 7
    for field in ("answer", "op", "modulus"):
        for value, shown in ((5.5, "5.5"), (float("inf"), "inf")):
            path.write_text(json.dumps(record) + "\n" + json.dumps(record | {field: value}) + "\n")
            code, _, error = run("check", path)
            assert code == 2
            assert f"line 2: the field '{field}' is {shown}; a whole number is expected" in error


def test_check_names_a_contradicting_answer(run, file, tmp_path):
    """Guards right steps called correct although the text ends in another answer."""
    record = json.loads(file.read_text().splitlines()[0])
    wrong = (record["answer"] + 1) % 23
    for ending in (f" {wrong}.", f" The answer is {wrong}.", f" \\boxed{{{wrong}}}."):
        path = tmp_path / "wrong.jsonl"
        path.write_text(json.dumps(record | {"solution": record["solution"] + ending}) + "\n")
        shown = " ".join(run("check", path)[1].split())
        assert "0 of 1 solutions correct" in shown
        assert (
            f"answer differs (the text goes on to state the answer {wrong}, its steps come to {record['answer']})"
            in shown
        )
