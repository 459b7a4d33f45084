"""The lm-evaluation-harness task, without the harness: what it grades."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from igsm.corpus.vocabulary import load_vocabulary
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
