"""Formats that list the steps: prm800k, steps."""

from __future__ import annotations

from igsm.errors import InputError
from igsm.text.format import Format, has, objects_of, one_turn, text_of
from igsm.text.record import BACK, MISTAKE, RIGHT, Record, Row, Step, Turn

_PROMPTS = ("prompt", "problem", "question")
_LISTS = ("steps", "completions")


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
        return text_of(step["human_completion"], "text", f"{where}.human_completion."), True
    completions = objects_of(step.get("completions"), f"{where}.completions")
    if not isinstance(number, int) or not 0 <= number < len(completions):
        raise InputError(f"{where}: no completion was chosen, so there is no right solution")
    return text_of(completions[number], "text", f"{where}.completions[{number}]."), completions[number].get(
        "rating"
    ) != -1


def _read_prm800k(row: Row) -> Record:
    question, label = row.get("question"), row.get("label")
    if not isinstance(question, dict) or not isinstance(label, dict):
        raise InputError("the fields 'question' and 'label' are no objects")
    chosen = [
        _chosen(step, f"label.steps[{number}]")
        for number, step in enumerate(objects_of(label.get("steps"), "label.steps"))
    ]
    answer = question.get("ground_truth_answer")
    prompt = text_of(question, "problem", "question.")
    texts, right = [text for text, _ in chosen], [is_right for _, is_right in chosen]
    return _listed(prompt, texts, right, answer if isinstance(answer, str) else "", "prm800k", row)


def _write_prm800k(record: Record, row: Row) -> Row:
    if row and _read_prm800k(row).text == record.text:
        return dict(row)
    label = row.get("label", {"finish_reason": "solution"})
    kept = iter(label.get("steps", ()))
    steps = [next(kept) if is_right and row else _prm800k_step(text, is_right) for text, is_right in items(record)]
    question = row.get("question") or {
        "problem": one_turn(record, "prm800k"),
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
        text_of(row, prompt), texts, [label > 0 for label in labels], answer if isinstance(answer, str) else "",
        "steps", row,
    )  # fmt: skip


def _write_steps(record: Record, row: Row) -> Row:
    listed = items(record)
    texts, labels = [text for text, _ in listed], [is_right for _, is_right in listed]
    if not row:
        return {"prompt": one_turn(record, "steps"), "completions": texts, "labels": labels}
    field = next(name for name in _LISTS if name in row)
    if texts == row[field]:
        return dict(row)
    return {**row, field: texts, "labels": labels}


PRM800K = Format(lambda row: has(row, question=dict, label=dict), _read_prm800k, _write_prm800k)
STEPS = Format(
    lambda row: any(name in row for name in _PROMPTS) and any(has(row, **{name: list}) for name in _LISTS),
    _read_steps,
    _write_steps,
)
