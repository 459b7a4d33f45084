"""Formats of turns: messages, sharegpt, prompt-completion."""

from __future__ import annotations

from typing import Any

from igsm.errors import InputError
from igsm.text.format import Format, free_text, has, objects_of, text_of
from igsm.text.record import Record, Row, Turn

_SHAREGPT_ROLES = {"human": "user", "gpt": "assistant"}


def turns_of(value: Any, field: str, role: str, content: str, roles: dict[str, str]) -> tuple[Turn, ...]:
    """The turns of a conversation, roles under the names of `messages`."""
    turns = []
    for number, turn in enumerate(objects_of(value, field)):
        name = text_of(turn, role, f"{field}[{number}].")
        turns.append(Turn(roles.get(name, name), text_of(turn, content, f"{field}[{number}].")))
    return tuple(turns)


def of_conversation(turns: tuple[Turn, ...], name: str, row: Row) -> Record:
    if len(turns) < 2 or turns[-1].role != "assistant" or turns[-2].role != "user":
        raise InputError("its conversation does not end in a user's turn and the assistant's answer")
    return free_text(turns[:-1], turns[-1].content, name, row)


def _read_messages(row: Row) -> Record:
    turns = turns_of(row.get("messages"), "messages", "role", "content", {})
    return of_conversation(turns, "messages", row)


def as_messages(record: Record) -> list[Row]:
    """What comes before the solution, as messages."""
    return [{"role": turn.role, "content": turn.content} for turn in record.turns]


def _write_messages(record: Record, row: Row) -> Row:
    if row:
        turns = row["messages"]
        return {**row, "messages": [*turns[:-1], {**turns[-1], "content": record.text}]}
    return {"messages": [*as_messages(record), {"role": "assistant", "content": record.text}]}


def _read_sharegpt(row: Row) -> Record:
    turns = turns_of(row.get("conversations"), "conversations", "from", "value", _SHAREGPT_ROLES)
    return of_conversation(turns, "sharegpt", row)


def _write_sharegpt(record: Record, row: Row) -> Row:
    if row:
        turns = row["conversations"]
        return {**row, "conversations": [*turns[:-1], {**turns[-1], "value": record.text}]}
    names = {role: name for name, role in _SHAREGPT_ROLES.items()}
    turns = [*record.turns, Turn("assistant", record.text)]
    return {"conversations": [{"from": names.get(turn.role, turn.role), "value": turn.content} for turn in turns]}


def _read_prompt_completion(row: Row) -> Record:
    prompt, completion = row.get("prompt"), row.get("completion")
    if isinstance(prompt, str) and isinstance(completion, str):
        return free_text((Turn("user", prompt),), completion, "prompt-completion", row)
    turns = tuple(
        turn
        for field, value in (("prompt", prompt), ("completion", completion))
        for turn in turns_of(value, field, "role", "content", {})
    )
    if len(completion or ()) != 1:
        raise InputError("the field 'completion' has more than one message")
    return of_conversation(turns, "prompt-completion", row)


def _write_prompt_completion(record: Record, row: Row) -> Row:
    if row:
        completion = row["completion"]
        text = record.text if isinstance(completion, str) else [{**completion[0], "content": record.text}]
        return {**row, "completion": text}
    if len(record.turns) == 1:
        return {"prompt": record.prompt, "completion": record.text}
    return {"prompt": as_messages(record), "completion": [{"role": "assistant", "content": record.text}]}


MESSAGES = Format(lambda row: has(row, messages=list), _read_messages, _write_messages)
SHAREGPT = Format(lambda row: has(row, conversations=list), _read_sharegpt, _write_sharegpt)
PROMPT_COMPLETION = Format(
    lambda row: "prompt" in row and "completion" in row, _read_prompt_completion, _write_prompt_completion
)
