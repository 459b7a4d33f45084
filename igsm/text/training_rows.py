"""Rows of `mistakes inject --to segments` as a model of ours reads them: packed into windows, epoch after epoch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from igsm.errors import InputError
from igsm.rundir import read_jsonl
from igsm.seeds import numpy_generator
from igsm.text.record import Row
from igsm.text.tokens import Piece
from igsm.text.words import Words


class TrainingRow(NamedTuple):
    """A row that fits a window."""

    ids: np.ndarray
    """int64 [n], the end included."""
    loss: np.ndarray
    """bool [n]."""


def read_segments(path: Path) -> Iterator[list[Piece]]:
    """The pieces of each row. Raises InputError, with its line, for a row that has no segments."""
    for number, row in enumerate(read_jsonl(path), 1):
        yield _pieces(row, f"{path}, line {number}")


def _pieces(row: Row, where: str) -> list[Piece]:
    segments = row.get("segments")
    try:
        pieces = [(one["text"], one["label"]) for one in segments or ()]
    except (TypeError, KeyError):
        pieces = []
    if not pieces or not all(isinstance(text, str) and isinstance(label, bool) for text, label in pieces):
        raise InputError(f"{where}: no segments; a file of `mistakes inject --to segments` is expected")
    return pieces


class Windows:
    """Windows of whole rows in an order that is drawn anew every epoch; a row that is cut by a window's end is lost.

    Window w is a pure function of (rows, context, seed, w).

    Raises:
        InputError: no row fits a window.
    """

    def __init__(self, rows: list[list[Piece]], words: Words, context: int, seed: int, where: str) -> None:
        encoded = (words.encode_pieces(pieces) for pieces in rows)
        every = [TrainingRow(np.array(ids), np.array(loss)) for ids, loss in encoded]
        self.rows = [row for row in every if len(row.ids) <= context]
        self.too_long = len(every) - len(self.rows)
        if not self.rows:
            longest = f"the shortest has {min(len(row.ids) for row in every)}" if every else "there is none"
            raise InputError(f"{where}: no row has at most {context} tokens ({longest}); raise data.context")
        self._context, self._seed = context, seed
        self._first, self._epoch, self._windows = 0, 0, self._packed(0)

    def read(self, first: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Windows first .. first + count - 1, in ascending calls: ids int64 and loss bool, both [count, context]."""
        ids, loss = [], []
        for number in range(first, first + count):
            while number >= self._first + len(self._windows[0]):
                self._first += len(self._windows[0])
                self._epoch += 1
                self._windows = self._packed(self._epoch)
            ids.append(self._windows[0][number - self._first])
            loss.append(self._windows[1][number - self._first])
        return np.stack(ids), np.stack(loss)

    def _packed(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """An epoch's windows; only the last one may have room left, which has no loss."""
        ids: list[np.ndarray] = []
        loss: list[np.ndarray] = []
        place = self._context
        for number in numpy_generator("text windows", self._seed, epoch).permutation(len(self.rows)):
            if place == self._context:
                ids.append(np.zeros(self._context, np.int64))
                loss.append(np.zeros(self._context, bool))
                place = 0
            row = self.rows[number]
            end = min(place + len(row.ids), self._context)
            ids[-1][place:end], loss[-1][place:end] = row.ids[: end - place], row.loss[: end - place]
            place = end
        return np.stack(ids), np.stack(loss)
