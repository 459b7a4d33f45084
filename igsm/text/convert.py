"""Files of step-by-step text -> one file with mistakes in it, row after row, whole or not at all."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from igsm.corpus.workers import InOrder
from igsm.errors import InputError
from igsm.grading.sources import Source, parsed_object
from igsm.text.files import line_of, must_be_writable, write_rows
from igsm.text.formats import find_format, must_be_format, read
from igsm.text.inject import OTHERS, Injection, Other, inject, must_be_clean, other_steps
from igsm.text.record import MISTAKE, RIGHT, Record, Row
from igsm.text.targets import NO_LOSS, must_fit, parquet_schema, row_of, sample_of
from igsm.text.tokens import Piece, Tokenizer

_CHUNK = 100  # rows that a worker takes at a time
_REASONS = 3  # of skipped rows are kept


@dataclass
class Counts:
    """What `convert` has done.

    Attributes:
        rows: read, those that were skipped included.
        written: rows in the output.
        skipped: rows that could not be used.
        reasons: of the first of them.
        steps, mistakes, rows_with_mistakes: of the rows used; steps without the mistakes.
        tokens, tokens_with_loss: of targets made of token ids.
        longest_row: tokens of the longest one.
        formats: what the files were read as.
        samples: the first rows with mistakes, in texts that have loss or have none.
        bytes_read, bytes_total: of the files; the total is not known of standard input.
    """

    rows: int = 0
    written: int = 0
    skipped: int = 0
    reasons: list[str] = field(default_factory=list)
    steps: int = 0
    mistakes: int = 0
    rows_with_mistakes: int = 0
    tokens: int = 0
    tokens_with_loss: int = 0
    longest_row: int = 0
    formats: list[str] = field(default_factory=list)
    samples: list[list[Piece]] = field(default_factory=list)
    bytes_read: int = 0
    bytes_total: int | None = None

    def skip(self, reason: str) -> None:
        """A row that cannot be used."""
        self.skipped += 1
        if len(self.reasons) < _REASONS:
            self.reasons.append(reason)

    def add(self, made: Made, samples: int) -> None:
        """A row, and what came of it."""
        self.rows += 1
        if made.reason is not None:
            self.skip(made.reason)
            return
        self.written += made.row is not None
        self.steps += made.steps
        self.mistakes += made.mistakes
        self.rows_with_mistakes += made.mistakes > 0
        self.tokens += made.tokens
        self.tokens_with_loss += made.tokens_with_loss
        self.longest_row = max(self.longest_row, made.tokens)
        if made.sample is not None and len(self.samples) < samples:
            self.samples.append(made.sample)


class Line(NamedTuple):
    """A row that is not read yet."""

    number: int
    """In all files, from 0."""
    where: str
    form: str
    content: Any
    """As `igsm.grading.sources.Source` gives it."""


class Made(NamedTuple):
    """What came of a row."""

    row: Row | str | None = None
    """For a table, or as a line; None where a preference lacks a mistake."""
    reason: str | None = None
    """Why it was left out."""
    steps: int = 0
    mistakes: int = 0
    tokens: int = 0
    tokens_with_loss: int = 0
    sample: list[Piece] | None = None


class _Settings(NamedTuple):
    injection: Injection
    target: str
    mask: str
    tokenizer: Tokenizer | None
    skip_bad: bool
    samples: int


def convert(
    files: Sequence[Path],
    out: Path,
    injection: Injection,
    *,
    target: str = "jsonl",
    mask: str = "none",
    form: str = "auto",
    tokenizer: Tokenizer | None = None,
    skip_bad: bool = False,
    samples: int = 0,
    workers: int = 1,
) -> Iterator[Counts]:
    """Put mistakes into the rows of files and write them to a new file; memory does not grow with the files.

    Yields the counts, the same object, after every row; the file has its name when the iterator ends.

    Args:
        files, out: "-" is standard input and output.
        workers: processes; the output does not depend on them.

    Raises:
        InputError: a row that cannot be used, with its place, unless ``skip_bad``; nothing to write; a bad setting.
    """
    must_fit(target, mask, tokenizer)
    if form != "auto":
        must_be_format(form)
    must_be_writable(out, (".parquet",) if target == "parquet" else (".jsonl",), f"--to {target}")
    sources = [Source(path, "surrogateescape") for path in files]
    counts = Counts()
    if all(source.size is not None for source in sources):
        counts.bytes_total = sum(source.size or 0 for source in sources)
    if injection.kind == "shuffle":
        injection = dataclasses.replace(injection, others=_others(sources, form, injection.marker))
    settings = _Settings(injection, target, mask, tokenizer, skip_bad, samples)

    def rows() -> Iterator[Row | str | None]:
        jobs = _chunks(_lines(sources, form, skip_bad, counts))
        with InOrder(functools.partial(_make, settings), jobs, workers=workers if workers > 1 else 0) as chunks:
            for made in itertools.chain.from_iterable(chunks):
                counts.add(made, samples)
                yield made.row

    for _ in write_rows(out, rows(), lambda: _must_hold(counts, out), parquet_schema):
        yield counts


def _make(settings: _Settings, lines: list[Line]) -> list[Made]:
    made: list[Made] = []
    samples = 0
    for line in lines:
        try:
            one = _made(settings, line, samples < settings.samples)
        except InputError as error:
            if not settings.skip_bad:
                raise InputError(f"{_with_place(error, line)}; --skip-bad leaves such rows out") from None
            one = Made(reason=_with_place(error, line))
        samples += one.sample is not None
        made.append(one)
    return made


def _with_place(error: InputError, line: Line) -> str:
    return str(error) if str(error).startswith(line.where) else f"{line.where}: {error}"


def _made(settings: _Settings, line: Line, with_sample: bool) -> Made:
    target, mask, tokenizer = settings.target, settings.mask, settings.tokenizer
    original = _readable(parsed_object(line.content, line.where), line.form)
    record = inject(original, settings.injection, line.number)
    row = row_of(original, record, target, mask, tokenizer)
    mistakes = sum(step.kind == MISTAKE for step in record.steps)
    sample = sample_of(record, row, mask, tokenizer) if with_sample and row is not None and mistakes else None
    labels = row["labels"] if row is not None and "input_ids" in row else []
    return Made(
        row if row is None or target == "parquet" else line_of(row), None,
        sum(step.kind == RIGHT for step in record.steps), mistakes, len(labels), len(labels) - labels.count(NO_LOSS),
        sample,
    )  # fmt: skip


def _must_hold(counts: Counts, out: Path) -> None:
    if counts.rows == 0:
        raise InputError("no rows in the files; one JSON object a line is expected")
    if counts.written == 0:
        why = "no mistake was drawn; a larger --rate draws more"
        if counts.skipped == counts.rows:
            why = f"none can be used: {counts.reasons[0]}"
        raise InputError(f"{out}: no rows to write of {counts.rows}: {why}")


def _lines(sources: Sequence[Source], form: str, skip_bad: bool, counts: Counts) -> Iterator[Line]:
    """The rows of all files; the format of each is that of its first row that can be read."""
    number = done = 0
    for source in sources:
        name = None if form == "auto" else form
        for _, where, content in source:
            try:
                row = None if name is not None else parsed_object(content, where)
            except InputError:
                if not skip_bad:
                    raise
                row = None
            if row is not None:
                try:
                    name = find_format(row)
                except InputError as error:
                    if not skip_bad:
                        raise InputError(f"{where}: {error}") from None
            if name is not None and name not in counts.formats:
                counts.formats.append(name)
            counts.bytes_read = done + source.position
            yield Line(number, where, name or "", content)
            number += 1
        done += source.size or 0
        counts.bytes_read = done


def _chunks(lines: Iterator[Line]) -> Iterator[list[Line]]:
    while chunk := list(itertools.islice(lines, _CHUNK)):
        yield chunk


def _readable(row: Row, form: str) -> Record:
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InputError("it holds bytes or characters that are not UTF-8") from None
    except TypeError as error:  # of a .parquet file
        name = next((name for name, value in row.items() if not _fits_json(value)), "?")
        raise InputError(f"the field '{name}' has no room in JSON ({error}); leave that column out") from None
    try:
        return read(row, form)
    except InputError as error:
        raise InputError(f"{error} (read as {form})") from None


def _fits_json(value: Any) -> bool:
    try:
        json.dumps(value)
    except TypeError:
        return False
    return True


def _others(sources: Sequence[Source], form: str, marker: str) -> tuple[Other, ...]:
    for source in sources:
        if source.size is None and str(source.path) != "-" and not source.path.exists():
            raise InputError(f"{source.path}: no such file")
    if any(source.size is None for source in sources):
        raise InputError("--kind shuffle reads its files twice: give files, not standard input or a pipe")
    found: list[Other] = []
    for line in itertools.islice(_lines(sources, form, True, Counts()), OTHERS):
        try:
            record = _readable(parsed_object(line.content, line.where), line.form)
            must_be_clean(record, marker)
        except InputError:
            continue
        found += other_steps(record, line.number)
    if len({other.row for other in found}) < 2:
        raise InputError("--kind shuffle takes steps of other rows: two rows that can be cut, or more, are needed")
    return tuple(found)
