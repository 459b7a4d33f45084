"""The functions that `igsm.yaml` and `igsm_prompts.yaml` name: problems or prompts, grading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from igsm.corpus.vocabulary import load_vocabulary
from igsm.errors import InputError
from igsm.evaluation.cells import parse_cells
from igsm.evaluation.testsets import load_test_set
from igsm.grading.evaluations import records_of
from igsm.grading.grade import grade
from igsm.grading.reader import read_problem
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.lexicon import load_lexicon


def dataset(
    cell: str = "med_pq:op<=15", n: int = 512, seed: int = 0, lexicon: str | None = None, marks: str = "", **_: Any
) -> Any:
    """The cell's first ``n`` test problems, as `mistakes eval --cells CELL --n N --seed SEED` takes them.

    Args:
        marks: behind the prompt, for a model of a method that asks with them: "<|good|>".
    """
    import datasets

    difficulty = cell.partition("_")[0]
    config = ProblemConfig(difficulty=difficulty, lexicon=lexicon)
    (chosen,) = parse_cells(cell, config)
    tests = load_test_set(chosen, config, load_vocabulary(config, "compact"), n, seed)
    records = [
        {
            "cell": chosen.name,
            "problem": test.problem.text,
            "answer": str(test.problem.answer),
            "modulus": test.problem.modulus,
            "lexicon": config.problem_class.lexicon,
            "marks": marks,
        }
        for test in tests.problems
    ]
    return {"test": datasets.Dataset.from_list(records)}


def prompt_dataset(file: str = "", **_: Any) -> Any:
    """The prompts that `mistakes prompts FILE.jsonl` wrote: problems behind wrong and right examples."""
    import datasets

    if not file:
        raise InputError(
            """the task igsm_prompts reads a file of `mistakes prompts`: --metadata '{"file": "FILE.jsonl"}'"""
        )
    names = ("prompt", "problem", "answer", "modulus", "lexicon")
    records = []
    for number, record in enumerate(records_of(Path(file)), 1):
        if missing := [name for name in names if name not in record]:
            raise InputError(f"{file}, line {number}: has no '{missing[0]}'; it must be a file of `mistakes prompts`")
        records.append({name: record[name] for name in names} | {"answer": str(record["answer"])})
    return {"test": datasets.Dataset.from_list(records)}


def prompt(record: dict[str, Any]) -> str:
    """The prompt that the models were trained with, its marks as the exported tokenizer writes them."""
    return f"<|endoftext|><|problem|>{record['problem']}<|solution|>{record.get('marks', '')}"


def grade_solution(record: dict[str, Any], results: list[str]) -> dict[str, float]:
    """Grade one generation: full solution, answer alone, sentences taken back.

    A generation that states no answer at its end is not correct, nor is one that states another than its steps.
    """
    problem = read_problem(record["problem"], load_lexicon(record["lexicon"]), record["modulus"])
    verdict = grade(problem, results[0])
    return {
        "correct": float(verdict.correct and verdict.stated_answer is not None),
        "answer_correct": float(verdict.stated_answer == record["answer"]),
        "taken_back": float(verdict.taken_back),
    }
