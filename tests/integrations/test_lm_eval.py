"""The lm-evaluation-harness tasks: what they grade, without the harness; and with it, where it is installed."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from igsm.corpus.vocabulary import load_vocabulary
from igsm.errors import InputError
from igsm.evaluation.cells import parse_cells
from igsm.evaluation.testsets import load_test_set
from igsm.problems.difficulty import ProblemConfig

_path = Path(__file__).resolve().parents[2] / "integrations" / "lm_eval" / "igsm_task.py"
_spec = importlib.util.spec_from_file_location("igsm_task", _path)
assert _spec is not None
assert _spec.loader is not None
task: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(task)


@pytest.mark.parametrize("mark", ["", "<|answer|>"])
def test_true_solutions_are_correct_and_spoilt_ones_are_not(mark: str) -> None:
    """Guards against a task on which every model scores 0 (or 1) because the text is cut at the wrong place."""
    config = ProblemConfig(difficulty="nano")
    cell = parse_cells("nano_pq:op<=3", config)[0]
    for test in load_test_set(cell, config, load_vocabulary(config, "compact"), 8, seed=3).problems:
        problem = test.problem
        record = {"problem": problem.text, "answer": str(problem.answer), "modulus": problem.modulus, "lexicon": "nano"}
        right = f"{problem.solution_text}{mark} {problem.answer}"
        wrong = f"{problem.solution_text}{mark} {(problem.answer + 1) % problem.modulus}"
        assert task.grade_solution(record, [right]) == {"correct": 1.0, "answer_correct": 1.0, "taken_back": 0.0}
        assert task.grade_solution(record, [wrong])["correct"] == 0.0
        assert task.grade_solution(record, [problem.solution_text])["correct"] == 0.0
        assert task.grade_solution(record, ["nonsense"])["correct"] == 0.0
        for ending in (" The answer is {}.", " {}.</s>", " \\boxed{{{}}}", " #### {}"):
            graded = [
                task.grade_solution(record, [problem.solution_text + ending.format(number)])
                for number in (problem.answer, problem.answer + 1)
            ]
            assert [(g["correct"], g["answer_correct"]) for g in graded] == [(1.0, 1.0), (0.0, 0.0)]
        assert task.prompt(record) == f"<|endoftext|><|problem|>{problem.text}<|solution|>"


@pytest.fixture
def prompts(tmp_path: Path, mistakes: Callable[..., tuple[int, str, str]]) -> Path:
    path = tmp_path / "prompts.jsonl"
    what = ("--strategy", "explicit", "--shots", 2, "--problems", 3, "--difficulty", "nano")
    code, _, errors = mistakes("prompts", path, *what)
    assert code == 0, errors
    return path


def test_prompts_with_examples_are_a_task(prompts: Path) -> None:
    """What stands behind the prompt is all that is graded: the examples in it are right already."""
    pytest.importorskip("datasets")
    records = task.prompt_dataset(str(prompts))["test"]
    written = [json.loads(line) for line in prompts.read_text().splitlines()]
    assert [one["prompt"] for one in records] == [one["prompt"] for one in written]
    for record in records:
        assert record["prompt"].endswith("\nCorrect solution:")
        problem = task.read_problem(record["problem"], task.load_lexicon(record["lexicon"]), record["modulus"])
        right = f" {problem.solution_text} Answer: {problem.answer}."
        assert task.grade_solution(record, [right]) == {"correct": 1.0, "answer_correct": 1.0, "taken_back": 0.0}
        assert task.grade_solution(record, [right.replace(" = ", " = 1 + ", 1)])["correct"] == 0.0


def test_problems_say_their_cell() -> None:
    """Guards the scorecard, which files a model's logged samples under it."""
    pytest.importorskip("datasets")
    records = task.dataset("nano_pq:op<=3", n=2, seed=3)["test"]
    assert [record["cell"] for record in records] == ["nano_pq:op<=3"] * 2


@pytest.mark.parametrize(("content", "message"), [(None, "--metadata"), ('{"problem": ""}', "line 1: has no 'prompt'")])
def test_other_files_are_refused(tmp_path: Path, content: str | None, message: str) -> None:
    pytest.importorskip("datasets")
    path = tmp_path / "other.jsonl"
    path.write_text(content or "")
    with pytest.raises(InputError, match=message):
        task.prompt_dataset("" if content is None else str(path))


@pytest.mark.slow
def test_the_harness_runs_the_prompts(prompts: Path) -> None:
    """With the harness's own stand-in for a model, which answers "lol": all of it but the model."""
    lm_eval = pytest.importorskip("lm_eval")
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=str(_path.parent), include_defaults=False, metadata={"file": str(prompts)})
    found = lm_eval.simple_evaluate(model="dummy", tasks=["igsm_prompts"], task_manager=manager, log_samples=True)
    assert found["results"]["igsm_prompts"]["correct,none"] == 0.0
    samples = found["samples"]["igsm_prompts"]
    written = [json.loads(line) for line in prompts.read_text().splitlines()]
    assert [one["arguments"][0][0] for one in samples] == [one["prompt"] for one in written]
