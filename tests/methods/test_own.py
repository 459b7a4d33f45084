"""Wrong solutions that a model wrote, in documents: what the file and the grader say, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch

from igsm.config import build_config
from igsm.corpus.blocks import Generator, block
from igsm.corpus.config import DataConfig
from igsm.corpus.export import must_be_plain
from igsm.corpus.manifest import law_of
from igsm.corpus.prompts import Example, made_examples
from igsm.corpus.vocabulary import load_vocabulary
from igsm.errors import InputError
from igsm.grading import grade
from igsm.grading.reader import read_problem
from igsm.methods.registry import make_method
from igsm.mistakes.layout import Role
from igsm.mistakes.mix import weights_of
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.lexicon import load_lexicon
from igsm.problems.problem import Problem
from igsm.problems.problem_record import record_of
from igsm.problems.source import ProblemSource
from igsm.sweeps.settings import what_differs
from igsm.training.config import TrainingConfig
from igsm.training.distributed import Ranks
from igsm.training.windows import held_out_batches
from tests.methods.written import readable

TRIO = {"difficulty": "trio"}
Line = dict[str, Any]


def line_of(example: Example) -> Line:
    solution, _, answer = example.wrong.partition(" Answer: ")
    about = {"modulus": example.problem.modulus, "lexicon": "nano"}
    return {"problem": example.problem.text, "solution": solution, "answer": answer.rstrip("."), **about}


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    """Wrong solutions to problems of the training split, that go on to an answer."""
    made = made_examples(ProblemConfig(difficulty="trio"), 7, weights_of("uniform"))
    return [line_of(example) for example in islice(made, 40)]


@pytest.fixture
def own(tmp_path: Path) -> Callable[..., DataConfig]:
    """The data of a method whose wrong solutions are those of a file with these lines."""

    def data(lines: list[Line], problem: Any = TRIO, **method: Any) -> DataConfig:
        path = tmp_path / "own.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        settings = {"name": "fix", "share": 1.0, **method, "wrong": f"own:{path}"}
        content = {"problem": problem, "context": 384, "windows_per_block": 8, "method": settings}
        return build_config(DataConfig, content, "test").resolved()

    return data


def texts(data: DataConfig, number: int = 0) -> list[tuple[str, str]]:
    """(problem, what follows the solution mark) of a block's whole documents."""
    found = []
    for window in block(data, number).tokens.tolist():
        for document in readable(window).split("<|end|>")[:-1]:
            problem, _, solution = document.removeprefix("<|problem|>").partition("<|solution|>")
            if solution:
                found.append((problem, solution))
    return found


def verdict_on(problem: str, solution: str, answer: str) -> Any:
    return grade(read_problem(problem, load_lexicon("nano"), 5), solution, answer)


@pytest.mark.parametrize("delay", [0, 1, "end"])
def test_a_fixed_step_is_the_models_and_then_the_right_one(
    own: Callable[..., DataConfig], lines: list[Line], delay: int | str
) -> None:
    """The attempt is the file's up to `delay` steps after what the grader calls its first error."""
    by_problem = {line["problem"]: line for line in lines}
    documents = texts(own(lines, delay=delay))
    assert len({problem for problem, _ in documents}) > 10
    for problem, text in documents:
        line = by_problem[problem]
        error = verdict_on(problem, line["solution"], line["answer"]).error
        steps = line["solution"].strip().removesuffix(".").split(". ")
        last = len(steps) if delay == "end" else min(error.step + int(delay), len(steps))
        back = last - error.step + 1
        attempt = ". ".join(steps[:last]) + " BACK" + (f" {back}" if back > 1 else "") + "."
        assert text.startswith(f" {attempt}"), (text, attempt)
        solution, _, answer = text.partition("<|answer|>")
        verdict = verdict_on(problem, solution, answer)
        assert verdict.correct
        assert verdict.taken_back == back
        assert verdict.unnecessary_parameters == 0


def test_a_correction_says_what_the_grader_says(own: Callable[..., DataConfig], lines: list[Line]) -> None:
    by_problem = {line["problem"]: line for line in lines}
    data = own(lines, name="correct", share=1.0)
    for problem, text in texts(data):
        line = by_problem[problem]
        error = verdict_on(problem, line["solution"], line["answer"]).error
        told = f"{error.step}<|{error.kind.replace(' ', '_')}|>"
        assert text.startswith(f"<|bad|> {line['solution'].strip()}<|judge|> {told}")


def test_roles_are_those_of_the_verdict(own: Callable[..., DataConfig], lines: list[Line]) -> None:
    """The whole wrong step is one, the words that the grader names are its wrong words."""
    made = block(own(lines), 0)
    seen = 0
    for tokens, roles in zip(made.tokens, made.roles, strict=True):
        step = (roles & int(Role.MISTAKE_STEP)) != 0
        word = (roles & int(Role.MISTAKE_WORD)) != 0
        assert (step | ~word).all()
        starts = [i for i in range(1, len(step)) if step[i] and not step[i - 1]]
        for start in starts:
            end = next((i for i in range(start, len(step)) if not step[i]), len(step))
            sentence, words = (
                readable(tokens[start:end].tolist()),
                readable(tokens[start:end][word[start:end]].tolist()),
            )
            assert sentence.startswith(" Define ")
            errors = (verdict_on(one["problem"], one["solution"], one["answer"]).error for one in lines)
            known = [e for e in errors if e.sentence == sentence.strip()]
            if end < len(step):
                assert any(e.sentence[e.start : e.end].strip() in words for e in known), (sentence, words)
                seen += 1
    assert seen > 10


def test_blocks_are_a_pure_function_of_the_files_content(own: Callable[..., DataConfig], lines: list[Line]) -> None:
    data = own(lines)
    first, other = Generator(data), Generator(data)
    other.block(5)
    assert (first.block(1).tokens == other.block(1).tokens).all()
    assert not (first.block(1).tokens == first.block(0).tokens).all()
    law = json.dumps(law_of(data))
    assert data.method.digest in law  # type: ignore[attr-defined]
    assert "own.jsonl" not in law
    with pytest.raises(InputError, match="write a folder of shards"):
        must_be_plain(data)
    problems = [document.problem.text for document in first.documents(0, 2) if document.problem]
    assert set(problems) <= {line["problem"] for line in lines}


def test_documents_without_wrong_ones_are_those_of_any_source(
    own: Callable[..., DataConfig], lines: list[Line]
) -> None:
    """share=0 is plain training, whatever the file holds."""
    plain = DataConfig(problem=ProblemConfig(difficulty="trio"), context=384, windows_per_block=8)
    assert (block(own(lines, share=0.0), 0).tokens == block(plain, 0).tokens).all()


def test_a_run_goes_on_with_the_same_solutions_only(own: Callable[..., DataConfig], lines: list[Line]) -> None:
    data = own(lines)
    planned = build_config(DataConfig, data.model_dump(mode="json", exclude={"method": {"digest"}}), "test")
    assert what_differs({"data": planned.model_dump(mode="json")}, {"data": data.model_dump(mode="json")}) == []
    made = DataConfig(method=make_method({"name": "fix"}))
    resolved = {"data": made.resolved().model_dump(mode="json")}
    assert resolved["data"]["method"]["weights"]
    assert what_differs({"data": made.model_dump(mode="json")}, resolved) == []
    assert own(lines[1:]).method != data.method
    with pytest.raises(InputError, match="holds other solutions than those of the run's beginning"):
        block(data, 0)


def changed(line: Line, **changes: Any) -> Line:
    return {**line, **changes}


@pytest.mark.parametrize(
    ("change", "problem", "message"),
    [
        (lambda line: changed(line, modulus=7), TRIO, "lexicon 'nano' modulo 7, the data those of 'nano' modulo 5"),
        (lambda line: line, {**TRIO, "max_op": 1}, "operations, form pq; the data have up to 1, form pq"),
        (lambda line: line, {**TRIO, "split": "test"}, "of another split than 'test'"),
        (
            lambda line: changed(line, solution="I give up."),
            TRIO,
            "no wrong solutions .* 40 without a whole wrong step",
        ),
        (lambda line: {"problem": line["problem"]}, TRIO, "line 1: has no 'solution'"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(
    own: Callable[..., DataConfig], lines: list[Line], change: Callable[[Line], Line], problem: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message) as error:
        block(own([change(line) for line in lines], problem), 0)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"wrong": "runs/x"}, "must read own:PATH"),
        ({"wrong": "own:runs/x", "mix": "like:runs/x"}, "the kinds are those of the model"),
        ({"wrong": "own:runs/x", "name": "in_context"}, "one modulus, these windows several"),
        ({"digest": "0"}, "leave it out"),
    ],
)
def test_settings_that_do_not_go_together(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_config(DataConfig, {"method": {"name": "fix", **settings}}, "test")


def test_held_out_windows_are_of_the_test_split(own: Callable[..., DataConfig], lines: list[Line]) -> None:
    """Guards against a held-out loss on solutions that are trained on, and against no training at all with one."""
    data = own(lines)
    recipe = TrainingConfig(steps=2, batch=2, warmup_steps=1, held_out_windows=2)
    (batch,) = held_out_batches(data, recipe, Ranks(torch.device("cpu")))()
    vocabulary = load_vocabulary(data.problem)
    text = vocabulary.decode(batch.inputs[0].flatten().tolist())  # type: ignore[index]
    assert " BACK." in text
    assert not any(line["problem"].strip() in text for line in lines)


def test_a_file_of_the_test_split_is_no_training_data(tmp_path: Path) -> None:
    """Guards: test problems trained on because the file was named instead of its folder."""
    folder = tmp_path / "easy_pq:op=4-greedy"
    folder.mkdir()
    for name in ("summary.json", "generations.jsonl.gz"):
        (folder / name).write_text("{}")
    data = build_config(DataConfig, {"method": {"name": "fix", "wrong": f"own:{folder}/generations.jsonl.gz"}}, "test")
    with pytest.raises(InputError, match="is of problems of the test split"):
        data.resolved()


def test_a_run_without_generations_says_how_to_make_them(tmp_path: Path) -> None:
    data = build_config(DataConfig, {"method": {"name": "fix", "wrong": f"own:{tmp_path}"}}, "test")
    with pytest.raises(InputError, match="no generations of problems of the training split there; make them: mistakes"):
        data.resolved()


@pytest.mark.parametrize("difficulty", ["trio", "easy", "med"])
def test_a_problem_read_from_its_text_is_the_same_as_a_record(difficulty: str) -> None:
    source = ProblemSource(ProblemConfig(difficulty=difficulty), 3)
    for index in range(8):
        problem = Problem.from_record(source.record(index), source.lexicon)
        read = read_problem(problem.text, source.lexicon, problem.modulus)
        again = Problem.from_record(record_of(read, source.lexicon)[0], source.lexicon)
        assert again.text == problem.text
        assert grade(problem, again.solution_text, problem.answer).correct
