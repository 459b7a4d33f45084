"""Formats of a question and its solution: gsm8k, math, alpaca."""

from __future__ import annotations

from igsm.errors import InputError
from igsm.text.cut import GSM8K_ANSWER, cut_lines, last_line
from igsm.text.format import Format, free_text, has, one_turn, text_of
from igsm.text.record import Record, Row, Turn


def _read_gsm8k(row: Row) -> Record:
    solution = text_of(row, "answer")
    steps, answer, start = cut_lines(solution)
    return Record((Turn("user", text_of(row, "question")),), solution, steps, answer, start, "gsm8k", row)


def _write_gsm8k(record: Record, row: Row) -> Row:
    text = record.text
    if last_line(text) is None:
        if len(record.answer.splitlines()) != 1:
            raise InputError(
                f"gsm8k needs a final answer of one line ('{GSM8K_ANSWER} 72'), and the solution sets none apart"
            )
        text = f"{text}\n{GSM8K_ANSWER} {record.answer}"
    return {**row, "question": one_turn(record, "gsm8k"), "answer": text}


def _read_math(row: Row) -> Record:
    return free_text((Turn("user", text_of(row, "problem")),), text_of(row, "solution"), "math", row)


def _write_math(record: Record, row: Row) -> Row:
    return {**row, "problem": one_turn(record, "math"), "solution": record.text}


def _read_alpaca(row: Row) -> Record:
    turns = [Turn("system", row["system"])] if has(row, system=str) and row["system"] else []
    history = row.get("history") or []
    if not isinstance(history, list):
        raise InputError("the field 'history' is no list of pairs of texts")
    for pair in history:
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(one, str) for one in pair):
            raise InputError("the field 'history' is no list of pairs of texts")
        turns += [Turn("user", pair[0]), Turn("assistant", pair[1])]
    asked = text_of(row, "instruction")
    if row.get("input") not in (None, ""):
        asked = f"{asked}\n\n{text_of(row, 'input')}"
    return free_text((*turns, Turn("user", asked)), text_of(row, "output"), "alpaca", row)


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


GSM8K = Format(lambda row: has(row, question=str, answer=str), _read_gsm8k, _write_gsm8k)
MATH = Format(lambda row: has(row, problem=str, solution=str), _read_math, _write_math)
ALPACA = Format(lambda row: has(row, instruction=str, output=str), _read_alpaca, _write_alpaca)
