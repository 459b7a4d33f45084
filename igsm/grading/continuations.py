"""Finished continuations from planted sentences: what `mistakes recover` has written, read without torch."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from igsm.errors import InputError
from igsm.grading.metrics import Json
from igsm.rundir import read_json, read_jsonl

RESULT = "recover.json"
CONTINUATIONS = "continuations.jsonl.gz"


class Recovered(NamedTuple):
    """A finished cell."""

    folder: Path
    settings: Json
    records: list[Json]


def read_recovered(folder: Path) -> Recovered:
    """The cell that lies in a folder. Raises InputError for a damaged file."""
    settings = read_json(folder / RESULT)
    try:
        return Recovered(folder, settings, list(read_jsonl(folder / CONTINUATIONS)))
    except (OSError, EOFError) as error:
        raise InputError(f"{folder / CONTINUATIONS}: cannot be read: {error}; delete {folder / RESULT}") from None
