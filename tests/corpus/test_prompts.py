"""Prompts with right and wrong examples: what stands in them, that they are what they say, that nothing leaks."""

from __future__ import annotations

import gzip
import json
import re
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import build
from igsm.corpus.blocks import documents
from igsm.corpus.config import DataConfig
from igsm.corpus.export import records
from igsm.corpus.prompts import STRATEGIES, Example, made_examples, own_examples, prompts
from igsm.errors import InputError
from igsm.grading import grade
from igsm.mistakes.mix import weights_of
from igsm.preflight.fit import document_lengths
from igsm.problems.difficulty import ProblemConfig

CONFIG = ProblemConfig(difficulty="easy", split="test")


def made(strategy: str, shots: int = 4, n: int = 5) -> list[dict[str, Any]]:
    examples = made_examples(CONFIG, 1, weights_of("uniform"))
    items = records(DataConfig(problem=CONFIG, context=512, windows_per_block=1))
    return list(islice(prompts(items, examples, strategy, shots), n))


def lines(prompt: str, label: str) -> list[str]:
    return [line.removeprefix(label + ": ") for line in prompt.split("\n") if line.startswith(label + ":")]


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return list(islice(made_examples(CONFIG, 1, weights_of("uniform")), 30))


def test_examples_are_what_they_say(examples: list[Example]) -> None:
    for example in examples:
        assert grade(example.problem, example.right).correct
        assert grade(example.problem, example.right).stated_answer == str(example.problem.answer)
        error = grade(example.problem, example.wrong).error
        assert error is not None
        assert example.why == f"Step {error.step} is wrong ({error.kind.value}): {error.message}."
    assert len({re.findall(r"\((.*?)\):", example.why)[0] for example in examples}) > 2


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_each_strategy_has_its_parts(strategy: str, examples: list[Example]) -> None:
    wanted = {
        "cot": (0, 0, 5),
        "explicit": (4, 4, 5),
        "implicit": (4, 0, 5),
        "wrong_only": (4, 0, 1),
        "explicit_false": (4, 4, 5),
    }
    for record in made(strategy):
        prompt = record["prompt"]
        labels = ("Wrong solution", "What is wrong", "Correct solution")
        counts = tuple(prompt.count(f"{label}:") for label in labels)
        if strategy == "cot_plus":
            assert counts[:2] == (0, 0)
            assert counts[2] > 5
        else:
            assert counts == wanted[strategy]
        assert prompt.startswith("All numbers are modulo 23.")
        assert prompt.endswith(f"Problem: {record['problem']}\nCorrect solution:")
        if counts[0]:
            assert lines(prompt, "Wrong solution") == [example.wrong for example in examples[:4]]
        whys = [example.why for example in examples[:4]]
        if strategy == "explicit":
            assert lines(prompt, "What is wrong") == whys
        if strategy == "explicit_false":
            assert lines(prompt, "What is wrong") == [*whys[1:], whys[0]]


def test_strategies_ask_for_the_same_problems_at_the_same_length() -> None:
    found = {strategy: made(strategy) for strategy in STRATEGIES}
    problems = [[record["problem"] for record in its] for its in found.values()]
    assert all(one == problems[0] for one in problems)
    plus, implicit = (len(found[strategy][0]["prompt"]) for strategy in ("cot_plus", "implicit"))
    assert abs(plus / implicit - 1) < 0.15
    assert len(found["cot"][0]["prompt"]) < 0.9 * implicit


def test_nothing_of_the_problem_itself_leaks() -> None:
    for record in made("explicit", n=20):
        assert record["prompt"].count(record["problem"]) == 1
    split = {record["problem"] for record in made("cot", shots=1, n=60)}
    train = {e.problem.text.strip() for e in islice(made_examples(CONFIG, 1, weights_of("uniform")), 200)}
    assert not split & train


def test_problems_longer_than_a_training_window_are_asked_too(tmp_path: Path) -> None:
    """Guards: the short ones of 14 operations only, because no training window of the class holds the others."""
    out = tmp_path / "prompts.jsonl"
    arguments = ["prompts", str(out), "--problems", "20", "--shots", "1", "--difficulty", "easy", "--op", "14"]
    assert CliRunner().invoke(build(arguments), arguments).exit_code == 0
    asked = [json.loads(line)["problem"] for line in out.read_text().splitlines()]
    data = DataConfig(problem=ProblemConfig(difficulty="easy", op=14, split="test"), context=4096, windows_per_block=4)
    made = list(islice(documents(data, 0, 4), 20))
    assert asked == [one.problem_text.strip() for one in made]
    lengths = document_lengths(data)
    assert lengths.max() > data.problem.problem_class.context


def test_what_cannot_be_made_is_refused(tmp_path: Path) -> None:
    for strategy, shots, message in (
        ("explict", 2, "--strategy explict: unknown strategy; did you mean 'explicit'"),
        ("explicit_false", 1, "give --shots 2 or more"),
    ):
        with pytest.raises(InputError, match=message):
            made(strategy, shots)
    with pytest.raises(InputError, match="no generations there"):
        next(own_examples(tmp_path, CONFIG))


def test_a_runs_own_wrong_solutions(tmp_path: Path, examples: list[Example]) -> None:
    """Right ones, unfinished ones and repeated problems are passed over."""
    folder = tmp_path / "eval" / "easy_pq"
    folder.mkdir(parents=True)

    def record(example: Example, text: str, finished: bool = True) -> dict[str, Any]:
        solution, _, answer = text.partition(" Answer: ")
        facts = {"modulus": 23, "lexicon": "full", "finished": finished}
        return facts | {"problem": example.problem.text, "solution": solution, "answer": answer.rstrip(".")}

    first, second, third, *_ = examples
    written = [record(first, first.wrong), record(first, first.wrong), record(second, second.right)]
    written += [record(third, third.wrong, finished=False), record(third, third.right), record(third, third.wrong)]
    packed = gzip.compress("".join(json.dumps(one) + "\n" for one in written).encode())
    (folder / "generations.jsonl.gz").write_bytes(packed)
    own, another = own_examples(tmp_path, CONFIG)
    assert (own.wrong, own.why) == (first.wrong, first.why)
    assert another.wrong == third.wrong, "solved by one decoder, not by another"
    assert grade(own.problem, own.right).correct
    out = tmp_path / "prompts.jsonl"
    arguments = ["prompts", str(out), "--problems", "3", "--shots", "1", "--difficulty"]
    refused = CliRunner().invoke(build(arguments), [*arguments, "nano", "--wrong", f"own:{tmp_path}"])
    assert "the names of lexicon 'full' modulo 23, those that are asked the names of 'nano' modulo 5" in str(
        refused.exception
    )
    arguments.append("easy")
    result = CliRunner().invoke(build(arguments), [*arguments, "--wrong", f"own:{tmp_path}"])
    assert result.exit_code == 0, result.output
    made = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(made) == 3
    assert all(f"Wrong solution: {first.wrong}\n" in one["prompt"] for one in made)
    assert made[0].keys() == {
        *("prompt", "strategy", "shots", "problem", "question", "answer", "op", "modulus", "lexicon"),
    }
