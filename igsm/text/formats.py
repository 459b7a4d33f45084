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

from igsm.errors import InputError, suggest
from igsm.text.conversations import MESSAGES, PROMPT_COMPLETION, SHAREGPT
from igsm.text.questions import ALPACA, GSM8K, MATH
from igsm.text.record import Record, Row
from igsm.text.step_lists import PRM800K, STEPS

FORMATS = {
    "gsm8k": GSM8K,
    "math": MATH,
    "messages": MESSAGES,
    "sharegpt": SHAREGPT,
    "alpaca": ALPACA,
    "prompt-completion": PROMPT_COMPLETION,
    "prm800k": PRM800K,
    "steps": STEPS,
}
"""In the order in which a row's format is looked for."""


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
