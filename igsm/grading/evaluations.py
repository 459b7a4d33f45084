"""Finished evaluations: settings from ``summary.json``, numbers from the ``verdicts.jsonl`` beside it.

An evaluation lies in ``RUN/eval/<cell>-<decoder>/``. One of the same cell and decoder under other settings lies beside
it, with what differs at the end of its folder's name (``...-step_4000``, ``...-context512-seed2``).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from igsm.errors import InputError
from igsm.grading.metrics import Columns, Json, current_names
from igsm.rundir import RunFolder, read_json, read_jsonl, weights_digest

SUMMARY, VERDICTS, GENERATIONS = "summary.json", "verdicts.jsonl", "generations.jsonl.gz"
ALL_PARAMETERS, FIRST_MISTAKES = "all-parameters", "first-mistakes"
"""What a probe was asked about; stands where an evaluation of a model has its decoder."""

# Fields that are read without a second look: name -> (must it be there, of which type).
_SUMMARY: dict[str, tuple[bool, Any]] = {
    "cell": (True, str),
    "decoder": (True, str),
    "n": (True, int),
    "seed": (False, int),
    "checkpoint": (False, str),
    "weights": (False, str),
    "test_set": (False, str),
    "chosen": (False, list),
    "provenance": (False, dict),
}
PROVENANCE: dict[str, tuple[bool, Any]] = {"command": (False, list), "git": (False, dict), "started": (False, str)}
_IN_WORDS = {str: "a text", int: "a whole number", bool: "true or false", list: "a list", dict: "an object"}
_VERDICT: dict[str, tuple[bool, Any]] = {"index": (True, int), "correct": (True, bool), "error": (False, dict)}


@dataclass(frozen=True)
class Evaluation:
    """A finished evaluation of a run: one cell, one decoder, one choice of settings.

    Attributes:
        folder: where it lies.
        settings: its ``summary.json``.
        n: how many of its problems are read: the first ones.
    """

    folder: Path
    settings: Json
    n: int

    @property
    def cell(self) -> str:
        return str(self.settings["cell"])

    @property
    def decoder(self) -> str:
        return str(self.settings["decoder"])

    @property
    def seed(self) -> Any:
        """Of the test set and of sampling; None when it is not known."""
        return self.settings.get("seed")

    @property
    def chosen(self) -> set[str]:
        """Settings that were not the default ones when it was made: seed, context, precision."""
        return set(self.settings.get("chosen") or ())

    @property
    def end(self) -> str:
        """The end of its folder's name, which says what its settings are; empty for the first of cell and decoder."""
        return self.folder.name.removeprefix(f"{self.cell}-{self.decoder}").lstrip("-")

    @property
    def label(self) -> str:
        """What it is called beside others of its cell and decoder."""
        return self.end or str(self.settings.get("checkpoint") or "first")

    @property
    def step(self) -> int:
        """Training step of the checkpoint; -1 when it is not known."""
        number = str(self.settings.get("checkpoint")).removeprefix("step_")
        return int(number) if number.isdecimal() else -1

    @cached_property
    def numbers(self) -> Columns:
        """Computed from the verdicts. Raises :class:`InputError` for a file that is damaged or not there."""
        return Columns(self.verdicts())

    def verdicts(self) -> Iterator[Json]:
        """One record a problem, under today's keys. Raises :class:`InputError` as `numbers`."""
        path = self.folder / VERDICTS
        if not path.is_file():
            raise InputError(f"{path}: no such file; the numbers of an evaluation are computed from it")
        number = 0
        for number, verdict in enumerate(islice(records_of(path), self.n), start=1):
            what = f"{path}, record {number}: not a verdict"
            check(verdict, _VERDICT, what)
            if verdict["index"] != number - 1:
                raise InputError(f"{what}: problem {number - 1} is expected, not {verdict['index']}")
            yield current_names(verdict)
        if number < self.n:
            raise InputError(f"{path}: has {number} verdicts, {SUMMARY} says {self.settings['n']}")


def read_evaluation(folder: Path, n: int | None = None) -> Evaluation:
    """A finished evaluation; its first ``n`` problems. Raises :class:`InputError` for a summary that is none."""
    path = folder / SUMMARY
    settings = read_json(path)
    check(settings, _SUMMARY, f"{path}: not the summary of an evaluation")
    check(settings.get("provenance") or {}, PROVENANCE, f"{path}: not the provenance of an evaluation")
    if settings["n"] < 1:
        raise InputError(f"{path}: not the summary of an evaluation: n = {settings['n']}")
    return Evaluation(folder, settings, min(settings["n"], n or settings["n"]))


def read_evaluations(run: str | Path, n: int | None = None) -> list[Evaluation]:
    """All that are finished, by name, and the first ``n`` problems of each."""
    return [read_evaluation(path.parent, n) for path in sorted(RunFolder(run).evaluations.glob(f"*/{SUMMARY}"))]


def read_default(run: str | Path, cell: str, decoder: str, seed: int | None = None) -> Evaluation | None:
    """The one of `defaults` of this cell and decoder; nothing when there is none."""
    name = f"{cell}-{decoder}"
    paths = sorted(RunFolder(run).evaluations.glob(f"*/{SUMMARY}"))
    found = [read_evaluation(path.parent) for path in paths if path.parent.name.startswith(name)]
    found = [one for one in found if (one.cell, one.decoder) == (cell, decoder)]
    return next(iter(defaults(run, found, seed)), None)


def defaults(run: str | Path, evaluations: Sequence[Evaluation], seed: int | None = None) -> list[Evaluation]:
    """One evaluation a cell and decoder, all of the newest checkpoint, under the default settings where there is one.

    Args:
        run: their run folder.
        seed: of the test set, where only that one will do.
    """
    current = current_weights(run)

    def newest(one: Evaluation) -> tuple[Any, ...]:
        weights = one.settings.get("weights")
        known = 1 if weights is None else 2 * (weights == current)  # an old summary does not say
        started = (one.settings.get("provenance") or {}).get("started", "")
        return known, one.step, started, one.settings["n"]

    wanted = [one for one in evaluations if seed is None or one.seed in (seed, None)]
    model = max(wanted, key=newest).settings if wanted else {}
    found: dict[tuple[str, str], Evaluation] = {}
    for one in wanted:
        name = "weights" if {"weights"} <= model.keys() & one.settings.keys() else "checkpoint"
        if one.settings.get(name) == model.get(name):
            key = one.cell, one.decoder
            found[key] = max(found.get(key, one), one, key=lambda one: (-len(one.chosen), newest(one)))
    return list(found.values())


def current_weights(run: str | Path) -> str | None:
    """The digest of the newest checkpoint's weights, or of `run` itself, if it is one; None: there is no whole one."""
    folder = RunFolder(run)
    steps = folder.checkpoint_steps()
    try:
        return weights_digest(folder.checkpoint(steps[-1]) if steps else Path(run))
    except InputError:
        return None


def records_of(path: Path) -> Iterator[Json]:
    """`read_jsonl` for files of any origin: InputError for one that cannot be read or is no whole gzip file."""
    try:
        yield from read_jsonl(path)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None


def check(content: Any, fields: dict[str, tuple[bool, Any]], what: str) -> None:
    """Raise InputError unless ``content`` is a mapping with these fields of these types."""
    if not isinstance(content, dict):
        raise InputError(f"{what}: an object is expected, not {type(content).__name__}")
    for key, (required, kind) in fields.items():
        if content.get(key) is None:
            if required:
                raise InputError(f"{what}: it has no '{key}'")
        elif not isinstance(content[key], kind) or (isinstance(content[key], bool) and kind is not bool):
            raise InputError(f"{what}: '{key}' cannot be {content[key]!r}: {_IN_WORDS[kind]} is expected")
