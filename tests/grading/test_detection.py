"""First errors as ProcessBench has them: labels of solutions made by hand, and scores with known values."""

from __future__ import annotations

import json
import random
import re

import pytest

from igsm.errors import InputError
from igsm.grading.detection import (
    always_right,
    at_random,
    calibrated,
    certain,
    first_below,
    ground_truth,
    harmonic_mean,
    read_benchmark,
    read_predictions,
    right_answers_among_wrong,
    score,
)
from igsm.grading.processbench import END_ERROR, each_record
from igsm.grading.records import text_record
from igsm.grading.taxonomy import EIC
from igsm.grading.verdict import Kind

PROBLEM = (
    "The number of each Kitchen's Ball equals 3. The number of each Kitchen's Doll equals each Library's Toy. "
    "The number of each Library's Robot equals 4 more than each Kitchen's Ball. How many Toy does Kitchen have?"
)
BALL, ROBOT = "Define Kitchen's Ball as a; so a = 3.", "Define Library's Robot as b; so b = 4 + a = 4 + 3 = 2."
TOYS = "Define Library's Toy as c; so c = b = 2."
DOLL, END = "Define Kitchen's Doll as d; so d = c = 2.", "Define Kitchen's Toy as e; so e = a + d = 3 + 2 = 0."
WRONG_ROBOT = ROBOT.replace("= 2.", "= 1.")
RIGHT = (BALL, ROBOT, TOYS, DOLL, END)
BACK = "Define Kitchen's Toy as BACK."
# sentences, answer -> label in the view "kept", in the view "raw", kind
SOLUTIONS = [
    (RIGHT, 0, -1, -1, None),
    ((BALL, WRONG_ROBOT, TOYS), 2, 1, 1, "wrong arithmetic"),
    ((BALL, BACK, WRONG_ROBOT, TOYS), 0, 1, 2, "wrong arithmetic"),
    ((BACK, *RIGHT), 0, -1, -1, None),
    ((END,), 0, 0, 0, "not computable yet"),
]
ENDS = [((BALL, ROBOT), 0), (RIGHT, 4), ((BALL, ROBOT, "Define Library's"), 1)]


def solutions(*given: tuple[tuple[str, ...], int]) -> list:
    return [
        text_record(
            {"problem": PROBLEM, "solution": " ".join(one), "answer": answer, "modulus": 5, "lexicon": "nano"},
            line, "here", True,
        )
        for line, (one, answer) in enumerate(given, 1)
    ]  # fmt: skip


@pytest.mark.parametrize("view", ["kept", "raw"])
def test_labels(view: str) -> None:
    given = [(one[0], one[1]) for one in SOLUTIONS]
    records = list(each_record(solutions(*given, *ENDS), "made", view=view, about={"run": "r"}))
    assert records[len(given) :] == [END_ERROR] * 3
    for number, (record, (sentences, answer, kept, raw, kind)) in enumerate(
        zip(records[: len(given)], SOLUTIONS, strict=True), 1
    ):
        assert isinstance(record, dict)
        assert record["id"] == f"made-{number}-{view}"
        assert record["label"] == (kept if view == "kept" else raw)
        assert record["steps"] == [one for one in sentences if view == "raw" or one != BACK]
        assert (record["error_kind"], record["final_answer_correct"]) == (kind, answer == 0)
        assert (record["op"], record["modulus"], record["lexicon"]) == (5, 5, "nano")
        assert (record["retries"], record["generator"], record["run"]) == (sentences.count(BACK), "made", "r")


def test_errors_of_the_end_can_be_the_last_steps() -> None:
    records = [one for one in each_record(solutions(*ENDS), "made", end_errors="last") if not isinstance(one, str)]
    assert [record["label"] for record in records] == [1, 4, 2]
    assert [record["error_kind"] for record in records] == [
        "stops before the question", "answer differs", "stops before the question",
    ]  # fmt: skip
    for wrong in ({"view": "all"}, {"end_errors": "first"}, {"rule": "authors"}):
        with pytest.raises(InputError):
            list(each_record(solutions(*ENDS), "made", **wrong))


def benchmark(*labels: int, n: int = 4) -> list[dict]:
    return [
        {"id": str(i), "problem": str(i), "steps": ["s."] * n, "label": label, "final_answer_correct": i % 2 == 0,
         "error_kind": None if label < 0 else "late" if label > 1 else "early", "op": 3 + i % 2}
        for i, label in enumerate(labels)
    ]  # fmt: skip


def test_f1_is_the_harmonic_mean_of_the_two_accuracies() -> None:
    """44 and 46 give 45.0, 31 and 80 give 45 too: the published definition, no F1 over detections."""
    assert harmonic_mean(0.44, 0.46) == pytest.approx(0.4498, abs=1e-4)
    assert harmonic_mean(0.31, 0.80) == pytest.approx(0.4468, abs=1e-4)
    assert harmonic_mean(0, 0) == 0


def test_f1_of_a_made_up_file_is_the_published_one(mistakes, tmp_path) -> None:
    """As ProcessBench's script has it: matches over wrong and over right solutions, their harmonic mean."""
    draws = random.Random(5)
    records = benchmark(*(draws.randint(-1, 3) for _ in range(60)))
    predictions = [draws.choice([one["label"], -1, draws.randint(0, 3), None]) for one in records]
    bench, said = tmp_path / "bench.jsonl", tmp_path / "said.jsonl"
    bench.write_text("\n".join(map(json.dumps, records)))
    lines = [{"id": one["id"], "prediction": step} for one, step in zip(records, predictions, strict=True)]
    said.write_text("\n".join(map(json.dumps, lines)))
    pairs = [(one["label"], step) for one, step in zip(records, predictions, strict=True)]
    wrong = [label == step for label, step in pairs if label != -1]
    right = [label == step for label, step in pairs if label == -1]
    acc_error, acc_correct = sum(wrong) / len(wrong), sum(right) / len(right)
    found = json.loads(mistakes("check", bench, "--score", said, "--json")[1])["scores"]["said.jsonl"]
    assert (found["on_wrong"], found["on_right"]) == (acc_error, acc_correct)
    assert found["f1"] == pytest.approx(2 * acc_error * acc_correct / (acc_error + acc_correct))


def test_every_kind_has_a_name_in_the_taxonomy(mistakes, tmp_path) -> None:
    assert EIC.keys() == {*Kind}
    file, bench = tmp_path / "made.jsonl", tmp_path / "bench.jsonl"
    file.write_text("\n".join(json.dumps(one.fields) for one in solutions(*((one[0], one[1]) for one in SOLUTIONS))))
    code, out, _ = mistakes("check", file, "--taxonomy", "eic", columns=80)
    assert code == 0
    assert re.search("wrong arithmetic +. calculation error +. +2 +. +2", out)
    document = json.loads(mistakes("check", file, "--taxonomy", "eic", "--json")[1])
    assert document["error_types"] == {"calculation_error": 2, "missing_step": 1}
    mistakes("check", file, "--taxonomy", "eic", "--processbench", bench)
    types = [json.loads(line)["error_type"] for line in bench.read_text().splitlines()]
    assert types == [None, "calculation_error", "calculation_error", None, "missing_step"]
    said = tmp_path / "said.jsonl"
    said.write_text("\n".join(json.dumps({"id": json.loads(line)["id"], "prediction": 1}) for line in bench.open()))
    _, out, _ = mistakes("check", bench, "--score", said, "--taxonomy", "eic", columns=80)
    assert re.search("wrong arithmetic +calculation_error +2 +100.0", out)
    code, _, err = mistakes("check", file, "--taxonomy", "eik")
    assert (code, err) == (2, "mistakes: error: unknown taxonomy 'eik'; did you mean 'eic'?\n")


def test_scores_of_a_file_made_up() -> None:
    records = benchmark(0, 1, 2, 3, -1, -1)
    found = score(records, [{one: 1.0} for one in (0, 2, 2, -1, -1, 3)])
    assert (found["n_wrong"], found["n_right"]) == (4, 2)
    assert (found["on_wrong"], found["on_right"], found["f1"]) == (0.5, 0.5, 0.5)
    assert found["within_one"] == 0.75  # -1 is not one off from 0, and 2 is from 1
    assert found["recall_by_kind"] == {"early": (0.5, 2), "late": (0.5, 2)}
    assert found["recall_by_op"] == {3: (1.0, 2), 4: (0.0, 2)}
    assert found["auroc"] is None
    assert 0 <= found["f1_low"] <= 0.5 <= found["f1_high"] <= 1
    assert right_answers_among_wrong(records) == 0.5
    assert right_answers_among_wrong(benchmark(-1)) is None


def test_baselines() -> None:
    records = benchmark(0, 3, -1, -1)
    never, chance, truth = (score(records, one(records)) for one in (always_right, at_random, ground_truth))
    assert (never["on_wrong"], never["on_right"], never["f1"], never["within_one"]) == (0, 1, 0, 0)
    assert (chance["on_wrong"], chance["on_right"]) == (pytest.approx(0.2), pytest.approx(0.2))
    assert chance["within_one"] == pytest.approx(0.4)  # two of five predictions, at both ends
    assert (truth["on_wrong"], truth["on_right"], truth["f1"], truth["within_one"]) == (1, 1, 1, 1)
    assert score(benchmark(-1), always_right(benchmark(-1)))["f1"] is None


def test_predictions_and_scores_are_read(tmp_path) -> None:
    records = benchmark(1, -1, 2, n=3)
    lines = [{"id": "2", "prediction": None}, {"id": "0", "prediction": 1}, {"id": "1", "prediction": -1}]
    path = tmp_path / "steps.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    read = read_predictions(path, records)
    assert read == ([1, -1, None], None)
    assert score(records, certain(read))["on_wrong"] == 0.5
    lines = [{"id": str(i), "scores": own} for i, own in enumerate([[0.9, 0.2, 0.1], [0.9, 0.8, 0.7], [0.9, 0.9, 0.3]])]
    path.write_text("\n".join(map(json.dumps, lines)))
    read = read_predictions(path, records, 0.5)
    assert read.steps == [1, -1, 2]
    assert score(records, certain(read), read.scores)["auroc"] == 1
    assert first_below([0.5, 0.5], 0.5) == -1
    with pytest.raises(InputError, match="line 1: scores need a threshold"):
        read_predictions(path, records)


def test_the_threshold_comes_from_other_records(tmp_path) -> None:
    path = tmp_path / "calibration.jsonl"
    others = [record | {"id": f"{i}", "problem": f"other {i}"} for i, record in enumerate(benchmark(1, -1, n=2))]
    for record, scores in zip(others, ([0.8, 0.3], [0.9, 0.6]), strict=True):
        record["scores"] = scores
    path.write_text("\n".join(map(json.dumps, others)))
    threshold = calibrated(path, benchmark(0, -1))
    assert 0.3 < threshold <= 0.6
    longer = [["Define X as BACK.", *record["steps"]] for record in others]
    viewed = [
        record | {"id": f"{record['id']}-raw", "steps": steps} for record, steps in zip(others, longer, strict=True)
    ]
    with pytest.raises(InputError, match="'0' is one of the records to score"):
        calibrated(path, viewed)
    for one, said in zip(others, ("1 wrong and 0 right", "0 wrong and 1 right"), strict=True):
        path.write_text(json.dumps(one))
        with pytest.raises(InputError, match=f"has {said} solutions; a threshold needs both"):
            calibrated(path, benchmark(0, -1))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"id": "0"}, "'prediction' .* or 'scores' is expected"),
        ({"id": "0", "prediction": "3"}, "'prediction' .* or 'scores' is expected"),
        ({"id": "0", "scores": [1, 2]}, "one score for each of the 4 steps is expected, not 2 scores"),
        ({"id": "0", "scores": 1}, "not no list of numbers"),
        ({"id": "1", "prediction": 3}, "has no prediction for 1 of 1 ids, first '0'"),
    ],
)
def test_bad_predictions_are_one_line(tmp_path, line, message) -> None:
    (path := tmp_path / "p.jsonl").write_text(json.dumps(line))
    with pytest.raises(InputError, match=message):
        read_predictions(path, benchmark(0), 0.5)


def test_bad_benchmarks_are_one_line(tmp_path) -> None:
    path = tmp_path / "b.jsonl"
    good = json.dumps(benchmark(0)[0])
    for text, message in (
        ("", "has no records"),
        (good + "\n" + good, "line 2: the id '0' stands there twice"),
        (json.dumps({"id": "a", "label": 0}), "line 1: not a record of ProcessBench"),
        (json.dumps({"id": "a", "label": 2, "steps": ["s"]}), "the label must be -1 to 0, not 2"),
        (json.dumps({"id": "a", "label": 0, "steps": [1]}), "steps must be a list of texts"),
        (json.dumps({"id": "a", "label": 0, "steps": ["s"], "modulus": "5"}), "modulus must be a whole number from 2"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            read_benchmark(path)


def test_command(mistakes, tmp_path) -> None:
    """Our solutions to a benchmark, its labels as predictions: everything is found."""
    file, bench, predictions = tmp_path / "made.jsonl", tmp_path / "bench.jsonl", tmp_path / "labels.jsonl"
    given = solutions(*((one[0], one[1]) for one in SOLUTIONS), *ENDS)
    file.write_text("\n".join(json.dumps(one.fields) for one in given))
    code, out, _ = mistakes("check", file, "--processbench", bench)
    assert (code, out) == (0, f"written: {bench}, 3 wrong and 2 right solutions; left out: 3 only end wrongly\n")
    assert mistakes("check", file, "--processbench", bench)[0] == 2  # it is there
    records = [json.loads(line) for line in bench.read_text().splitlines()]
    predictions.write_text("\n".join(json.dumps({"id": one["id"], "prediction": one["label"]}) for one in records))
    code, out, _ = mistakes("check", bench, "--score", predictions, columns=80)
    assert code == 0
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "right final answers among the wrong solutions: 66.7 %" in out
    code, out, _ = mistakes("check", bench, "--score", predictions, "--json")
    mistakes("check", bench, "--score", predictions, "--out", tmp_path / "scores.json")
    assert json.loads((tmp_path / "scores.json").read_text()) == json.loads(out)
    assert json.loads(out)["cell"] is None
    scores = json.loads(out)["scores"]
    assert scores["labels.jsonl"] == scores["truth"]
    assert scores["truth"]["f1"] == 1
    assert scores["always -1"]["recall_by_kind"] == {"wrong arithmetic": [0, 2], "not computable yet": [0, 1]}
    assert mistakes("check", file, "--calibration", bench)[0] == 2
