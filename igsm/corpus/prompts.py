"""Prompts with examples for language models that are not trained on these problems: right ones, wrong ones, or both.

The strategies are those of learning from mistakes in context (arXiv 2502.08550), and three controls. All of them share
their examples, made ones of the training split or those that a run was evaluated on, and the problems that are asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from igsm.corpus.documents import draw_attempt
from igsm.corpus.rows import rows_of
from igsm.corpus.vocabulary import load_vocabulary
from igsm.corpus.written import written_of
from igsm.errors import InputError, suggest
from igsm.grading.evaluations import records_of
from igsm.grading.grade import grade
from igsm.grading.reader import Reader
from igsm.mistakes.config import Weights
from igsm.mistakes.layout import PLAIN, Layout, Part, Role, Row
from igsm.mistakes.source import DocumentSource
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.lexicon import load_lexicon
from igsm.problems.problem import Problem
from igsm.problems.wording import FIRST_NUMBER
from igsm.seeds import derive_key

STRATEGIES = {
    "cot": "right solutions",
    "cot_plus": "as many more right solutions as make the prompt as long as implicit's",
    "explicit": "a wrong solution, what is wrong with it, and the right one",
    "implicit": "a wrong solution and the right one",
    "wrong_only": "wrong solutions",
    "explicit_false": "as explicit, with what is wrong with the solution of another example",
}
_TASK = (
    "All numbers are modulo {modulus}. Solve the last problem in the form of the solutions before it: each step "
    "defines one quantity by those before it, and the answer stands at the end."
)
_WRONG_ONLY = " Each solution before it has a wrong step."
_ASK = "Correct solution:"


class Example(NamedTuple):
    """A problem with a wrong and its right solution."""

    problem: Problem
    wrong: str
    """With its answer."""
    why: str
    """What the grader says of it."""

    @property
    def right(self) -> str:
        """With its answer."""
        return answered(self.problem.solution_text, self.problem.answer)


def answered(solution: str, answer: object) -> str:
    """A solution with the answer behind it, as the grader reads it."""
    return f"{solution.strip()} Answer: {answer}."


def made_examples(config: ProblemConfig, seed: int, weights: Weights) -> Iterator[Example]:
    """Problems of the training split, each with a wrong solution that goes on from its wrong step to an answer.

    Args:
        weights: of the kinds of the wrong step.
    """
    source = DocumentSource(config.model_copy(update={"split": "train"}), seed=seed)
    wrong = Row(Part.ATTEMPT, Role.ATTEMPT)
    rows = PLAIN.variants[0][1]
    layout = Layout(((0.0, (rows[0], wrong, rows[-1])), (1.0, rows)), weights)
    compiled, index = rows_of(layout, load_vocabulary(config)), 0
    while True:
        document = source.document(index)
        written = written_of(document)
        state = derive_key("prompt examples", seed, source.stream_name, index)
        if draw_attempt(source.record(index), source.lexicon, compiled, written, state):
            start, end = (int(place) for place in written.parts[Part.ATTEMPT])
            text = document.table.text(written.codes[start:end])
            answer = int(written.codes[written.parts[Part.WRONG_ANSWER, 0]]) - FIRST_NUMBER
            assert document.problem is not None
            yield _example(document.problem, text, answer)
        index += 1


def own_examples(run: Path, config: ProblemConfig) -> Iterator[Example]:
    """Problems of a run's evaluations, each with the wrong solution that its model wrote.

    Args:
        config: of the problems that are asked.

    Raises:
        InputError: no generations there, or problems with other names or another modulus than those that are asked.
    """
    law = config.problem_class
    files = [*sorted(run.glob("generations.jsonl.gz")), *sorted(run.glob("eval/*/generations.jsonl.gz"))]
    if not files:
        raise InputError(f"{run}: no generations there; evaluate it first: mistakes eval {run}")
    reader, seen = Reader(load_lexicon(law.lexicon)), set[str]()
    for path in files:
        for record in records_of(path):
            if not record["finished"] or not record["answer"].strip() or record["problem"] in seen:
                continue
            if (record["lexicon"], record["modulus"]) != (law.lexicon, law.modulus):
                raise InputError(
                    f"{path}: its problems have the names of lexicon '{record['lexicon']}' modulo {record['modulus']}, "
                    f"those that are asked the names of '{law.lexicon}' modulo {law.modulus}; give their --difficulty"
                )
            problem = reader.read(record["problem"], law.modulus)
            if not grade(problem, record["solution"], record["answer"]).correct:
                seen.add(record["problem"])
                yield _example(problem, record["solution"], record["answer"].strip())


def _example(problem: Problem, wrong: str, answer: object) -> Example:
    error = grade(problem, wrong, str(answer)).error
    assert error is not None
    return Example(problem, answered(wrong, answer), f"Step {error.step} is wrong ({error.kind}): {error.message}.")


def prompts(
    items: Iterator[dict[str, Any]], examples: Iterator[Example], strategy: str, shots: int
) -> Iterator[dict[str, Any]]:
    """Records of problems (`igsm.corpus.export.records`) with a prompt each; all have the same examples.

    The prompt ends in "Correct solution:". What a model writes after it is graded like any solution, as `response` of
    the record: `mistakes check` would read `answer`, which is the true one, as the model's beside a `solution`.

    Args:
        examples: as many as are needed; a problem among them is not asked for.
        shots: examples in a prompt; of cot_plus more (see `STRATEGIES`).

    Raises:
        InputError: an unknown strategy, or too few examples.
    """
    if strategy not in STRATEGIES:
        raise InputError(f"--strategy {strategy}: unknown strategy{suggest(strategy, STRATEGIES)}")
    if strategy == "explicit_false" and shots < 2:
        raise InputError("--strategy explicit_false: takes what is wrong from another example; give --shots 2 or more")
    chosen = list(islice(examples, shots))
    if len(chosen) < shots:
        raise InputError(f"--shots {shots}: there are only {len(chosen)} wrong solutions")
    if strategy == "cot_plus":
        chosen = _as_long(chosen, examples)
    head, known = _head(chosen, strategy), {example.problem.text.strip() for example in chosen}
    for item in items:
        if item["problem"] in known:
            continue
        kept = {name: item[name] for name in ("problem", "question", "answer", "op", "modulus", "lexicon")}
        task = _TASK.format(modulus=item["modulus"]) + _WRONG_ONLY * (strategy == "wrong_only")
        prompt = f"{task}\n\n{head}Problem: {item['problem']}\n{_ASK}"
        yield {"prompt": prompt, "strategy": strategy, "shots": len(chosen)} | kept


def _as_long(chosen: list[Example], further: Iterator[Example]) -> list[Example]:
    """The examples, and more, until right solutions alone come nearest to the length of the pairs of the first ones."""
    aim = len(_head(chosen, "implicit"))
    longer = list(chosen)
    while len(_head(longer, "cot")) < aim:
        example = next(further, None)
        if example is None:
            raise InputError("--strategy cot_plus: there are too few further problems; give fewer --shots")
        longer.append(example)
    shorter = longer[:-1] if len(longer) > len(chosen) else longer
    return min(shorter, longer, key=lambda one: abs(len(_head(one, "cot")) - aim))


def _head(examples: list[Example], strategy: str) -> str:
    text = ""
    for number, example in enumerate(examples):
        other = examples[(number + 1) % len(examples)] if strategy == "explicit_false" else example
        lines = [f"Problem: {example.problem.text.strip()}"]
        if strategy in ("explicit", "explicit_false", "implicit", "wrong_only"):
            lines.append(f"Wrong solution: {example.wrong}")
        if strategy in ("explicit", "explicit_false"):
            lines.append(f"What is wrong: {other.why}")
        if strategy != "wrong_only":
            lines.append(f"{_ASK} {example.right}")
        text += "\n".join(lines) + "\n\n"
    return text
