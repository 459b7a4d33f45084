"""Outputs of other programs to grade: which field holds the problem, which the solution, by the names in common use.

Known are our own records and chats, samples that lm-evaluation-harness logs, samples of Inspect, requests and responses
of chat APIs, and flat records such as prompt/response, prompt/completion, instruction/output, prompt/generated_text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from igsm.errors import InputError
from igsm.grading.records import TextRecord, text_record
from igsm.grading.sources import Source, parsed_object

PROBLEM_NAMES = (
    "problem", "doc", "prompt", "input", "instruction", "query", "question", "request", "body", "messages",
    "conversations", "arguments",
)  # fmt: skip
SOLUTION_NAMES = (
    "resps", "filtered_resps", "response", "responses", "completion", "completions", "output", "outputs",
    "generated_text", "generation", "generations", "model_output", "prediction", "predictions", "choices", "messages",
    "conversations", "solution",
)  # fmt: skip
"""In this order: where a record has a model's output beside a `solution`, that is the right one it was given."""
_INSIDE_PROBLEM = ("problem", "prompt", "question", "input", "messages", "content", "value", "text", "body", "arg_0",
                   "gen_args_0")  # fmt: skip
_INSIDE_SOLUTION = ("completion", "content", "generated_text", "output_text", "text", "value", "message", "choices",
                    "outputs", "output", "body")  # fmt: skip
_ABOUT = ("op", "modulus", "lexicon", "bin", "generator")
_USER, _ASSISTANT = ("user", "human"), ("assistant", "gpt", "model")


class Fields(NamedTuple):
    """Names of the fields that are used; with a dot, inside another one."""

    problem: str
    solution: str
    answer: str | None
    """Only beside `solution`: elsewhere a field of that name holds the right answer, not a model's."""

    def __str__(self) -> str:
        answer = f", {self.answer} (answer)" if self.answer else ""
        return f"{self.problem} (problem), {self.solution} (solution){answer}"


class Outputs:
    """The solutions in a file of JSON lines, or in a .json file that is a list or has a list of `samples`.

    Args:
        problem, solution: the fields, where they are not to be found by their names.

    Attributes:
        fields: which are used; known after the first record.
        source: the file, which knows how much of it has been read.
    """

    def __init__(self, path: str | Path, problem: str | None = None, solution: str | None = None) -> None:
        self.path, self._problem, self._solution = Path(path), problem, solution
        self.source = Source(path)
        self.fields: Fields | None = None

    def __iter__(self) -> Iterator[TextRecord]:
        """A record for each solution; one line may hold several.

        Raises:
            InputError: a line holds no problem or no solution, with the fields that it has.
        """
        for number, where, content in self.source:
            record = parsed_object(content, where)
            if self.fields is None:
                self.fields = find_fields(record, where, self._problem, self._solution)
            if self.fields.solution == "solution" and "answer" in record:  # which the first record may lack
                self.fields = self.fields._replace(answer="answer")
            yield from self._of(record, number, where, self.fields)

    def _of(self, record: Mapping[str, Any], number: int, where: str, fields: Fields) -> Iterator[TextRecord]:
        problem = prompt_in(_at(record, fields.problem))
        solutions = outputs_in(_at(record, fields.solution))
        for text, name in ((problem, fields.problem), (solutions or None, fields.solution)):
            if text is None:
                what = "not text" if name.partition(".")[0] in record else "missing"
                raise InputError(f"{where}: the field '{name}' is {what}; {_there(record)}")
        doc = record.get("doc")
        beside = {**(doc if isinstance(doc, dict) else {}), **record}
        about = {name: beside.get(name) for name in _ABOUT}
        if fields.problem.rpartition(".")[2] == "problem":
            about["question"] = beside.get("question")
        if fields.answer is not None:
            about["answer"] = record.get(fields.answer)
        for solution in solutions:
            content = {**about, "problem": problem, "solution": _without_prompt(solution, problem or "")}
            yield text_record(content, number, where, solutions=True)


def find_fields(
    record: Mapping[str, Any], where: str, problem: str | None = None, solution: str | None = None
) -> Fields:
    """The fields of a record that hold its problem and its solution, unless they are given.

    Raises:
        InputError: none of the names that are known is there with a text in it.
    """
    problem = problem or _first(record, PROBLEM_NAMES, prompt_in, f"{where}: no problem is found", "--problem")
    solution = solution or _first(record, SOLUTION_NAMES, outputs_in, f"{where}: no solution is found", "--solution")
    answer = "answer" if solution == "solution" and "answer" in record else None
    return Fields(problem, solution, answer)


def _first(
    record: Mapping[str, Any], names: tuple[str, ...], read: Callable[[Any], Any], complaint: str, option: str
) -> str:
    found = next((name for name in names if name in record and read(record[name])), None)
    if found is None:
        raise InputError(f"{complaint}; {_there(record)}; name one with {option}")
    inside = record[found]
    if found == "doc":  # say which one: a document has many fields
        found += "." + next(name for name in _INSIDE_PROBLEM if read(inside.get(name)))
    return found


def _there(record: Mapping[str, Any]) -> str:
    return f"there are the fields {', '.join(record)}" if record else "it has no fields"


def _at(record: Mapping[str, Any], name: str) -> Any:
    value: Any = record
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _without_prompt(text: str, problem: str) -> str:
    """A completion without the prompt that some programs repeat before it."""
    return text.lstrip().removeprefix(problem.strip()) if problem.strip() else text


def prompt_in(value: Any) -> str | None:
    """The text that a model was given: a string, the last user's turn of a conversation, or what holds one of them."""
    if isinstance(value, str):
        return value
    if turns := _turns(value):
        asked = [text for role, text in turns if role in _USER]
        return asked[-1] if asked else None
    if isinstance(value, list) and value:
        return prompt_in(value[0])
    if isinstance(value, Mapping):
        return next((text for name in _INSIDE_PROBLEM if (text := prompt_in(value.get(name))) is not None), None)
    return None


def outputs_in(value: Any) -> list[str]:
    """The texts that a model has answered: strings, the last turn of conversations, or what holds them."""
    if isinstance(value, str):
        return [value]
    if turns := _turns(value):
        role, said = turns[-1]
        return [said] if role in _ASSISTANT else []
    if isinstance(value, list):
        return [text for one in value for text in outputs_in(one)]
    if isinstance(value, Mapping):
        if (inside := _content(value.get("content"))) is not None:
            return [inside]
        return next((texts for name in _INSIDE_SOLUTION if (texts := outputs_in(value.get(name)))), [])
    return []


def _turns(value: Any) -> list[tuple[str, str]]:
    """Role and text of a conversation's turns; empty for anything else."""
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        return []
    turns = [(one.get("role", one.get("from")), _content(one.get("content", one.get("value")))) for one in value]
    return [(str(role), text or "") for role, text in turns if role is not None]


def _content(value: Any) -> str | None:
    """The text of a turn, which may come in parts."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        return "".join(str(one["text"]) for one in value if "text" in one)
    return None
