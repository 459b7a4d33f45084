"""Formats of step-by-step text: a row of each is read into a `Record`, and a record is written as a row of each.

A row that goes back into the format it came from keeps all its fields and their order; only the solution is put anew.

gsm8k               question, answer (lines, then "#### 72")
math                problem, solution
messages            messages: [{role, content}], the last turn the assistant's
sharegpt            conversations: [{from, value}]
alpaca              instruction, input, output; system and history if there
prompt-completion   prompt, completion: text, or lists of messages
prm800k             question.problem, label.steps[].completions[chosen_completion].text
steps               prompt, problem or question; steps or completions: a list of texts; labels if there
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from igsm.errors import InputError, suggest
from igsm.text.cut import GSM8K_ANSWER, cut_lines, cut_text, last_line
from igsm.text.record import BACK, MISTAKE, RIGHT, Record, Row, Step, Turn

_SHAREGPT_ROLES = {"human": "user", "gpt": "assistant"}
_PROMPTS = ("prompt", "problem", "question")
_LISTS = ("steps", "completions")


class Format(NamedTuple):
    """How a format is known, read and written.

    `read` raises InputError where a row is none; `write` gives a row for a record and the row it came from ({} if that
    was of another format), and raises InputError where the format has no room for what the record holds.
    """

    is_one: Callable[[Row], bool]
    read: Callable[[Row], Record]
    write: Callable[[Record, Row], Row]


def find_format(row: Row) -> str:
    """The name of the format of a row. Raises InputError when it is none of them."""
    for name, known in FORMATS.items():
        if known.is_one(row):
            return name
    fields = ", ".join(row) or "none"
    raise InputError(f"its format is not known (its fields: {fields}); name one with --format: {', '.join(FORMATS)}")


def must_be_format(name: str) -> None:
    """Raise InputError for a name that is no format's."""
    if name not in FORMATS:
        raise InputError(f"unknown format '{name}'{suggest(name, FORMATS)}")


def read(row: Row, name: str = "auto") -> Record:
    """A row as a record. Raises InputError, without its place, when it is no row of that format."""
    if name == "auto":
        name = find_format(row)
    must_be_format(name)
    return FORMATS[name].read(row)


def write(record: Record, name: str) -> Row:
    """A record as a row of a format. Raises InputError when the format has no room for it."""
    must_be_format(name)
    return FORMATS[name].write(record, record.meta if record.format == name else {})


def items(record: Record) -> list[tuple[str, bool]]:
    """The solution as a list of texts, and whether each is right; a mistake and its marker are one of them."""
    result: list[tuple[str, bool]] = []
    begin = 0 if record.steps and record.text[: record.steps[0].start].strip() else None
    for number, step in enumerate(record.steps):
        start = step.start if begin is None else begin
        if step.kind == MISTAKE and number + 1 < len(record.steps) and record.steps[number + 1].kind == BACK:
            begin = start
            continue
        result.append((record.text[start : step.end], step.kind == RIGHT))
        begin = None
    rest = record.text[record.steps[-1].end if record.steps else 0 :].strip()
    return [*result, (rest, True)] if rest or not result else result


def _is(row: Row, **kinds: type) -> bool:
    return all(isinstance(row.get(name), kind) for name, kind in kinds.items())


def _text(row: Row, name: str, where: str = "") -> str:
    value = row.get(name)
    if not isinstance(value, str):
        what = "not text" if value is not None else "missing" if name not in row else "null"
        raise InputError(f"the field '{where}{name}' is {what}")
    return value


def _objects(value: Any, name: str) -> list[Row]:
    if not isinstance(value, list) or not value or not all(isinstance(one, dict) for one in value):
        raise InputError(f"the field '{name}' is no list of objects")
    return value


def _free(turns: tuple[Turn, ...], solution: str, name: str, row: Row) -> Record:
    steps, answer, start = cut_text(solution)
    return Record(turns, solution, steps, answer, start, name, row)


def _one_turn(record: Record, name: str) -> str:
    if len(record.turns) != 1 or record.turns[0].role != "user":
        raise InputError(f"{name} has no room for a conversation of {len(record.turns)} turns before the solution")
    return record.prompt


def _read_gsm8k(row: Row) -> Record:
    solution = _text(row, "answer")
    steps, answer, start = cut_lines(solution)
    return Record((Turn("user", _text(row, "question")),), solution, steps, answer, start, "gsm8k", row)


def _write_gsm8k(record: Record, row: Row) -> Row:
    text = record.text
    if last_line(text) is None:
        if len(record.answer.splitlines()) != 1:
            raise InputError(
                f"gsm8k needs a final answer of one line ('{GSM8K_ANSWER} 72'), and the solution sets none apart"
            )
        text = f"{text}\n{GSM8K_ANSWER} {record.answer}"
    return {**row, "question": _one_turn(record, "gsm8k"), "answer": text}


def _read_math(row: Row) -> Record:
    return _free((Turn("user", _text(row, "problem")),), _text(row, "solution"), "math", row)


def _write_math(record: Record, row: Row) -> Row:
    return {**row, "problem": _one_turn(record, "math"), "solution": record.text}


def _conversation(value: Any, field: str, role: str, content: str, roles: dict[str, str]) -> tuple[Turn, ...]:
    """The turns of a conversation, roles under the names of `messages`."""
    turns = []
    for number, turn in enumerate(_objects(value, field)):
        name = _text(turn, role, f"{field}[{number}].")
        turns.append(Turn(roles.get(name, name), _text(turn, content, f"{field}[{number}].")))
    return tuple(turns)


def _read_conversation(turns: tuple[Turn, ...], name: str, row: Row) -> Record:
    if len(turns) < 2 or turns[-1].role != "assistant" or turns[-2].role != "user":
        raise InputError("its conversation does not end in a user's turn and the assistant's answer")
    return _free(turns[:-1], turns[-1].content, name, row)


def _read_messages(row: Row) -> Record:
    turns = _conversation(row.get("messages"), "messages", "role", "content", {})
    return _read_conversation(turns, "messages", row)


def _messages(turns: tuple[Turn, ...]) -> list[Row]:
    return [{"role": turn.role, "content": turn.content} for turn in turns]


def as_messages(record: Record) -> list[Row]:
    """What comes before the solution, as messages."""
    return _messages(record.turns)


def _write_messages(record: Record, row: Row) -> Row:
    if row:
        turns = row["messages"]
        return {**row, "messages": [*turns[:-1], {**turns[-1], "content": record.text}]}
    return {"messages": [*as_messages(record), {"role": "assistant", "content": record.text}]}


def _read_sharegpt(row: Row) -> Record:
    turns = _conversation(row.get("conversations"), "conversations", "from", "value", _SHAREGPT_ROLES)
    return _read_conversation(turns, "sharegpt", row)


def _write_sharegpt(record: Record, row: Row) -> Row:
    if row:
        turns = row["conversations"]
        return {**row, "conversations": [*turns[:-1], {**turns[-1], "value": record.text}]}
    names = {role: name for name, role in _SHAREGPT_ROLES.items()}
    turns = [*record.turns, Turn("assistant", record.text)]
    return {"conversations": [{"from": names.get(turn.role, turn.role), "value": turn.content} for turn in turns]}


def _read_alpaca(row: Row) -> Record:
    turns = [Turn("system", row["system"])] if _is(row, system=str) and row["system"] else []
    for pair in row.get("history") or ():
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(one, str) for one in pair):
            raise InputError("the field 'history' is no list of pairs of texts")
        turns += [Turn("user", pair[0]), Turn("assistant", pair[1])]
    asked = _text(row, "instruction")
    if row.get("input") not in (None, ""):
        asked = f"{asked}\n\n{_text(row, 'input')}"
    return _free((*turns, Turn("user", asked)), _text(row, "output"), "alpaca", row)


def _write_alpaca(record: Record, row: Row) -> Row:
    if row:
        return {**row, "output": record.text}
    before = record.turns[:-1]
    system = before[0].content if before and before[0].role == "system" else ""
    pairs = before[1:] if before and before[0].role == "system" else before
    if [turn.role for turn in pairs] != ["user", "assistant"] * (len(pairs) // 2):
        raise InputError("alpaca has no room for turns that are not a user's and the assistant's, one after the other")
    about = ({"system": system} if system else {}) | (
        {"history": [[asked.content, said.content] for asked, said in zip(pairs[::2], pairs[1::2], strict=True)]}
        if pairs
        else {}
    )
    return {"instruction": record.prompt, "input": "", "output": record.text, **about}


def _read_prompt_completion(row: Row) -> Record:
    prompt, completion = row.get("prompt"), row.get("completion")
    if isinstance(prompt, str) and isinstance(completion, str):
        return _free((Turn("user", prompt),), completion, "prompt-completion", row)
    turns = tuple(
        turn
        for field, value in (("prompt", prompt), ("completion", completion))
        for turn in _conversation(value, field, "role", "content", {})
    )
    if len(completion or ()) != 1:
        raise InputError("the field 'completion' has more than one message")
    return _read_conversation(turns, "prompt-completion", row)


def _write_prompt_completion(record: Record, row: Row) -> Row:
    if row:
        completion = row["completion"]
        text = record.text if isinstance(completion, str) else [{**completion[0], "content": record.text}]
        return {**row, "completion": text}
    if len(record.turns) == 1:
        return {"prompt": record.prompt, "completion": record.text}
    return {"prompt": as_messages(record), "completion": [{"role": "assistant", "content": record.text}]}


def _listed(prompt: str, texts: list[str], right: list[bool], answer: str, name: str, row: Row) -> Record:
    """A record of steps that stand in a list; the last of them states the final answer."""
    steps = []
    length = 0
    for text, is_right in zip(texts, right, strict=True):
        steps.append(Step(length, length + len(text), RIGHT if is_right else MISTAKE))
        length += len(text) + 1
    start = steps[-1].start if steps else 0
    return Record((Turn("user", prompt),), "\n".join(texts), tuple(steps), answer, start, name, row)


def _chosen(step: Row, where: str) -> tuple[str, bool]:
    """Text of the step that a person chose, and whether it is not rated as wrong."""
    number = step.get("chosen_completion")
    if number is None and isinstance(step.get("human_completion"), dict):
        return _text(step["human_completion"], "text", f"{where}.human_completion."), True
    completions = _objects(step.get("completions"), f"{where}.completions")
    if not isinstance(number, int) or not 0 <= number < len(completions):
        raise InputError(f"{where}: no completion was chosen, so there is no right solution")
    return _text(completions[number], "text", f"{where}.completions[{number}]."), completions[number].get(
        "rating"
    ) != -1


def _read_prm800k(row: Row) -> Record:
    question, label = row.get("question"), row.get("label")
    if not isinstance(question, dict) or not isinstance(label, dict):
        raise InputError("the fields 'question' and 'label' are no objects")
    chosen = [
        _chosen(step, f"label.steps[{number}]")
        for number, step in enumerate(_objects(label.get("steps"), "label.steps"))
    ]
    answer = question.get("ground_truth_answer")
    texts, right = [text for text, _ in chosen], [is_right for _, is_right in chosen]
    return _listed(
        _text(question, "problem", "question."), texts, right, answer if isinstance(answer, str) else "", "prm800k", row
    )


def _write_prm800k(record: Record, row: Row) -> Row:
    if row and _read_prm800k(row).text == record.text:
        return dict(row)
    label = row.get("label", {"finish_reason": "solution"})
    kept = iter(label.get("steps", ()))
    steps = [next(kept) if is_right and row else _prm800k_step(text, is_right) for text, is_right in items(record)]
    question = row.get("question") or {
        "problem": _one_turn(record, "prm800k"),
        "ground_truth_answer": record.answer or None,
    }
    return {**row, "question": question, "label": {**label, "steps": steps}}


def _prm800k_step(text: str, is_right: bool) -> Row:
    completion = {"text": text, "rating": 1 if is_right else -1, "flagged": False}
    return {"completions": [completion], "human_completion": None, "chosen_completion": 0}


def _read_steps(row: Row) -> Record:
    prompt = next((name for name in _PROMPTS if name in row), _PROMPTS[0])
    field = next((name for name in _LISTS if name in row), _LISTS[0])
    texts = row.get(field)
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise InputError(f"the field '{field}' is no list of texts")
    labels = row.get("labels")
    if labels is None:
        labels = [True] * len(texts)
    if not isinstance(labels, list) or [type(label) in (bool, int, float) for label in labels] != [True] * len(texts):
        raise InputError(
            f"the field 'labels' is no list of {len(texts)} numbers or booleans, one for each of '{field}'"
        )
    answer = row.get("answer")
    return _listed(
        _text(row, prompt), texts, [label > 0 for label in labels], answer if isinstance(answer, str) else "",
        "steps", row,
    )  # fmt: skip


def _write_steps(record: Record, row: Row) -> Row:
    listed = items(record)
    texts, labels = [text for text, _ in listed], [is_right for _, is_right in listed]
    if not row:
        return {"prompt": _one_turn(record, "steps"), "completions": texts, "labels": labels}
    field = next(name for name in _LISTS if name in row)
    if texts == row[field]:
        return dict(row)
    return {**row, field: texts, "labels": labels}


FORMATS = {
    "gsm8k": Format(lambda row: _is(row, question=str, answer=str), _read_gsm8k, _write_gsm8k),
    "math": Format(lambda row: _is(row, problem=str, solution=str), _read_math, _write_math),
    "messages": Format(lambda row: _is(row, messages=list), _read_messages, _write_messages),
    "sharegpt": Format(lambda row: _is(row, conversations=list), _read_sharegpt, _write_sharegpt),
    "alpaca": Format(lambda row: _is(row, instruction=str, output=str), _read_alpaca, _write_alpaca),
    "prompt-completion": Format(
        lambda row: "prompt" in row and "completion" in row, _read_prompt_completion, _write_prompt_completion
    ),
    "prm800k": Format(lambda row: _is(row, question=dict, label=dict), _read_prm800k, _write_prm800k),
    "steps": Format(
        lambda row: any(name in row for name in _PROMPTS) and any(_is(row, **{name: list}) for name in _LISTS),
        _read_steps,
        _write_steps,
    ),
}
"""In the order in which a row's format is looked for."""
